"""`/history`: what has happened, in all environments or one."""

from datetime import datetime
from typing import Annotated
from urllib.parse import quote

from flask import Response
from flask_openapi3.blueprint import APIBlueprint
from flask_openapi3.models.tag import Tag
from pydantic import Field, RootModel

from app.api.answers import tagged_response
from app.api.context import refuse_unheard, run, services
from app.api.inputs import DEFAULT_PAGE, Input, Limit, PageToken, text_of
from app.api.paging import link_next, stale, text_after
from app.api.render import Json
from app.api.render_values import moment
from app.api.requests import checked
from app.api.shapes import Answer, Href, Id, Moment
from app.api.steps import in_environment
from app.domain.history import END, JOB, LEDGER, Happening, Place
from app.domain.job import CONTROL

api = APIBlueprint("history", __name__, abp_tags=[Tag(name="Events", description="What happens, as it happens.")])

OF = "history"
_AWAY = "Liftlock-Missing"


class HistoryQuery(Input):
    environment: Annotated[str, text_of(200)] | None = Field(None, description="all of them when left out")
    migration: Annotated[str, text_of(200)] | None = Field(None, description="only what the ledgers say of this one")
    limit: Limit = DEFAULT_PAGE
    page_token: PageToken | None = None


class HistoryEntry(Answer):
    """`source` ledger: something was done with `migration`; job: something was asked for."""

    source: Annotated[str, Field(pattern="^(ledger|job)$")]
    id: str
    at: Moment
    environment: str | None
    event: Annotated[str, Field(description="what was done; of a job its kind")]
    migration: str | None
    version: str | None
    job_id: Id
    by: str
    state: Annotated[str | None, Field(description="of a job, as it is now")]
    reason: str | None
    message: str | None
    duration_ms: int | None
    links: dict[str, Href]


class History(RootModel[list[HistoryEntry]]):
    """Newest first."""


@api.get("/history", responses={200: History}, operation_id="listHistory")
@checked
def list_history(query: HistoryQuery) -> Response:
    """What has happened, newest first

    Rows of the ledgers, which are never changed or removed, and jobs. Of an environment with several targets it is
    what has happened in all of them; of one that is no more its jobs are left. A target that cannot be reached is named
    in the header `Liftlock-Missing`, and is missing here; where nothing that is asked about can be reached that is a
    problem. The next page is in the `Link` header.
    """
    refuse_unheard(query.environment)
    before = _place(query.page_token)
    page = run(services().history.page(query.environment, query.migration, before, query.limit + 1))
    response = tagged_response([_entry(one) for one in page.happenings[: query.limit]])
    if page.away:
        response.headers[_AWAY] = ", ".join(map(quote, page.away))
    if len(page.happenings) > query.limit:
        return link_next(response, OF, _token(page.happenings[query.limit - 1].place))
    return response


def _token(place: Place) -> str:
    return "\x00".join((place.at.isoformat(), place.source, place.environment, place.id))


def _place(token: str | None) -> Place:
    """Raises ValidationFailed for a token that is none of this list."""
    text = text_after(token, OF)
    if text is None:
        return END
    try:
        at, source, environment, id_ = text.split("\x00")
        place = Place(datetime.fromisoformat(at), source, environment, id_)
    except ValueError:
        raise stale() from None
    if source not in (LEDGER, JOB) or place.at.tzinfo is None or not _is_id(source, id_):
        raise stale()
    return place


def _is_id(source: str, id_: str) -> bool:
    return id_.isascii() and id_.isdigit() and len(id_) < 20 if source == LEDGER else _is_uuid(id_)


def _is_uuid(text: str) -> bool:
    return len(text) == 36 and all(one in "0123456789abcdef-" for one in text) and text.count("-") == 4


def _entry(one: Happening) -> Json:
    known = {"source": one.place.source, "id": one.place.id, "at": moment(one.place.at)}
    environment = None if one.place.environment == CONTROL else one.place.environment
    return known | {"environment": environment} | (_of_ledger(one) if one.ledger is not None else _of_job(one))


def _of_ledger(one: Happening) -> Json:
    event = one.ledger
    assert event is not None
    return {
        "event": event.event,
        "migration": event.name,
        "version": event.version,
        "jobId": str(event.job_id),
        "by": event.actor,
        "state": None,
        "reason": event.note,
        "message": event.failure,
        "durationMs": event.duration_ms,
        "links": {
            "job": f"/jobs/{event.job_id}",
            "migration": f"/migrations/{quote(event.name, safe='')}?{in_environment(one.place.environment)}",
        },
    }


def _of_job(one: Happening) -> Json:
    job = one.job
    assert job is not None
    lasted = None if job.started_at is None or job.finished_at is None else job.finished_at - job.started_at
    return {
        "event": job.request.kind.value,
        "migration": None,
        "version": None,
        "jobId": str(job.id),
        "by": job.origin.principal.label,
        "state": job.state.value,
        "reason": job.reason,
        "message": job.message,
        "durationMs": None if lasted is None else round(lasted.total_seconds() * 1000),
        "links": {"job": f"/jobs/{job.id}", "log": f"/jobs/{job.id}/log"},
    }
