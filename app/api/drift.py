"""`/environments/{env}/drift`: whether a schema is still as the last job left it."""

from flask import Response
from flask_openapi3.blueprint import APIBlueprint
from flask_openapi3.models.tag import Tag

from app.api import drift_schemas
from app.api.answers import tagged_response
from app.api.changes import CHANGED, answer_accepted
from app.api.context import origin, remember_environment, run, services
from app.api.inputs import ScanBody
from app.api.queries import EnvironmentPath
from app.api.render import Json
from app.api.render_values import moment, plain
from app.api.requests import checked
from app.domain.drift import DriftCheck, DriftState
from app.domain.whole import worst_drift

api = APIBlueprint(
    "drift",
    __name__,
    abp_tags=[Tag(name="Environments", description="What they are, and whether they are as they should be.")],
)

SHOWN = ("kind", "object", "change", "text", "expected", "found")


@api.get("/environments/<environment>/drift", responses={200: drift_schemas.Drift}, operation_id="getDrift")
@checked
def get_drift(path: EnvironmentPath) -> Response:
    """The last look at a schema

    Held against the one that the last job has left. Jobs look too, before their first step.
    """
    remember_environment(path.environment)
    found = run(services().drift.last(path.environment))
    if not services().environments.has_several(path.environment):
        return tagged_response(_drift(found[0]))
    whole = worst_drift(path.environment, found)
    return tagged_response({**_drift(whole), "targets": [_drift(one) for one in found]})


@api.post("/environments/<environment>/drift/scan", responses=CHANGED, operation_id="scanDrift")
@checked
def scan_drift(path: EnvironmentPath, body: ScanBody) -> Response:
    """Look at a schema now

    The answer is a job, which waits for no other; what it has found is then at `…/drift`.
    """
    remember_environment(path.environment)
    return answer_accepted(body, lambda claim: run(services().drift.scan(path.environment, body.note, origin(), claim)))


def _drift(check: DriftCheck) -> Json:
    here = f"/environments/{check.environment}/drift"
    links = {"self": here, "scan": f"{here}/scan"}
    if check.conflict_id is not None:
        links["conflict"] = f"/migrations/conflicts/{check.conflict_id}"
    return {
        "environment": check.environment,
        "state": check.state.value,
        "message": check.message,
        "checkedAt": moment(check.checked_at),
        "firstSeenAt": moment(check.first_seen_at) if check.state is DriftState.DRIFTED else None,
        "expectedFingerprint": check.expected,
        "foundFingerprint": check.found,
        "recordedAt": moment(check.recorded_at),
        "recordedByJobId": None if check.recorded_by_job is None else str(check.recorded_by_job),
        "differences": plain([{name: one[name] for name in SHOWN} for one in check.differences]),
        "differencesTotal": check.total,
        "conflictId": None if check.conflict_id is None else str(check.conflict_id),
        "links": links,
    }
