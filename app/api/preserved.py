"""`/environments/{env}/preserved`: what is kept of what steps would have destroyed."""

from flask import Response
from flask_openapi3.blueprint import APIBlueprint
from flask_openapi3.models.tag import Tag

from app.api import preserved_schemas
from app.api.answers import tagged_response
from app.api.context import remember_environment, run, services
from app.api.queries import EnvironmentPath
from app.api.render import Json
from app.api.render_values import moment
from app.api.requests import checked
from app.domain.preserved import PreservedSet, PreservedState

api = APIBlueprint(
    "preserved",
    __name__,
    abp_tags=[Tag(name="Environments", description="What they are, and whether they are as they should be.")],
)

GONE = frozenset({PreservedState.RESTORED, PreservedState.PURGED})


@api.get(
    "/environments/<environment>/preserved",
    responses={200: preserved_schemas.PreservedSets},
    operation_id="listPreserved",
)
@checked
def list_preserved(path: EnvironmentPath) -> Response:
    """Preserved data

    What steps would have destroyed: kept, given back or purged; the newest 1,000 sets, newest first.
    """
    remember_environment(path.environment)
    kept = run(services().preserved.kept(path.environment))
    return tagged_response([_preserved(path.environment, one) for one in kept])


def _preserved(environment: str, one: PreservedSet) -> Json:
    until = None if one.state in GONE else services().preserved.retention.until(one.kept_at, needed=one.needed)
    return {
        "id": str(one.id),
        "migration": one.migration,
        "direction": one.direction.value,
        "jobId": str(one.job_id),
        "kind": one.kind.value,
        "table": one.table,
        "columns": list(one.columns),
        "rows": one.rows,
        "bytes": one.bytes,
        "checksum": one.checksum,
        "keptAt": moment(one.kept_at),
        "keptUntil": moment(until),
        "state": one.state.value,
        "needed": one.needed,
        "settledAt": moment(one.settled_at),
        "settledByJobId": None if one.settled_by is None else str(one.settled_by),
        "restoredRows": one.restored,
        "remarks": list(one.remarks),
        "links": {"job": f"/jobs/{one.job_id}", "migration": f"/migrations/{one.migration}?environment={environment}"},
    }
