"""Schedules: seen, paused, resumed and run over HTTP."""

import pytest

from app.domain.errors import BackendUnavailable
from tests.api.stand import Stand


def test_every_schedule_says_when_it_is_due_next(stand: Stand) -> None:
    _, drift, purge, _, rescue = stand.get("/schedules").json
    assert (purge["name"], purge["kind"], purge["everyMs"], purge["paused"]) == ("purge", "purge", 600_000, False)
    assert (drift["kind"], drift["everyMs"]) == ("scan", 3_600_000)
    assert (rescue["nextDueAt"], rescue["lastJobId"]) == ("2026-01-02T03:09:05.678901Z", None)
    assert stand.get(purge["links"]["self"]).json == purge


def test_a_schedule_is_paused_and_resumed_at_somebodys_word(stand: Stand) -> None:
    paused = stand.post("/schedules/rescue/pause")
    assert (paused.status_code, paused.json["paused"]) == (200, True)
    assert stand.get("/schedules/rescue").json["paused"] is True
    assert stand.post("/schedules/rescue/resume").json["paused"] is False
    assert stand.schedules.audit == [("rescue", "pause", "anonymous"), ("rescue", "resume", "anonymous")]


def test_a_schedule_is_run_now_as_a_job_of_no_environment(stand: Stand) -> None:
    accepted = stand.post("/schedules/purge/run", json={"note": "before the audit"})
    job = stand.get(accepted.headers["Location"]).json
    assert (accepted.status_code, job["kind"], job["environment"]) == (202, "purge", None)
    assert (job["request"]["schedule"], job["note"]) == ("purge", "before the audit")
    assert stand.get("/schedules/purge").json["links"]["lastJob"] == accepted.headers["Location"]
    assert [str(rung) for rung in stand.doorbell.rung] == [job["id"]]
    assert "migrations" not in job["links"]
    assert [one["id"] for one in stand.get("/jobs").json] == [job["id"]]


def test_a_chore_is_not_retried_but_run_again_by_its_schedule(stand: Stand) -> None:
    job_id = stand.post("/schedules/purge/run").json["id"]
    stand.finish(job_id)
    refused = stand.post(f"/jobs/{job_id}/retry")
    assert (refused.status_code, refused.json["type"]) == (409, "/problems/not-safe-to-retry")
    assert refused.json["nextSteps"] == ["curl -X POST http://localhost:3000/schedules/purge/run"]


def test_the_same_key_runs_a_schedule_once(stand: Stand) -> None:
    first, again = (stand.post("/schedules/purge/run", headers={"Idempotency-Key": "k"}) for _ in range(2))
    assert first.json["id"] == again.json["id"]


@pytest.mark.parametrize(("method", "path"), [
    ("GET", "/schedules/nightly"), ("POST", "/schedules/nightly/pause"), ("POST", "/schedules/nightly/resume"),
    ("POST", "/schedules/nightly/run"),
])  # fmt: skip
def test_an_unknown_schedule_names_the_known_ones(stand: Stand, method: str, path: str) -> None:
    refused = stand.call(method, path)
    assert refused.status_code == 404
    assert refused.json["schedules"] == ["compare", "drift", "purge", "reconcile", "rescue"]


def test_ticks_that_came_to_nothing_do_not_clutter_the_list_of_jobs(stand: Stand) -> None:
    stand.clock.advance(600)
    stand.run(stand.services.schedules.tick())
    assert stand.get("/jobs").json == []
    for job in stand.get("/jobs?idle=true").json:
        stand.finish(job["id"], reason="nothing_to_do" if job["kind"] == "purge" else "done")
    assert [job["kind"] for job in stand.get("/jobs").json] == ["rescue"]
    assert [job["kind"] for job in stand.get("/jobs?kind=purge").json] == ["purge"]
    assert len(stand.get("/jobs?idle=true").json) == 2


def test_a_tick_rings_for_what_it_starts_also_when_nobody_hears_it(stand: Stand) -> None:
    stand.clock.advance(300)
    stand.run(stand.services.schedules.tick())
    assert len(stand.doorbell.rung) == 1
    stand.doorbell.reachable = False
    stand.clock.advance(300)
    stand.run(stand.services.schedules.tick())
    assert len(stand.get("/jobs?kind=purge").json) == 1


def test_a_tick_without_a_control_database_is_made_up_for_by_the_next(stand: Stand) -> None:
    stand.clock.advance(300)
    stand.schedules.unavailable = BackendUnavailable("the control database is away")
    stand.run(stand.services.schedules.tick())
    stand.schedules.unavailable = None
    stand.run(stand.services.schedules.tick())
    assert len(stand.get("/jobs?kind=rescue").json) == 1
