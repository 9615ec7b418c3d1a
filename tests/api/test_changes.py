"""A change is a job: accepted, found again, waited for."""

import asyncio
import threading
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from uuid import UUID

import pytest

from app.api import waiting
from app.api.context import extension_of
from app.domain.failure import Failure, FailureCode
from app.domain.job import Attempt, Ended, Job, JobId, JobState
from tests.api.stand import ONE, Stand, standing
from tests.fakes.jobs import MemoryJobs

PARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


@pytest.mark.parametrize(("method", "path", "kind"), [
    ("POST", "/migrations/run", "run"), ("POST", "/migrations/rollback", "rollback"),
    ("POST", "/migrations/rollback/1", "rollback"), ("DELETE", "/migrations/reset", "reset"),
])  # fmt: skip
def test_a_change_is_accepted_as_a_job(stand: Stand, method: str, path: str, kind: str) -> None:
    stand.apply(ONE)
    accepted = stand.call(method, path)
    job = accepted.json
    assert accepted.status_code == 202
    assert accepted.headers["Location"] == f"/jobs/{job['id']}"
    assert accepted.headers["Retry-After"] == "1"
    assert (job["kind"], job["state"], job["environment"]) == (kind, "queued", "development")
    assert job["createdAt"] == "2026-01-02T03:04:05.678901Z"
    assert job["links"]["self"] == accepted.headers["Location"]
    assert [str(rung) for rung in stand.doorbell.rung] == [job["id"]]


def test_nothing_to_do_is_a_job_that_has_succeeded(stand: Stand) -> None:
    stand.apply(*stand.files)
    accepted, waited = stand.post("/migrations/run"), stand.post("/migrations/run", headers={"Prefer": "wait=5"})
    assert (accepted.status_code, waited.status_code) == (202, 200)
    for job in (accepted.json, waited.json):
        assert (job["state"], job["reason"]) == ("succeeded", "nothing_to_do")


def test_what_was_asked_and_by_whom_is_kept(stand: Stand) -> None:
    body = {"to": "orders", "onFailure": "rollback", "onBusy": "queue", "lockTimeoutMs": 600_000, "note": "x"}
    accepted = stand.post("/migrations/run", json=body, headers={"X-Request-Id": "r1", "traceparent": PARENT})
    job = stand.get(accepted.headers["Location"]).json
    assert job["request"] == {
        "to": "orders", "count": None, "atomic": "migration", "onFailure": "rollback", "onBusy": "queue",
        "confirm": None, "lockTimeoutMs": 600_000, "planId": None, "allowHazards": [], "names": [], "as": None,
        "conflictId": None, "resolution": None, "migration": None, "schedule": None, "from": None,
        "outsideWindow": "refuse", "preservedId": None, "table": None, "preserve": None,
    }  # fmt: skip
    assert job["principal"] == {"id": "anonymous", "kind": "anonymous", "address": "127.0.0.1", "name": None}
    assert job["requestId"] == "r1"
    (row,) = stand.store.rows.values()
    assert row.job.origin.traceparent == PARENT


@pytest.mark.parametrize(
    "parent", ["nonsense", PARENT.replace("00-", "ff-", 1), PARENT[:-1], "00-" + "0" * 32 + PARENT[35:]]
)
def test_a_broken_traceparent_is_not_passed_on(stand: Stand, parent: str) -> None:
    stand.post("/migrations/run", headers={"traceparent": parent})
    (row,) = stand.store.rows.values()
    assert row.job.origin.traceparent is None


def test_redis_away_is_a_warning(stand: Stand) -> None:
    stand.doorbell.reachable = False
    accepted = stand.post("/migrations/run")
    assert accepted.status_code == 202
    assert "Redis" in accepted.json["warnings"][0]
    assert "warnings" not in stand.get(accepted.headers["Location"]).json


def test_a_caller_may_wait_for_the_end(stand: Stand) -> None:
    with_hands = threading.Thread(target=finish_the_first_job, args=(stand,))
    with_hands.start()
    ended = stand.post("/migrations/run", headers={"Prefer": "respond-async, wait=30"})
    with_hands.join()
    assert ended.status_code == 200
    assert ended.headers["Preference-Applied"] == "wait=30"
    assert "Retry-After" not in ended.headers
    assert (ended.json["state"], ended.json["durationMs"], ended.json["warnings"]) == ("succeeded", 1500, [])


def test_a_job_that_was_just_accepted_is_read_when_its_end_is_heard(
    stand: Stand, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[JobId] = []
    get = MemoryJobs.get

    async def counted(board: MemoryJobs, job_id: JobId) -> Job | None:
        read.append(job_id)
        return await get(board, job_id)

    monkeypatch.setattr(MemoryJobs, "get", counted)
    monkeypatch.setattr(waiting, "HEARD_SOON_S", 30)
    with_hands = threading.Thread(target=finish_the_first_job, args=(stand,))
    with_hands.start()
    ended = stand.post("/migrations/run", headers={"Prefer": "wait=30"})
    with_hands.join()
    assert (ended.json["state"], [str(one) for one in read]) == ("succeeded", [ended.json["id"]])


def test_a_job_that_had_nothing_to_do_is_not_even_read(stand: Stand, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(MemoryJobs, "get")
    monkeypatch.setattr(waiting, "HEARD_SOON_S", 30)
    with_hands = threading.Thread(target=finish_the_first_job, args=(stand, find_nothing_to_do))
    with_hands.start()
    ended = stand.post("/migrations/run", headers={"Prefer": "wait=30"})
    with_hands.join()
    monkeypatch.undo()
    assert (ended.status_code, ended.json["reason"]) == (200, "nothing_to_do")
    assert {**stand.get(f"/jobs/{ended.json['id']}").json, "warnings": []} == ended.json


def test_nobody_waits_for_what_has_ended_already(stand: Stand, monkeypatch: pytest.MonkeyPatch) -> None:
    stand.apply(*stand.files)
    monkeypatch.delattr(MemoryJobs, "watch")
    ended = stand.post("/migrations/run", headers={"Prefer": "wait=30", "Idempotency-Key": "deploy-7"})
    again = stand.post("/migrations/run", headers={"Prefer": "wait=30", "Idempotency-Key": "deploy-7"})
    for one in (ended, again):
        assert (one.status_code, one.json["reason"], one.json["warnings"]) == (200, "nothing_to_do", [])
        assert (one.headers["Preference-Applied"], "Retry-After" in one.headers) == ("wait=30", False)


def test_an_end_that_came_before_anybody_listened_is_looked_for_soon(
    stand: Stand, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[float] = []

    class Deaf:
        ended = False
        end = None

        async def wait(self, timeout_s: float) -> bool:
            asked.append(timeout_s)
            await asyncio.sleep(timeout_s)
            return False

    @asynccontextmanager
    async def watch(board: MemoryJobs, job_id: JobId) -> AsyncIterator[Deaf]:
        attempt = await stand.claims.claim(job_id, "worker", 30_000)
        assert isinstance(attempt, Attempt)
        await stand.claims.end(attempt, Ended(JobState.SUCCEEDED, "applied", "3 migrations applied"))
        yield Deaf()

    monkeypatch.setattr(MemoryJobs, "watch", watch)
    assert stand.post("/migrations/run", headers={"Prefer": "wait=60"}).json["state"] == "succeeded"
    assert max(asked) <= waiting.HEARD_SOON_S


def test_a_wait_that_is_too_short_is_accepted_all_the_same(stand: Stand) -> None:
    accepted = stand.post("/migrations/run", headers={"Prefer": "wait=1"})
    assert (accepted.status_code, accepted.headers["Preference-Applied"]) == (202, "wait=1")


@pytest.mark.parametrize(
    "prefer", ["wait=0", "wait=-1", "wait=x", "wait", "waiting=5", "return=minimal", "wait=1.5", ""]
)
def test_a_preference_that_is_not_understood_is_none(stand: Stand, prefer: str) -> None:
    accepted = stand.post("/migrations/run", headers={"Prefer": prefer})
    assert (accepted.status_code, "Preference-Applied" in accepted.headers) == (202, False)


@pytest.mark.parametrize("seconds", ["61", "3600", "99999999999999", "9" * 5000])
def test_nobody_waits_longer_than_a_minute(stand: Stand, seconds: str) -> None:
    stand.apply(*stand.files)
    waited = stand.post("/migrations/run", headers={"Prefer": f"wait={seconds}"})
    assert waited.headers["Preference-Applied"] == "wait=60"


def test_a_caller_without_a_place_to_wait_is_not_refused(stand: Stand) -> None:
    take_every_place(stand)
    accepted = stand.post("/migrations/run", headers={"Prefer": "wait=5"})
    assert (accepted.status_code, "Preference-Applied" in accepted.headers) == (202, False)


def test_the_etag_of_the_list_guards_a_change(stand: Stand) -> None:
    seen = stand.get("/migrations").headers["ETag"]
    assert stand.post("/migrations/run", headers={"If-Match": seen}).status_code == 202
    assert stand.post("/migrations/run", headers={"If-Match": "*"}).status_code == 202
    stand.apply(ONE)
    moved = stand.post("/migrations/run", headers={"If-Match": seen})
    assert (moved.status_code, moved.json["type"]) == (412, "/problems/precondition-failed")
    assert moved.json["etag"] == stand.get("/migrations").headers["ETag"]


def test_a_failed_job_gives_its_four_answers(stand: Stand) -> None:
    job_id = stand.post("/migrations/run").json["id"]
    failure = Failure(FailureCode.SQL_ERROR, "no such table", "orders", "up", "42P01", file="o.sql", line=2, column=3,
                      safe_to_retry=False, next_steps=("GET /migrations", "edit o.sql"))  # fmt: skip
    stand.finish(job_id, JobState.FAILED, "sql_error", error=failure)
    job = stand.get(f"/jobs/{job_id}").json
    assert (job["error"]["sqlstate"], job["error"]["line"]) == ("42P01", 2)
    assert job["error"]["leftBehind"].startswith("nothing")
    assert job["error"]["nextSteps"] == [
        "curl 'http://localhost:3000/migrations?environment=development'",
        "edit o.sql",
    ]
    retry = job["actions"][1]
    assert (retry["name"], retry["allowed"]) == ("retry", False)
    assert "has left something behind" in retry["reason"]


def test_a_caller_may_join_the_job_that_is_open(stand: Stand) -> None:
    first = stand.post("/migrations/run").json
    joined = stand.post("/migrations/run", json={"onBusy": "join"})
    assert (joined.status_code, joined.json["id"]) == (202, first["id"])


def test_a_stopping_process_lets_its_waiters_go() -> None:
    with standing() as stand:
        threading.Timer(0.2, extension_of(stand.app).waiters.release_all).start()
        begun = time.monotonic()
        assert stand.post("/migrations/run", headers={"Prefer": "wait=60"}).status_code == 202
        assert time.monotonic() - begun < 10


def find_nothing_to_do(stand: Stand, job_id: str) -> None:
    attempt = stand.run(stand.claims.claim(JobId(UUID(job_id)), "worker", 30_000))
    assert isinstance(attempt, Attempt)
    stand.clock.advance(1.5)
    stand.run(stand.claims.end(attempt, Ended(JobState.SUCCEEDED, "nothing_to_do", "nothing to do in development")))


def finish_the_first_job(stand: Stand, finish: Callable[[Stand, str], None] = Stand.finish) -> None:
    while not stand.store.rows or not any(stand.store.watchers.values()):
        time.sleep(0.01)
    finish(stand, str(next(iter(stand.store.rows))))


def take_every_place(stand: Stand) -> None:
    places = extension_of(stand.app).waiters._places
    while places.acquire(blocking=False):
        pass


def test_a_text_where_a_list_belongs_is_told_what_is_taken(stand: Stand) -> None:
    refused = stand.post("/migrations/run", json={"allowHazards": "INDEX_BUILD"})
    assert (refused.status_code, refused.json["detail"]) == (422, "`allowHazards` takes a list")


def test_a_reset_says_whether_it_keeps_what_it_destroys(stand: Stand) -> None:
    stand.apply(ONE)
    assert stand.delete("/migrations/reset").json["request"]["preserve"] is True
    told = stand.delete("/migrations/reset", json={"preserve": False})
    assert (told.status_code, told.json["request"]["preserve"]) == (202, False)
    refused = stand.delete("/migrations/reset", json={"preserve": "no"})
    assert (refused.status_code, refused.json["detail"]) == (422, "`preserve` takes true or false")
    assert stand.post("/migrations/rollback", json={"preserve": False}).status_code == 422
