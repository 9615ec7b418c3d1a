"""`/migrations/conflicts`: what collided, who with whom, and what became of it."""

from flask import Response
from flask_openapi3.blueprint import APIBlueprint
from flask_openapi3.models.tag import Tag

from app.api import conflict_schemas, render_conflicts, schemas
from app.api.answers import json_response, tagged_response
from app.api.changes import accepted, answer_change
from app.api.context import base_url, has_targets, origin, refuse_unheard, run, services
from app.api.inputs import DEFAULT_PAGE, ResolveBody
from app.api.paging import after, link_next
from app.api.queries import ConflictPath, ConflictsQuery
from app.api.requests import checked, uuid_or_not_found
from app.domain.conflict import Conflict
from app.ports import ConflictQuery, KeyClaim
from app.services.resolving import Asked

api = APIBlueprint(
    "conflicts",
    __name__,
    abp_tags=[Tag(name="Conflicts", description="What collided, and what became of it.")],
)

OF = "conflicts"


@api.get("/migrations/conflicts", responses={200: conflict_schemas.Conflicts}, operation_id="listConflicts")
@checked
def list_conflicts(query: ConflictsQuery) -> Response:
    """The conflict log, newest first

    The whole list unless `limit` is given; then the next page is in the `Link` header.
    """
    refuse_unheard(query.environment)
    limit = query.limit or (DEFAULT_PAGE if query.page_token else None)
    wanted = ConflictQuery(
        limit=None if limit is None else limit + 1,
        before=after(query.page_token, OF),
        state=query.state,
        environment=query.environment,
        with_targets=has_targets(query.environment),
    )
    found = run(services().conflicts.list(wanted))
    base = base_url()
    response = tagged_response([render_conflicts.conflict(one, base) for one in found[:limit]])
    return link_next(response, OF, str(found[limit - 1].id)) if limit and len(found) > limit else response


@api.get("/migrations/conflicts/<id>", responses={200: conflict_schemas.Conflict}, operation_id="getConflict")
@checked
def get_conflict(path: ConflictPath) -> Response:
    """One conflict"""
    conflict_id = uuid_or_not_found(path.id, "conflict", "/migrations/conflicts")
    return tagged_response(render_conflicts.conflict(run(services().conflicts.get(conflict_id)), base_url()))


@api.post(
    "/migrations/conflicts/<id>/resolve",
    responses={200: conflict_schemas.Resolved, 202: schemas.Change},
    operation_id="resolveConflict",
)
@checked
def resolve_conflict(path: ConflictPath, body: ResolveBody) -> Response:
    """Settle a conflict

    With one of its `remedies`. What only people can do outside is checked, and closed when its cause is gone;
    what changes a ledger is a job.
    """
    conflict_id = uuid_or_not_found(path.id, "conflict", "/migrations/conflicts")
    asked = Asked(body.resolution, body.note, body.migration, body.until)

    def answer(claim: KeyClaim | None) -> Response:
        answered = run(services().resolver.resolve(conflict_id, asked, origin(), claim))
        if isinstance(answered, Conflict):
            return json_response(render_conflicts.conflict(answered, base_url()))
        return accepted(answered)

    return answer_change(body, answer)
