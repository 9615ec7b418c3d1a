"""`/environments/{env}/unlock`, `/lock` and `/claim`: protection, changed on purpose and on the audit trail."""

from flask import Response
from flask_openapi3.blueprint import APIBlueprint
from flask_openapi3.models.tag import Tag

from app.api import protection_schemas
from app.api.answers import json_response
from app.api.changes import answer_change
from app.api.context import origin, remember_environment, run, services
from app.api.inputs import ConfirmedBody, ScanBody
from app.api.queries import EnvironmentPath
from app.api.render import Json
from app.api.render_values import moment
from app.api.requests import checked
from app.services.unlocking import Guarded

api = APIBlueprint(
    "protection",
    __name__,
    abp_tags=[Tag(name="Environments", description="What they are, and whether they are as they should be.")],
)


@api.post(
    "/environments/<environment>/unlock", responses={200: protection_schemas.Guarded}, operation_id="unlockEnvironment"
)
@checked
def unlock_environment(path: EnvironmentPath, body: ConfirmedBody) -> Response:
    """Protect an environment one step less for a quarter of an hour

    `locked` is then as `confirm`, `confirm` as `open`; it locks again by itself. `confirm` is its name.
    """
    remember_environment(path.environment)
    desk = services().protection
    return answer_change(body, lambda _: _answer(run(desk.unlock(path.environment, body.confirm, body.note, origin()))))


@api.post(
    "/environments/<environment>/lock", responses={200: protection_schemas.Guarded}, operation_id="lockEnvironment"
)
@checked
def lock_environment(path: EnvironmentPath, body: ScanBody) -> Response:
    """Protect an unlocked environment again, before its time is over"""
    remember_environment(path.environment)
    desk = services().protection
    return answer_change(body, lambda _: _answer(run(desk.lock(path.environment, body.note, origin()))))


@api.post("/environments/<environment>/claim", responses={200: protection_schemas.Guarded}, operation_id="claimTarget")
@checked
def claim_target(path: EnvironmentPath, body: ConfirmedBody) -> Response:
    """Take a database that was set up as another environment for this one

    Such as a copy of production that is to be a playground. `confirm` is the name that is recorded in it; its history
    stays. Refused while a job is at work there.
    """
    remember_environment(path.environment)
    desk = services().protection
    return answer_change(body, lambda _: _answer(run(desk.claim(path.environment, body.confirm, body.note, origin()))))


def _answer(guarded: Guarded) -> Response:
    return json_response(_guarded(guarded))


def _guarded(guarded: Guarded) -> Json:
    return {
        "environment": guarded.environment.name,
        "protection": guarded.protection.value,
        "unlockedUntil": moment(guarded.unlocked_until),
        "links": {"self": f"/environments/{guarded.environment.name}"},
    }
