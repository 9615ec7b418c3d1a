"""`/environments/{env}/sync`: bring an environment to what another has completed."""

from flask import Response
from flask_openapi3.blueprint import APIBlueprint
from flask_openapi3.models.tag import Tag
from flask_openapi3.types import ResponseDict

from app.api import plan_schemas
from app.api.changes import CHANGED, answer_change, carry_out
from app.api.context import origin, remember_environment, require, run, services
from app.api.inputs import SyncBody
from app.api.plans import made_plans
from app.api.queries import EnvironmentPath
from app.api.requests import checked
from app.domain.access import Scope, Verb
from app.domain.job import JobKind, JobRequest

api = APIBlueprint(
    "syncs",
    __name__,
    abp_tags=[Tag(name="Environments", description="What they are, and whether they are as they should be.")],
)

ANSWERS: ResponseDict = {**CHANGED, 201: plan_schemas.Plan}


@api.post("/environments/<environment>/sync", responses=ANSWERS, operation_id="syncEnvironment")
@checked
def sync_environment(path: EnvironmentPath, body: SyncBody) -> Response:
    """Bring an environment to what another has completed

    The same files, in their order, through everything that a run has to pass: what the environment requires, soak,
    window, drift, hazards. What is not ready is held back and named; what the environment has beyond the other is named
    and left alone. The answer is a job, or with `dryRun` the plan.
    """
    remember_environment(path.environment)
    asked = JobRequest(
        kind=JobKind.SYNC,
        environment=path.environment,
        source=body.source,
        to=body.to,
        on_busy=body.on_busy,
        on_drift=body.on_drift,
        on_failure=body.on_failure,
        outside_window=body.outside_window,
        lock_timeout_ms=body.lock_timeout_ms,
        note=body.note,
        allow_hazards=tuple(dict.fromkeys(body.allow_hazards)),
    )
    if body.dry_run:
        require(Scope(Verb.PLAN))
        return answer_change(body, lambda _: made_plans(run(services().syncs.plan(asked, origin()))))
    return carry_out(asked, body, services().syncs.submit)
