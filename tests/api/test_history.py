"""What has happened: ledgers of all environments and jobs, in one order, page by page."""

from typing import Any

import pytest

from app.api.paging import next_token
from app.domain.errors import BackendUnavailable
from app.domain.job import JobState
from tests.api.stand import ONE, TWO, Stand


def pages(stand: Stand, path: str) -> list[Any]:
    found: list[Any] = []
    while path:
        page = stand.get(path)
        found += page.json
        path = page.headers.get("Link", "").partition(">")[0].lstrip("<")
    return found


def test_ledgers_and_jobs_come_in_one_order_and_whole_in_pages(stand: Stand) -> None:
    stand.apply(ONE, TWO)
    job_id = stand.post("/migrations/run").json["id"]
    stand.finish(job_id, JobState.FAILED, "sql_error")
    stand.post("/migrations/run?environment=production")
    whole = stand.get("/history").json
    assert len(whole) == 6 and [one["at"] for one in whole] == sorted((one["at"] for one in whole), reverse=True)
    assert {(one["source"], one["environment"]) for one in whole} == {
        (source, environment) for source in ("ledger", "job") for environment in ("development", "production")
    }
    for limit in (1, 2, 3, 4):
        assert pages(stand, f"/history?limit={limit}") == whole
    (job,) = [one for one in whole if one["id"] == job_id]
    assert (job["event"], job["state"], job["reason"], job["durationMs"]) == ("run", "failed", "sql_error", 1500)


def test_one_environment_and_one_migration(stand: Stand) -> None:
    stand.apply(ONE, TWO)
    stand.post("/migrations/run")
    assert {one["environment"] for one in stand.get("/history?environment=production").json} == {"production"}
    of_one = stand.get(f"/history?migration={ONE.name}").json
    assert {(one["source"], one["migration"]) for one in of_one} == {("ledger", ONE.name)}
    assert stand.get("/history?environment=nowhere").status_code == 404


def test_what_cannot_be_reached_is_said_to_be_missing(stand: Stand) -> None:
    stand.post("/migrations/run")
    stand.targets.unavailable = BackendUnavailable("it is away", facts={"backend": "target"})
    answer = stand.get("/history")
    assert [one["source"] for one in answer.json] == ["job"]
    assert answer.headers["Liftlock-Missing"] == "development, production"
    assert stand.get("/history?environment=production").status_code == 503


@pytest.mark.parametrize("last", ["", "x", "2026-01-01T00:00:00+00:00\x00job\x00a\x00x", "2026-01-01\x00job\x00a\x001"])
def test_a_token_of_another_list_is_refused(stand: Stand, last: str) -> None:
    refused = stand.get(f"/history?pageToken={next_token('history', last)}")
    assert (refused.status_code, refused.json["problems"][0]["parameter"]) == (422, "pageToken")
