"""`POST /migrations/verify`: whether migrations can be taken back, tried on a scratch database."""

from typing import Annotated

from flask import Response
from flask_openapi3.blueprint import APIBlueprint
from flask_openapi3.models.tag import Tag
from pydantic import ConfigDict, Field, StringConstraints

from app.api.changes import CHANGED, carry_out
from app.api.context import remember_environment, services
from app.api.inputs import MOST_NAMES, EnvironmentName, Input, Note
from app.api.queries import EnvironmentQuery
from app.api.requests import checked
from app.domain.job import JobKind, JobRequest

api = APIBlueprint(
    "proofs",
    __name__,
    abp_tags=[Tag(name="Migrations", description="Where every migration stands, and the calls that move them.")],
)

MigrationNameText = Annotated[str, StringConstraints(min_length=1, max_length=200, pattern=r"^[^\x00]*$", strict=True)]


class VerifyBody(Input):
    """May be left out."""

    model_config = ConfigDict(openapi_extra={"required": False})  # type: ignore[typeddict-unknown-key]

    environment: EnvironmentName | None = None
    names: (
        Annotated[
            list[MigrationNameText],
            Field(
                min_length=1,
                max_length=MOST_NAMES,
                description="names of pending migrations; all that are pending when left out",
            ),
        ]
        | None
    ) = None
    note: Note | None = None


@api.post("/migrations/verify", responses=CHANGED, operation_id="verifyMigrations")
@checked
def verify_migrations(query: EnvironmentQuery, body: VerifyBody) -> Response:
    """Prove that migrations can be taken back

    Up, down and up again on a scratch database made from the target's schema; the target itself is only read. The
    answer is a job, which waits for no run; its steps, and `reversibility` of each migration, hold the verdicts.
    `proof.dryRun` of each migration, and `dryRun` of its step in a plan, say what its first up really did.
    """
    named = query.environment or body.environment
    if named is not None:
        remember_environment(named)
    asked = JobRequest(
        kind=JobKind.VERIFY,
        environment=named or services().environments.default,
        names=tuple(dict.fromkeys(body.names or ())),
        note=body.note,
    )
    return carry_out(asked, body, services().proofs.submit)
