"""`/jobs/{id}/log`: a line for everything that has happened to a job, as text that can be read in parts."""

from collections.abc import Iterator
from http import HTTPStatus
from uuid import UUID

from flask import Response, request
from flask_openapi3.blueprint import APIBlueprint
from flask_openapi3.models.tag import Tag
from werkzeug.datastructures import Range

from app.api import event_schemas
from app.api.answers import has_already
from app.api.context import run, services
from app.api.event_schemas import LogQuery
from app.api.queries import JobPath
from app.api.refusals import RangeNotSatisfiable
from app.api.requests import checked, uuid_or_not_found
from app.domain.events import line
from app.ports import LogPart
from app.wiring import Services

api = APIBlueprint("logs", __name__, abp_tags=[Tag(name="Events", description="What happens, as it happens.")])

TEXT = "text/plain; charset=utf-8"
LINES_AT_ONCE = 1000


@api.get(
    "/jobs/<id>/log",
    responses={200: event_schemas.LOG, 206: event_schemas.LOG},
    operation_id="getJobLog",
)
@checked
def get_job_log(path: JobPath, query: LogQuery) -> Response:
    """What has happened to a job, as text

    A line an event: when, what, and what is to be said of it. Lines are only ever added: `Range: bytes=1000-` reads
    on where the last answer ended, `Range: bytes=-1000` and `?tail=20` read the end.
    """
    job_id = uuid_or_not_found(path.id, "job", "/jobs")
    run(services().migrations.job(job_id))
    whole = run(services().events.log_bytes(job_id))
    if query.tail is not None:
        return _tail(job_id, whole, query.tail)
    tag = f"{job_id.hex}-{whole}"
    if has_already(tag):
        response = Response(status=int(HTTPStatus.NOT_MODIFIED))
        del response.headers["Content-Type"]
    else:
        response = _part(job_id, whole, _asked_range(tag))
    response.set_etag(tag)
    response.headers["Accept-Ranges"] = "bytes"
    return response


def _tail(job_id: UUID, whole: int, count: int) -> Response:
    first = run(services().events.last_lines(job_id, count))
    return _text(job_id, first, whole)


def _asked_range(tag: str) -> Range | None:
    """One range of bytes, of the log as it was when the caller last read it where it says so."""
    asked = request.range
    if asked is None or asked.units != "bytes" or len(asked.ranges) != 1:
        return None
    known = request.if_range
    return None if known.date is not None or known.etag not in (None, tag) else asked


def _part(job_id: UUID, whole: int, asked: Range | None) -> Response:
    if asked is None:
        return _text(job_id, 0, whole)
    found = asked.range_for_length(whole) or _all_if_shorter(asked, whole)
    if found is None:
        raise RangeNotSatisfiable(f"the log has {whole} bytes; ask for a part of them", facts={"bytes": whole})
    response = _text(job_id, *found)
    response.status_code = int(HTTPStatus.PARTIAL_CONTENT)
    response.headers["Content-Range"] = f"bytes {found[0]}-{found[1] - 1}/{whole}"
    return response


def _all_if_shorter(asked: Range, whole: int) -> tuple[int, int] | None:
    """The last 1000 bytes of 846 are all of them (https://www.rfc-editor.org/rfc/rfc9110#section-14.1.2)."""
    ((first, _),) = asked.ranges
    return (0, whole) if whole and first < -whole else None


def _text(job_id: UUID, first: int, end: int) -> Response:
    """The bytes from `first` up to `end`, which is not among them."""
    text = b"" if request.method == "HEAD" else _bytes(services(), job_id, first, end)
    response = Response(text, content_type=TEXT)
    response.headers["Content-Length"] = str(end - first)
    return response


def _bytes(services: Services, job_id: UUID, first: int, end: int) -> Iterator[bytes]:
    while first < end:
        events = services.portal.run(services.events.lines(LogPart(job_id, first, end - 1), LINES_AT_ONCE))
        text = b"".join(map(line, events))
        if not events:
            return
        begins = (events[-1].log_end or 0) - len(text)
        part = text[first - begins : end - begins]
        yield part
        first += len(part)
