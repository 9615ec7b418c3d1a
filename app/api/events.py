"""`/events` and `/jobs/{id}/events`: what happens, as it happens, and what has happened."""

from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache
from http import HTTPStatus
from urllib.parse import quote, urlencode
from uuid import UUID

from flask import Response, request
from flask_openapi3.blueprint import APIBlueprint
from flask_openapi3.models.tag import Tag

from app.api import event_schemas
from app.api.answers import encoded, tagged_response
from app.api.context import access, base_url, run, services, waiters
from app.api.event_schemas import EventsQuery, JobEventsQuery
from app.api.following import Following
from app.api.queries import JobPath
from app.api.render_events import event_value
from app.api.requests import checked, uuid_or_not_found
from app.domain.errors import ValidationFailed
from app.domain.events import Event, known_topic
from app.domain.problem import Problem
from app.ports import EventsWanted

Write = Callable[[Event | None, str], bytes]

api = APIBlueprint("events", __name__, abp_tags=[Tag(name="Events", description="What happens, as it happens.")])

JSON, NDJSON, SSE = "application/json", "application/x-ndjson", "text/event-stream"
MOST_ID = 2**63 - 1
MOST_TOPICS = 50
# a proxy that gathers an answer before it passes it on would keep events back
_STREAMED = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
_HELLO = b"retry: 2000\n\n: here\n\n"


@api.get("/events", responses={200: event_schemas.SSE}, operation_id="followEvents")
@checked
def follow_events(query: EventsQuery) -> Response:
    """One stream for everything that somebody looks at

    `topics`: any of `jobs`, `conflicts`, `schedules`, `job:ID` and `environment:NAME`, with commas between them. The
    name of an event is its type; its data is for looking again, not for keeping. A caller that says which event it
    has (`Last-Event-ID`) gets all that came since; else it begins now.
    """
    topics = _topics(query.topics)
    following = Following(services(), waiters(), topics, _last_event_id(), admitted=_admitted())
    return _stream(SSE, following, _as_sse, hello=_HELLO)


@api.get("/jobs/<id>/events", responses={200: event_schemas.Events, 204: None}, operation_id="listJobEvents")
@checked
def list_job_events(path: JobPath, query: JobEventsQuery) -> Response:
    """What has happened to a job, oldest first, and what happens to it

    As a page of JSON (then the next one is in the `Link` header), or, by `Accept`, as a stream of lines
    (`application/x-ndjson`) or of server-sent events (`text/event-stream`). A stream begins behind `after`, or behind
    the event that `Last-Event-ID` names, and ends when the job has ended. A quiet one sends a comment, or an empty
    line, every 15 s.
    """
    job_id = uuid_or_not_found(path.id, "job", "/jobs")
    ended = run(services().migrations.job(job_id)).state.final
    # a browser that connects again sends its first address, and what it has had since
    known = _last_event_id()
    after = query.after if known is None else known
    best = request.accept_mimetypes.best_match([JSON, NDJSON, SSE]) or JSON
    response = _page(job_id, after or 0, query.limit) if best == JSON else _job_stream(best, job_id, after or 0, ended)
    response.vary.add("Accept")
    return response


def _job_stream(media: str, job_id: UUID, after: int, ended: bool) -> Response:
    if media == SSE and ended and _has_all(job_id, after):
        # with any other answer a browser would connect again, and again
        return Response(status=int(HTTPStatus.NO_CONTENT))
    following = Following(services(), waiters(), (f"job:{job_id}",), after, job_id, ended, admitted=_admitted())
    if media == SSE:
        return _stream(media, following, _as_sse, hello=_HELLO)
    return _stream(media, following, _as_line, hello=b"")


def _admitted() -> Callable[[], bool]:
    """Whether the caller of this request is still let in: asked while the stream goes on, when there is no request."""
    caller, known = access(), services()
    if caller.token is None and caller.ends_at is None:
        return lambda: True
    return lambda: known.portal.run(known.authenticator.goes_on(caller))


def _has_all(job_id: UUID, after: int) -> bool:
    return after > 0 and not run(services().events.find(EventsWanted(after, None, 1, job_id)))


def _page(job_id: UUID, after: int, limit: int) -> Response:
    found = run(services().events.find(EventsWanted(after, None, limit + 1, job_id)))
    response = tagged_response([event_value(one, base_url()) for one in found[:limit]])
    if len(found) > limit:
        query = urlencode({"after": found[limit - 1].id, "limit": limit})
        response.headers["Link"] = f'<{quote(request.path)}?{query}>; rel="next"'
    return response


def _stream(media: str, events: Iterable[Event | None], write: Write, hello: bytes) -> Response:
    if request.method == "HEAD":
        return Response(content_type=media, headers=_STREAMED)
    place = waiters().place()
    place.__enter__()
    response = Response(_written(events, write, hello, base_url()), content_type=media, headers=_STREAMED)
    # also where nobody ever reads it
    response.call_on_close(lambda: place.__exit__(None, None, None))
    return response


def _written(events: Iterable[Event | None], write: Write, hello: bytes, base_url: str) -> Iterator[bytes]:
    yield hello
    for event in events:
        yield write(event, base_url)


def _as_sse(event: Event | None, base_url: str) -> bytes:
    return b": still here\n\n" if event is None else _sse(event, base_url)


def _as_line(event: Event | None, base_url: str) -> bytes:
    return b"\n" if event is None else _json(event, base_url)


@lru_cache(maxsize=256)
def _sse(event: Event, base_url: str) -> bytes:
    """One event goes to many streams."""
    return b"id: %d\nevent: %s\ndata: %s\n" % (event.id, event.type.encode(), _json(event, base_url))


@lru_cache(maxsize=256)
def _json(event: Event, base_url: str) -> bytes:
    return encoded(event_value(event, base_url))


def _last_event_id() -> int | None:
    """Raises ValidationFailed."""
    given = request.headers.get("Last-Event-ID")
    if given is None or given == "":
        return None
    if not (given.isascii() and given.isdigit()) or len(given) > len(str(MOST_ID)) or int(given) > MOST_ID:
        message = "the header `Last-Event-ID` takes the id of an event, a whole number"
        raise ValidationFailed(message, (Problem("out_of_range", message, parameter="Last-Event-ID"),))
    return int(given)


def _topics(text: str) -> frozenset[str]:
    """Raises ValidationFailed for what is no topic, NotFound for an environment that is not there."""
    given = [one.strip() for one in text.split(",") if one.strip()]
    topics = {one: known_topic(one) for one in given}
    wrong = [one for one, topic in topics.items() if topic is None]
    if wrong or not given or len(given) > MOST_TOPICS:
        said = f"{wrong[0][:100]!r} is none" if wrong else f"{len(given)} are given"
        message = (
            f"`topics` takes 1 to {MOST_TOPICS} of jobs, conflicts, schedules, job:ID and environment:NAME; {said}"
        )
        raise ValidationFailed(
            message, (Problem("not_one_of", message, parameter="topics"),), next_steps=("GET /docs",)
        )
    for topic in topics.values():
        kind, _, name = (topic or "").partition(":")
        # of one that is no longer there is told how its jobs end, and that it is removed
        if kind == "environment" and not services().environments.has_known(name):
            services().environments.configured(name)
    return frozenset(topic for topic in topics.values() if topic is not None)
