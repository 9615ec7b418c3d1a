"""Jobs are looked at, listed and waited for."""

import threading
import time
from collections.abc import Coroutine
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from app.domain.job import Ended, Job, JobState, StepRecord, StepState
from tests.api.stand import Stand
from tests.api.test_changes import finish_the_first_job, take_every_place
from tests.fakes.clock import START


def test_a_job_shows_its_steps_as_they_go(stand: Stand) -> None:
    job_id = stand.post("/migrations/run").json["id"]
    attempt = stand.start(job_id)
    step = StepRecord(
        0, "orders", "3", "up", StepState.APPLIED, START, START + timedelta(seconds=1), 1000, None, "slow"
    )
    stand.run(stand.claims.record_steps(attempt, [step], "1 of 3"))
    job = stand.get(f"/jobs/{job_id}").json
    assert job["message"] == "1 of 3"
    assert job["steps"] == [{
        "ordinal": 0, "name": "orders", "version": "3", "direction": "up", "state": "applied",
        "startedAt": "2026-01-02T03:04:05.678901Z", "finishedAt": "2026-01-02T03:04:06.678901Z", "durationMs": 1000,
        "notice": "slow", "error": None,
    }]  # fmt: skip


@pytest.mark.parametrize("job_id", ["019b7ca9-8f2e-7000-8000-ffffffffffff", "abc", "0", "%20"])
def test_a_job_that_is_not_there_is_not_found(stand: Stand, job_id: str) -> None:
    assert stand.get(f"/jobs/{job_id}").status_code == 404
    assert stand.get(f"/jobs/{job_id}?wait=1").status_code == 404


def test_a_caller_that_has_it_already_gets_304(stand: Stand) -> None:
    path = stand.post("/migrations/run").headers["Location"]
    seen = stand.get(path)
    unchanged = stand.get(path, headers={"If-None-Match": seen.headers["ETag"]})
    assert (unchanged.status_code, unchanged.headers["ETag"]) == (304, seen.headers["ETag"])
    stand.finish(seen.json["id"])
    assert stand.get(path, headers={"If-None-Match": seen.headers["ETag"]}).status_code == 200


def test_a_long_poll_is_answered_when_the_job_has_ended(stand: Stand) -> None:
    path = stand.post("/migrations/run").headers["Location"]
    hands = threading.Thread(target=finish_the_first_job, args=(stand,))
    hands.start()
    assert stand.get(f"{path}?wait=30").json["state"] == "succeeded"
    hands.join()


def test_a_long_poll_with_an_etag_is_answered_by_any_change(stand: Stand) -> None:
    accepted = stand.post("/migrations/run")
    path = accepted.headers["Location"]
    known = {"If-None-Match": stand.get(path).headers["ETag"]}
    starter = threading.Timer(0.1, stand.start, args=(accepted.json["id"],))
    starter.start()
    changed = stand.get(f"{path}?wait=30", headers=known)
    starter.join()
    assert (changed.status_code, changed.json["state"]) == (200, "running")


def test_a_long_poll_ends_with_its_time(stand: Stand) -> None:
    path = stand.post("/migrations/run").headers["Location"]
    known = {"If-None-Match": stand.get(path).headers["ETag"]}
    begun = time.monotonic()
    assert stand.get(f"{path}?wait=1").json["state"] == "queued"
    assert stand.get(f"{path}?wait=1", headers=known).status_code == 304
    assert time.monotonic() - begun >= 2


@pytest.mark.parametrize("wait", ["-1", "61", "x", "1.5"])
def test_a_wait_has_its_range(stand: Stand, wait: str) -> None:
    refused = stand.get(f"/jobs/{uuid4()}?wait={wait}")
    assert (refused.status_code, refused.json["problems"][0]["parameter"]) == (422, "wait")


def test_without_a_place_a_long_poll_is_refused_and_a_look_is_not(stand: Stand) -> None:
    path = stand.post("/migrations/run").headers["Location"]
    take_every_place(stand)
    refused = stand.get(f"{path}?wait=5")
    assert (refused.status_code, refused.json["type"]) == (503, "/problems/too-many-requests")
    assert refused.headers["Retry-After"]
    assert stand.get(path).status_code == 200


def test_places_are_given_back(stand: Stand) -> None:
    path = stand.post("/migrations/run").headers["Location"]
    stand.finish(stand.get(path).json["id"])
    for _ in range(600):
        assert stand.client().get(f"{path}?wait=5", base_url="http://localhost").status_code == 200


def test_the_list_is_newest_first_and_pages_without_gaps(stand: Stand) -> None:
    made = [stand.post("/migrations/run").json["id"] for _ in range(5)]
    seen, path = [], "/jobs?limit=2"
    while path:
        page = stand.get(path)
        seen += [job["id"] for job in page.json]
        path = next_page(page.headers.get("Link"))
    assert seen == made[::-1]


def test_what_looks_at_an_environment_is_among_its_jobs(stand: Stand) -> None:
    proof = stand.post("/migrations/verify?environment=development").json
    assert [one["id"] for one in stand.get("/jobs?environment=development").json] == [proof["id"]]
    assert stand.get("/jobs?environment=production").json == []


def test_the_list_keeps_its_filters_from_page_to_page(stand: Stand) -> None:
    stand.apply(*stand.files)
    for _ in range(3):
        stand.post("/migrations/rollback")
    stand.post("/migrations/run")
    stand.post("/migrations/rollback?environment=production&confirm=production")
    page = stand.get("/jobs?limit=2&kind=rollback&environment=development&state=queued")
    rest = stand.get(next_page(page.headers["Link"]))
    assert [job["kind"] for job in (*page.json, *rest.json)] == ["rollback"] * 3
    assert "Link" not in rest.headers


def test_the_list_has_fifty_on_a_page(stand: Stand) -> None:
    for _ in range(51):
        stand.client().post("/migrations/run", base_url="http://localhost")
    page = stand.get("/jobs")
    assert len(page.json) == 50
    assert len(stand.get(next_page(page.headers["Link"])).json) == 1


@pytest.mark.parametrize(
    "token", ["x", "e30", "bnVsbA", "%FF", "eyJvZiI6ImNvbmZsaWN0cyIsImFmdGVyIjoiYSJ9", "W10", "%C3%A9"]
)
def test_a_strange_page_token_is_refused(stand: Stand, token: str) -> None:
    for path in ("/jobs", "/migrations", "/migrations/conflicts"):
        refused = stand.get(f"{path}?pageToken={token}")
        assert (refused.status_code, refused.json["problems"][0]["parameter"]) == (422, "pageToken")


def next_page(link: str | None) -> str:
    return link.partition(">")[0].removeprefix("<") if link else ""


def test_a_job_that_has_ended_is_read_once_and_one_that_goes_on_each_time(
    stand: Stand, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = stand.post("/migrations/run").headers["Location"]
    asked: list[UUID] = []
    of_service = stand.services.migrations.job

    def noted(_: object, job_id: UUID) -> Coroutine[Any, Any, Job]:
        asked.append(job_id)
        return of_service(job_id)

    monkeypatch.setattr(type(stand.services.migrations), "job", noted)

    states = [stand.get(path).json["state"] for _ in range(2)]
    stand.finish(path.removeprefix("/jobs/"))
    states += [stand.get(path).json["state"] for _ in range(3)]

    assert states == ["queued", "queued", "succeeded", "succeeded", "succeeded"]
    assert len(asked) == 3


def test_a_job_behind_another_says_which_one_until_that_has_ended(stand: Stand) -> None:
    first = stand.post("/migrations/run").json
    second = stand.post("/migrations/run").json
    seen = stand.get(f"/jobs/{second['id']}").json
    listed = {one["id"]: one["reason"] for one in stand.get("/jobs").json}
    assert (first["reason"], second["reason"], seen["reason"]) == ("for_worker", "for_target", "for_target")
    assert listed == {first["id"]: "for_worker", second["id"]: "for_target"}
    assert first["id"] in second["message"] and seen["message"] == second["message"]
    attempt = stand.start(first["id"])
    assert stand.get(f"/jobs/{second['id']}").json["message"].endswith("which has the target")
    stand.run(stand.claims.end(attempt, Ended(JobState.SUCCEEDED, "applied", "done")))
    assert stand.get(f"/jobs/{second['id']}").json["reason"] == "for_worker"
