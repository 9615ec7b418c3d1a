"""An environment that may be changed at some hours only, over HTTP."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import pytest

from app.domain.windows import Window, Windows
from tests.api.stand import ENVIRONMENTS, Stand, standing

# the clock of the stand begins at 3:04 in the morning
EVENINGS = Windows(allow=(Window("0 20 * * *", timedelta(hours=2)),))
OPENS = "2026-01-02T20:00:00.000000Z"
SHUT = {one.name: replace(one, windows=EVENINGS) for one in ENVIRONMENTS}


@pytest.fixture
def shut() -> Iterator[Stand]:
    with standing(changed_settings={"environments": SHUT}) as stand:
        yield stand


def test_a_run_at_the_wrong_hour_is_refused_with_the_moment_when_it_opens(shut: Stand) -> None:
    refused = shut.post("/migrations/run")
    assert (refused.status_code, refused.json["type"]) == (409, "/problems/outside-window")
    assert refused.json["opensAt"] == "2026-01-02T20:00:00Z"
    assert refused.json["rule"] == "allowed only in '0 20 * * *' for 2h (UTC)"
    assert refused.json["nextSteps"] == ['send the same with "outsideWindow": "queue" to have it run then']


def test_a_run_may_be_queued_until_it_opens(shut: Stand) -> None:
    accepted = shut.post("/migrations/run", json={"outsideWindow": "queue"})
    job = accepted.json
    assert (accepted.status_code, job["state"], job["reason"], job["notBefore"]) == (202, "waiting", "window", OPENS)
    assert shut.doorbell.rung == []
    shut.clock.advance(17 * 3600)
    shut.run(shut.services.sweeper.sweep())
    assert [str(rung) for rung in shut.doorbell.rung] == [job["id"]]
    woken = shut.get(f"/jobs/{job['id']}").json
    assert (woken["state"], woken["reason"], woken["notBefore"]) == ("queued", "for_worker", None)


def test_while_it_is_open_nothing_waits(shut: Stand) -> None:
    shut.clock.advance(17 * 3600)
    accepted = shut.post("/migrations/run", json={"outsideWindow": "queue"})
    assert (accepted.json["state"], len(shut.doorbell.rung)) == ("queued", 1)


def test_a_plan_by_day_is_made_for_the_window_and_says_so(shut: Stand) -> None:
    plan = shut.post("/migrations/plan").json
    assert plan["verdict"] == "ready"
    assert any("may not be changed now: allowed only in" in notice for notice in plan["notices"])


def test_a_word_that_means_nothing_is_refused(shut: Stand) -> None:
    refused = shut.post("/migrations/run", json={"outsideWindow": "maybe"})
    assert refused.json["problems"][0]["pointer"] == "/outsideWindow"


def test_its_status_says_when_it_opens_and_then_when_it_closes(shut: Stand) -> None:
    shown = shut.get("/environments/development/status").json["window"]
    assert shown == {
        "open": False,
        "rule": "allowed only in '0 20 * * *' for 2h (UTC)",
        "opensAt": OPENS,
        "closesAt": None,
    }
    shut.clock.advance(17 * 3600)
    (listed, _) = shut.get("/environments?status=true").json
    assert listed["status"]["window"] == {
        "open": True,
        "rule": None,
        "opensAt": None,
        "closesAt": "2026-01-02T22:00:00.000000Z",
    }


def test_where_there_are_no_windows_it_is_open(stand: Stand) -> None:
    shown = stand.get("/environments/development/status").json["window"]
    assert shown == {"open": True, "rule": None, "opensAt": None, "closesAt": None}
