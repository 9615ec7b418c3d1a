"""`/migrations/conflicts`: what collided, who with whom, and what became of it."""

from flask import Response
from flask_openapi3.blueprint import APIBlueprint
from flask_openapi3.models.tag import Tag

from app.api import render, schemas
from app.api.answers import tagged_response
from app.api.context import run, services
from app.api.inputs import DEFAULT_PAGE, ConflictPath, ConflictsQuery
from app.api.paging import after, link_next
from app.api.requests import checked, uuid_or_not_found
from app.ports import ConflictQuery

api = APIBlueprint(
    "conflicts",
    __name__,
    abp_tags=[Tag(name="Conflicts", description="What collided, and what became of it.")],
)

OF = "conflicts"


@api.get("/migrations/conflicts", responses={200: schemas.Conflicts}, operation_id="listConflicts")
@checked
def list_conflicts(query: ConflictsQuery) -> Response:
    """The conflict log, newest first

    The whole list unless `limit` is given; then the next page is in the `Link` header.
    """
    if query.environment is not None:
        services().environments.named(query.environment)
    limit = query.limit or (DEFAULT_PAGE if query.page_token else None)
    wanted = ConflictQuery(
        limit=None if limit is None else limit + 1,
        before=after(query.page_token, OF),
        state=query.state,
        environment=query.environment,
    )
    found = run(services().conflicts.list(wanted))
    response = tagged_response([render.conflict(one) for one in found[:limit]])
    return link_next(response, OF, str(found[limit - 1].id)) if limit and len(found) > limit else response


@api.get("/migrations/conflicts/<id>", responses={200: schemas.Conflict}, operation_id="getConflict")
@checked
def get_conflict(path: ConflictPath) -> Response:
    """One conflict"""
    conflict_id = uuid_or_not_found(path.id, "conflict", "/migrations/conflicts")
    return tagged_response(render.conflict(run(services().conflicts.get(conflict_id))))
