"""Jobs are cancelled and asked for again; the locks they met are shown."""

from uuid import UUID, uuid4

import pytest

from app.domain.failure import Failure, FailureCode
from app.domain.job import Ended, JobId, JobState, StepRecord, StepState
from app.domain.locks import LockSample, Session
from tests.api.stand import ONE, THREE, TWO, Stand, standing
from tests.fakes.clock import START

BROKEN = Failure(FailureCode.SQL_ERROR, "it broke")


def test_a_job_that_never_started_is_cancelled_at_once(stand: Stand) -> None:
    job_id = stand.post("/migrations/run").json["id"]

    answer = stand.post(f"/jobs/{job_id}/cancel")

    assert (answer.status_code, answer.json["state"], answer.json["reason"]) == (202, "cancelled", "by_user")
    assert answer.headers["Location"] == f"/jobs/{job_id}"
    assert stand.post(f"/jobs/{job_id}/cancel").json["state"] == "cancelled", "asking twice does no harm"


def test_a_job_that_runs_is_asked_to_stop_and_says_so(stand: Stand) -> None:
    job_id = stand.post("/migrations/run").json["id"]
    attempt = stand.start(job_id)

    answer = stand.post(f"/jobs/{job_id}/cancel")

    assert (answer.status_code, answer.json["state"]) == (202, "cancelling")
    assert stand.run(stand.claims.wishes(attempt)).cancelled_by == "anonymous"
    cancel = stand.get(f"/jobs/{job_id}").json["actions"][0]
    assert (cancel["name"], cancel["allowed"], cancel["reason"]) == (
        "cancel", False, "it has been asked to stop already",
    )  # fmt: skip


def test_a_job_that_has_ended_cannot_be_cancelled(stand: Stand) -> None:
    job_id = stand.post("/migrations/run").json["id"]
    stand.finish(job_id)

    refused = stand.post(f"/jobs/{job_id}/cancel")

    assert (refused.status_code, refused.json["type"]) == (409, "/problems/job-ended")
    assert "succeeded" in refused.json["detail"]
    assert stand.get(f"/jobs/{job_id}").json["state"] == "succeeded"


@pytest.mark.parametrize("call", ["cancel", "retry"])
def test_what_is_not_there_is_not_found_and_read_only_changes_nothing(stand: Stand, call: str) -> None:
    assert stand.post(f"/jobs/{uuid4()}/{call}").status_code == 404
    assert stand.post(f"/jobs/abc/{call}").status_code == 404
    assert stand.post(f"/jobs/{uuid4()}/{call}", json={"why": "x"}).status_code == 422
    with standing(changed_settings={"read_only": True}) as quiet:
        assert quiet.post(f"/jobs/{uuid4()}/cancel").status_code == 403


def test_a_retry_is_a_new_job_with_all_that_was_asked(stand: Stand) -> None:
    body = {"to": "orders", "atomic": "run", "onFailure": "rollback", "onBusy": "fail", "confirm": "development",
            "lockTimeoutMs": 500, "note": "why not"}  # fmt: skip
    first = stand.post("/migrations/run", json=body).json
    stand.finish(first["id"], JobState.FAILED, "sql_error", error=BROKEN)
    retry = stand.get(f"/jobs/{first['id']}").json["actions"][1]
    assert (retry["name"], retry["allowed"]) == ("retry", True)

    second = stand.call(retry["method"], retry["href"], headers={"Idempotency-Key": "again-1"})

    assert second.status_code == 202
    assert second.json["id"] != first["id"] and second.json["retryOf"] == first["id"]
    assert (second.json["request"], second.json["note"]) == (first["request"], first["note"])
    replayed = stand.call(retry["method"], retry["href"], headers={"Idempotency-Key": "again-1"})
    assert replayed.json["id"] == second.json["id"]


def test_a_cancelled_job_may_be_tried_again(stand: Stand) -> None:
    job_id = stand.post("/migrations/run").json["id"]
    stand.post(f"/jobs/{job_id}/cancel")

    assert stand.post(f"/jobs/{job_id}/retry").json["state"] == "queued"


@pytest.mark.parametrize(
    ("state", "reason", "error", "says"),
    [
        (JobState.SUCCEEDED, "applied", None, "nothing to try again"),
        (JobState.NEEDS_ATTENTION, "transaction_ended", BROKEN, "somebody to look first"),
        (JobState.FAILED, "sql_error", Failure(FailureCode.SQL_ERROR, "x", safe_to_retry=False), "left something"),
    ],
)
def test_a_retry_that_is_not_safe_is_refused_with_what_to_do(
    stand: Stand, state: JobState, reason: str, error: Failure | None, says: str
) -> None:
    job_id = stand.post("/migrations/run").json["id"]
    assert stand.post(f"/jobs/{job_id}/retry").json["type"] == "/problems/not-safe-to-retry"
    stand.finish(job_id, state, reason, error=error)

    refused = stand.post(f"/jobs/{job_id}/retry")

    assert (refused.status_code, refused.json["type"]) == (409, "/problems/not-safe-to-retry")
    assert says in refused.json["detail"] and refused.json["nextSteps"]


def test_a_rollback_of_which_it_is_not_known_how_far_it_came_is_not_tried_again() -> None:
    with standing(applied=(ONE, TWO, THREE)) as stand:
        job_id = stand.post("/migrations/rollback/2").json["id"]
        attempt = stand.start(job_id)
        begun = StepRecord(0, "orders", "3", "down", StepState.RUNNING, START)
        stand.run(stand.claims.record_steps(attempt, [begun], "1 of 2"))
        stand.run(stand.claims.end(attempt, Ended(JobState.CANCELLED, "by_user", "cancelled")))

        refused = stand.post(f"/jobs/{job_id}/retry")

        assert (refused.status_code, refused.json["type"]) == (409, "/problems/not-safe-to-retry")
        assert "may have undone more than it shows" in refused.json["detail"]


def test_a_rollback_that_was_half_done_would_count_from_another_place() -> None:
    with standing(applied=(ONE, TWO, THREE)) as stand:
        job_id = stand.post("/migrations/rollback/3").json["id"]
        attempt = stand.start(job_id)
        done = StepRecord(0, "orders", "3", "down", StepState.APPLIED, START, START)
        stand.run(stand.claims.record_steps(attempt, [done], "1 of 3"))
        stand.post(f"/jobs/{job_id}/cancel")
        stand.store.change(stand.store.rows[JobId(UUID(job_id))], state=JobState.CANCELLED)

        refused = stand.post(f"/jobs/{job_id}/retry")

        assert (refused.status_code, refused.json["type"]) == (409, "/problems/not-safe-to-retry")
        assert "has undone 1 of 3" in refused.json["detail"]
        assert refused.json["nextSteps"] == [
            "curl -X POST 'http://localhost:3000/migrations/rollback/2?environment=development'"
        ]


def test_the_locks_that_a_job_met_are_shown(stand: Stand) -> None:
    job_id = stand.post("/migrations/run").json["id"]
    assert stand.get(f"/jobs/{job_id}/locks").json == []
    attempt = stand.start(job_id)
    holder = Session(8123, "shop", "billing", "idle in transaction", "UPDATE orders", START, START)
    sample = LockSample(START, 77, 0, "AccessExclusiveLock", "orders", (holder,), ())

    stand.run(stand.locks.record(attempt, sample, sample.said()))

    (shown,) = stand.get(f"/jobs/{job_id}/locks").json
    assert (shown["mode"], shown["relation"], shown["pid"], shown["step"]) == ("AccessExclusiveLock", "orders", 77, 0)
    assert shown["blockers"] == [{
        "pid": 8123, "user": "shop", "application": "billing", "state": "idle in transaction",
        "query": "UPDATE orders", "since": "2026-01-02T03:04:05.678901Z",
        "transactionSince": "2026-01-02T03:04:05.678901Z",
    }]  # fmt: skip
    job = stand.get(f"/jobs/{job_id}").json
    assert (job["state"], job["reason"]) == ("running", "lock")
    assert job["message"] == (
        "waiting for ACCESS EXCLUSIVE on orders: pid 8123 (billing) is idle in transaction for 0 s"
    )
    assert stand.get(f"/jobs/{uuid4()}/locks").status_code == 404


def test_a_job_is_paused_and_resumed(stand: Stand) -> None:
    job_id = stand.post("/migrations/run").json["id"]
    stand.start(job_id)

    paused = stand.post(f"/jobs/{job_id}/pause")
    assert (paused.status_code, paused.json["pausedBy"], paused.json["state"]) == (202, "anonymous", "running")
    assert stand.post(f"/jobs/{job_id}/resume").json["pausedBy"] is None
    for call in ("pause", "resume"):
        assert stand.post(f"/jobs/{uuid4()}/{call}").status_code == 404


def test_a_job_that_has_ended_cannot_be_paused(stand: Stand) -> None:
    job_id = stand.post("/migrations/run").json["id"]
    stand.finish(job_id)
    for call in ("pause", "resume"):
        refused = stand.post(f"/jobs/{job_id}/{call}")
        assert (refused.status_code, refused.json["type"]) == (409, "/problems/job-ended")
