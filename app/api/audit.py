"""`/audit`: who asked for what, from where, and what was refused."""

from urllib.parse import quote
from uuid import UUID

from flask import Response
from flask_openapi3.blueprint import APIBlueprint
from flask_openapi3.models.tag import Tag
from pydantic.alias_generators import to_camel

from app.api import access_schemas
from app.api.access_schemas import AuditQuery
from app.api.answers import tagged_response
from app.api.context import has_targets, refuse_unheard, run, services
from app.api.paging import after, link_next
from app.api.render import Json, principal
from app.api.render_values import moment, plain
from app.api.requests import checked
from app.domain.audit import AuditRow
from app.ports import AuditWanted

api = APIBlueprint("audit", __name__, abp_tags=[Tag(name="Access", description="Who may come in, and who did what.")])

OF = "audit"
_NOTHING: tuple[object, ...] = (None, [], {})


@api.get("/audit", responses={200: access_schemas.AuditRows}, operation_id="listAudit")
@checked
def list_audit(query: AuditQuery) -> Response:
    """The audit trail, newest first

    Every change that was asked for, and those that were refused for want of a scope, of consent or of an open window.
    Its rows are never changed or removed. The next page is in the `Link` header.
    """
    refuse_unheard(query.environment)
    last = after(query.page_token, OF)
    wanted = AuditWanted(
        limit=query.limit + 1,
        before=None if last is None else last.int,
        principal=query.principal,
        action=query.action,
        environment=query.environment,
        with_targets=has_targets(query.environment),
        since=query.since,
    )
    found = run(services().trail.find(wanted))
    response = tagged_response([_row(one) for one in found[: query.limit]])
    # page tokens carry ids of 128 bits
    return link_next(response, OF, str(UUID(int=found[query.limit - 1].id))) if len(found) > query.limit else response


def _row(row: AuditRow) -> Json:
    deed = row.deed
    return {
        "id": str(row.id),
        "at": moment(row.at),
        "principal": principal(deed.origin.principal),
        "requestId": deed.origin.request_id,
        "action": deed.action,
        "environment": deed.environment,
        "subject": deed.subject,
        "outcome": "accepted" if deed.refused is None else "refused",
        "refused": deed.refused,
        "detail": {to_camel(name): plain(value) for name, value in deed.detail.items() if value not in _NOTHING},
        "links": _links(row),
    }


def _links(row: AuditRow) -> dict[str, str]:
    """To what it was about, where that has an address."""
    deed = row.deed
    links = {} if deed.refused is None else {"problem": f"/problems/{deed.refused}"}
    if deed.subject is None:
        return links
    room, _, verb = deed.action.partition(".")
    if room == "conflicts":
        return links | {"conflict": f"/migrations/conflicts/{quote(deed.subject)}"}
    if room == "schedules" and verb != "run":
        return links | {"schedule": f"/schedules/{quote(deed.subject)}"}
    if room == "webhooks":
        return links | {"webhook": f"/webhooks/{quote(deed.subject)}"}
    return links if room == "tokens" else links | {"job": f"/jobs/{quote(deed.subject)}"}
