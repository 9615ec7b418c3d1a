"""Events of a job as a page, as lines and as a stream; one stream for a whole page; the log as text."""

import json
import threading
from collections.abc import Iterator
from typing import Any
from uuid import UUID

import pytest

from app.api.context import extension_of
from app.api.following import Following
from app.api.waiting import Waiters
from app.domain.events import Event
from app.domain.job import Ended, Job, JobId, JobState, StepRecord, StepState
from tests.api.stand import Answer, Stand
from tests.api.test_changes import take_every_place
from tests.support.eventually import eventually

SSE = {"Accept": "text/event-stream"}
NDJSON = {"Accept": "application/x-ndjson"}


@pytest.fixture(autouse=True)
def patience(stand: Stand) -> Iterator[None]:
    """What should have ended a stream has not: it ends, and the test fails."""
    timer = threading.Timer(20, extension_of(stand.app).waiters.release_all)
    timer.start()
    yield
    timer.cancel()


def ended_job(stand: Stand) -> str:
    job_id: str = stand.post("/migrations/run").json["id"]
    attempt = stand.start(job_id)
    step = StepRecord(0, "orders", "3", "up", StepState.APPLIED, duration_ms=7)
    stand.run(stand.claims.record_steps(attempt, [step], "applying orders (3)"))
    stand.run(stand.claims.end(attempt, Ended(JobState.SUCCEEDED, "applied", "3 migrations applied")))
    return job_id


def ids(stream: str) -> list[int]:
    return [int(one.removeprefix("id: ")) for one in stream.splitlines() if one.startswith("id: ")]


def frames(stream: str) -> list[tuple[str, dict[str, Any]]]:
    """Name and data of each event."""
    found = []
    for block in stream.split("\n\n"):
        fields = dict(one.split(": ", 1) for one in block.splitlines() if not one.startswith(":"))
        if "data" in fields:
            found.append((fields["event"], json.loads(fields["data"])))
    return found


def test_a_page_of_events_goes_on_where_its_link_says(stand: Stand) -> None:
    job_id = ended_job(stand)
    whole = stand.get(f"/jobs/{job_id}/events").json
    assert [one["type"] for one in whole] == [
        "job.accepted", "job.changed", "step.applied", "job.progress", "job.ended",
    ]  # fmt: skip
    first = stand.get(f"/jobs/{job_id}/events?limit=3")
    link = first.headers["Link"].split(">")[0].lstrip("<")
    assert first.json + stand.get(link).json == whole
    assert "Link" not in stand.get(link).headers
    assert whole[2]["step"]["durationMs"] == 7 and whole[2]["links"]["job"] == f"/jobs/{job_id}"


def test_the_same_events_come_as_lines_and_as_a_stream(stand: Stand) -> None:
    job_id = ended_job(stand)
    whole = stand.get(f"/jobs/{job_id}/events").json
    lines = stand.get(f"/jobs/{job_id}/events", headers=NDJSON)
    stream = stand.get(f"/jobs/{job_id}/events", headers=SSE)
    assert [json.loads(one) for one in lines.text.splitlines()] == whole
    assert frames(stream.text) == [(one["type"], one) for one in whole]
    assert ids(stream.text) == [int(one["id"]) for one in whole]
    assert (stream.mimetype, stream.headers["X-Accel-Buffering"]) == ("text/event-stream", "no")
    assert (lines.headers["Cache-Control"], lines.headers["Vary"]) == ("no-store", "Accept")


@pytest.mark.parametrize("accept", [SSE, NDJSON])
def test_a_stream_goes_on_behind_the_last_event_that_its_caller_has(stand: Stand, accept: dict[str, str]) -> None:
    job_id = ended_job(stand)
    whole = stand.get(f"/jobs/{job_id}/events").json
    by_header = stand.get(f"/jobs/{job_id}/events", headers={**accept, "Last-Event-ID": whole[2]["id"]})
    by_query = stand.get(f"/jobs/{job_id}/events?after={whole[2]['id']}", headers=accept)
    assert by_header.text == by_query.text
    again = stand.get(f"/jobs/{job_id}/events?after=1", headers={**accept, "Last-Event-ID": whole[2]["id"]})
    assert again.text == by_header.text
    assert by_header.text.count('"type"') == 2


def test_a_browser_that_has_everything_is_told_not_to_come_again(stand: Stand) -> None:
    job_id = ended_job(stand)
    last = stand.get(f"/jobs/{job_id}/events").json[-1]["id"]
    assert stand.get(f"/jobs/{job_id}/events", headers={**SSE, "Last-Event-ID": last}).status_code == 204


def test_a_stream_follows_a_job_to_its_end(stand: Stand) -> None:
    job_id = stand.post("/migrations/run").json["id"]
    heard: list[Answer] = []
    reader = threading.Thread(target=lambda: heard.append(stand.get(f"/jobs/{job_id}/events", headers=SSE)))
    reader.start()
    eventually(lambda: stand.events.followed)
    stand.finish(job_id)
    reader.join(10)
    assert [name for name, _ in frames(heard[0].text)] == ["job.accepted", "job.changed", "job.ended"]
    assert stand.events.followed == 0


def test_one_stream_is_the_doorbell_of_a_whole_page(stand: Stand) -> None:
    other, mine = (stand.post("/migrations/run").json["id"] for _ in range(2))
    client = stand.client()
    answer = client.get(f"/events?topics=job:{mine}", base_url="http://localhost:3000")
    chunks = iter(answer.response)
    assert b"here" in next(chunks)
    finishing = threading.Timer(0.1, _finish, args=(stand, other, mine))
    finishing.start()
    (name, data), *_ = frames(next(text for one in chunks if "data" in (text := bytes(one).decode())))  # type: ignore[arg-type]
    assert (name, data["topic"], data["jobId"]) == ("job.changed", f"job:{mine}", mine)
    answer.close()
    finishing.join()
    eventually(lambda: stand.events.followed == 0)


@pytest.mark.parametrize("topics", ["nothing", "job:1", "jobs,,x", "environment:", ",", "job:" + "g" * 36])
def test_what_is_no_topic_is_refused(stand: Stand, topics: str) -> None:
    refused = stand.get("/events", query_string={"topics": topics})
    assert (refused.status_code, refused.json["problems"][0]["parameter"]) == (422, "topics")


def test_an_environment_that_is_not_there_is_no_topic(stand: Stand) -> None:
    assert stand.get("/events?topics=environment:nowhere").status_code == 404


def test_an_environment_with_several_targets_is_followed_with_all_of_them(stand: Stand) -> None:
    targets = [{"name": "eu", "url": "env:QA_URL"}, {"name": "us", "url": "postgresql://db/us"}]
    assert stand.call("PUT", "/environments/shop", json={"targets": targets}).status_code == 201
    before = stand.run(stand.events.newest())
    whole = stand.post("/migrations/run?environment=shop").json["id"]
    stand.post("/migrations/run?environment=development")
    part = stand.post("/migrations/run?environment=shop.us").json["id"]

    header = {"Last-Event-ID": str(before)}
    answer = stand.client().get("/events?topics=environment:shop", headers=header, base_url="http://localhost:3000")

    assert answer.status_code == 200
    chunks = iter(answer.response)
    told = [frames(next(text for one in chunks if "data" in (text := bytes(one).decode()))) for _ in range(2)]  # type: ignore[arg-type]
    assert [data["jobId"] for ((_, data),) in told] == [whole, part]
    answer.close()


@pytest.mark.parametrize("given", ["x", "-1", "1.5", "9" * 30, "٣"])
def test_a_last_event_is_a_number(stand: Stand, given: str) -> None:
    job_id = stand.post("/migrations/run").json["id"]
    by_query = stand.get(f"/jobs/{job_id}/events", query_string={"after": given})
    assert (by_query.status_code, by_query.json["problems"][0]["parameter"]) == (422, "after")
    if given.isascii():
        by_header = stand.get(f"/jobs/{job_id}/events", headers={"Last-Event-ID": given})
        assert (by_header.status_code, by_header.json["problems"][0]["parameter"]) == (422, "Last-Event-ID")


def test_streams_have_places_and_the_next_one_is_told_to_come_later(stand: Stand) -> None:
    job_id = stand.post("/migrations/run").json["id"]
    places = extension_of(stand.app).waiters._places
    before = places._value
    for path in (f"/jobs/{job_id}/events", "/events"):
        answer = stand.client().get(path, headers=SSE, base_url="http://localhost:3000")
        assert places._value == before - 1
        answer.close()
        assert stand.client().head(path, headers=SSE, base_url="http://localhost:3000").status_code == 200
    assert places._value == before
    take_every_place(stand)
    for path in (f"/jobs/{job_id}/events", "/events"):
        refused = stand.get(path, headers=SSE)
        assert (refused.status_code, refused.headers["Retry-After"]) == (503, "2")
    assert stand.get(f"/jobs/{job_id}/events").status_code == 200


def test_a_quiet_stream_says_that_it_is_there(stand: Stand) -> None:
    waiters = Waiters()
    stream = iter(Following(stand.services, waiters, {"jobs"}, heartbeat_s=0.01))
    assert next(stream) is None
    waiters.release_all()
    assert list(stream) == []


def test_who_reads_too_slowly_misses_nothing(stand: Stand, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.api.following.MOST_UNREAD", 3)
    job = _job(stand)
    stream = iter(Following(stand.services, Waiters(), {f"job:{job.id}"}, 0, job.id))
    read = [next(stream)]
    for number in range(20):
        stand.events.tell(job, "job.progress", f"{number} of 20")
    stand.events.tell(job, "job.ended", "over")
    read += list(stream)
    assert [one.said for one in read if one is not None][1:] == [*(f"{number} of 20" for number in range(20)), "over"]


def test_a_stream_that_is_cut_again_and_again_loses_and_doubles_nothing(stand: Stand) -> None:
    job = _job(stand)
    read: list[Event] = []
    for number in range(20):
        stream = iter(Following(stand.services, Waiters(), {"jobs"}, read[-1].id if read else 0))
        stand.events.tell(job, "job.progress", f"{number}a")
        read += [event for event in (next(stream), next(stream)) if event is not None]
        stand.events.tell(job, "job.progress", f"{number}b")
        stream.close()  # type: ignore[attr-defined]
    (first, *_), last = read, len(stand.events.rows)
    assert [one.id for one in read] == list(range(first.id, last))


def test_a_log_is_text_that_is_read_in_parts(stand: Stand) -> None:
    path = f"/jobs/{ended_job(stand)}/log"
    whole = stand.get(path)
    assert whole.mimetype == "text/plain" and whole.headers["Accept-Ranges"] == "bytes"
    assert whole.text.splitlines()[-1].endswith(" job.ended        succeeded (applied): 3 migrations applied")
    assert int(whole.headers["Content-Length"]) == len(whole.data)
    part = stand.get(path, headers={"Range": "bytes=10-99"})
    assert (part.status_code, part.data) == (206, whole.data[10:100])
    assert part.headers["Content-Range"] == f"bytes 10-99/{len(whole.data)}"
    assert stand.get(path, headers={"Range": "bytes=-20"}).data == whole.data[-20:]
    assert stand.get(path, headers={"Range": "bytes=150-"}).data == whole.data[150:]
    more = stand.get(path, headers={"Range": "bytes=-1000000"})
    assert (more.status_code, more.data) == (206, whole.data)


def test_a_log_is_read_from_its_end(stand: Stand) -> None:
    path = f"/jobs/{ended_job(stand)}/log"
    whole = stand.get(path).text.splitlines()
    assert stand.get(f"{path}?tail=2").text.splitlines() == whole[-2:]
    assert stand.get(f"{path}?tail=10000").text.splitlines() == whole
    assert stand.get(f"{path}?tail=0").status_code == 422


def test_a_log_that_has_not_grown_is_not_sent_again(stand: Stand) -> None:
    job_id = stand.post("/migrations/run").json["id"]
    path = f"/jobs/{job_id}/log"
    seen = stand.get(path)
    known = {"ETag": seen.headers["ETag"], "Range": f"bytes={len(seen.data)}-"}
    assert stand.get(path, headers={"If-None-Match": known["ETag"]}).status_code == 304
    refused = stand.get(path, headers={"Range": known["Range"]})
    assert (refused.status_code, refused.json["bytes"]) == (416, len(seen.data))
    assert refused.headers["Content-Range"] == f"bytes */{len(seen.data)}"
    stand.start(job_id)
    more = stand.get(path, headers={"Range": known["Range"]})
    assert more.status_code == 206 and b"running (starting)" in more.data
    assert stand.get(path, headers={"Range": "bytes=0-1", "If-Range": known["ETag"]}).status_code == 200


@pytest.mark.parametrize("what", ["events", "log"])
def test_a_job_that_is_not_there_has_neither(stand: Stand, what: str) -> None:
    assert stand.get(f"/jobs/019b7ca9-8f2e-7000-8000-ffffffffffff/{what}").status_code == 404
    assert stand.get(f"/jobs/abc/{what}").status_code == 404


def _finish(stand: Stand, *job_ids: str) -> None:
    for job_id in job_ids:
        stand.finish(job_id)


def _job(stand: Stand) -> Job:
    job_id = stand.post("/migrations/run").json["id"]
    return stand.run(stand.services.migrations.job(JobId(UUID(job_id))))
