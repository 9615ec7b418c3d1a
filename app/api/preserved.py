"""`/environments/{env}/preserved`: what is kept of what steps would have destroyed."""

from urllib.parse import quote

from flask import Response
from flask_openapi3.blueprint import APIBlueprint
from flask_openapi3.models.tag import Tag

from app.api import preserved_schemas
from app.api.answers import tagged_response
from app.api.changes import CHANGED, carry_out
from app.api.context import may, remember_environment, run, services
from app.api.preserved_inputs import RestoreBody
from app.api.queries import ConfirmQuery, EnvironmentPath, PreservedPath
from app.api.render import Json, action
from app.api.render_values import moment
from app.api.requests import checked, uuid_or_not_found
from app.api.steps import in_environment
from app.domain.access import need_of
from app.domain.errors import CannotRestore
from app.domain.job import JobKind, JobRequest
from app.domain.preserved import PreservedSet, PreservedState
from app.domain.retrieving import refuse_without_rows

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


@api.post("/environments/<environment>/preserved/<id>/restore", responses=CHANGED, operation_id="restorePreserved")
@checked
def restore_preserved(path: PreservedPath, query: ConfirmQuery, body: RestoreBody) -> Response:
    """Put preserved data into a new table

    The set stays kept. The table belongs to the role that migrates, and shows its rows to nobody else.
    """
    remember_environment(path.environment)
    set_id = uuid_or_not_found(path.id, "preserved set", _listed(path.environment))
    asked = JobRequest(
        kind=JobKind.RESTORE,
        environment=path.environment,
        on_busy=body.on_busy,
        confirm=query.confirm or body.confirm,
        lock_timeout_ms=body.lock_timeout_ms,
        note=body.note,
    )
    submit = services().retrievals.submit
    return carry_out(asked, body, lambda request, origin, claim: submit(request, set_id, body.table, origin, claim))


def _restore(environment: str, one: PreservedSet) -> Json:
    refusal = may().refusal(need_of(JobKind.RESTORE, environment))
    try:
        refuse_without_rows(one)
    except CannotRestore as cannot:
        refusal = refusal or cannot.detail
    href = f"{_listed(environment)}/{one.id}/restore"
    return action("restore", "Put the rows into a table of their own", "POST", href, refusal, None)


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
        "actions": [_restore(environment, one)],
        "links": {
            "self": _listed(environment),
            "job": f"/jobs/{one.job_id}",
            "migration": f"/migrations/{quote(one.migration, safe='')}?{in_environment(environment)}",
        },
    }


def _listed(environment: str) -> str:
    return f"/environments/{quote(environment, safe='')}/preserved"
