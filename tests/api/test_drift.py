"""Drift over HTTP: the last look, a new one, and the answers to what it has found."""

import json
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest

from app.domain.drift import RecordedSchema, Sight
from app.domain.environment import Environment, OnDrift
from app.domain.errors import BackendUnavailable
from app.domain.schema import EMPTY, SchemaObject, Snapshot
from tests.api.stand import DSN, ENVIRONMENTS, SECRET, Stand, standing

DRIFT = "/environments/development/drift"
INDEX = SchemaObject(
    "index", "public.by_hand", {"of": "public.a", "definition": "CREATE INDEX by_hand ON public.a (id)"}
)
RECORDED = RecordedSchema(EMPTY.fingerprint, EMPTY.canonical, UUID(int=7), datetime(2026, 1, 2, tzinfo=UTC))


def drifted(stand: Stand) -> dict[str, Any]:
    """Somebody has looked, and it has drifted; the open conflict."""
    stand.schemas.sights["development"] = Sight(Snapshot.of([INDEX]), RECORDED)
    stand.run(stand.recorder.look(ENVIRONMENTS[0]))
    (conflict,) = stand.get("/migrations/conflicts?state=open").json
    found: dict[str, Any] = conflict
    return found


def resolve(stand: Stand, conflict: dict[str, Any], **body: Any) -> Any:
    return stand.post(f"/migrations/conflicts/{conflict['id']}/resolve", json=body)


def test_before_anybody_has_looked_it_says_how_to(stand: Stand) -> None:
    found = stand.get(DRIFT).json
    assert (found["state"], found["checkedAt"]) == ("not_checked", None)
    assert "POST /environments/development/drift/scan" in found["message"]


def test_a_scan_is_a_job_that_waits_for_no_other(stand: Stand) -> None:
    stand.post("/migrations/run")
    accepted = stand.post(f"{DRIFT}/scan", json={"note": "after the incident"})

    assert (accepted.status_code, accepted.json["kind"], accepted.json["note"]) == (202, "scan", "after the incident")
    assert accepted.json["environment"] == "development"
    stand.finish(accepted.json["id"], reason="done")


def test_what_was_found_is_shown_as_sql_with_both_sides(stand: Stand) -> None:
    conflict = drifted(stand)

    found = stand.get(DRIFT).json

    assert found["state"] == "drifted" and found["conflictId"] == conflict["id"]
    assert found["differences"] == [
        {
            "kind": "index",
            "object": "public.by_hand",
            "change": "unexpected",
            "text": "index public.by_hand was not expected: CREATE INDEX by_hand ON public.a (id)",
            "expected": None,
            "found": "CREATE INDEX by_hand ON public.a (id)",
        }
    ]
    assert found["recordedByJobId"] == str(RECORDED.job_id)
    assert [one["resolution"] for one in conflict["remedies"]] == ["adopt_drift", "revert_drift", "ignore_until"]
    assert all(one["command"] for one in conflict["remedies"])


def test_a_target_that_cannot_be_asked_is_not_called_clean_and_no_password_is_shown(stand: Stand) -> None:
    stand.schemas.unavailable = BackendUnavailable(f"the target ({DSN}) cannot be used: nothing listens there")
    stand.run(stand.recorder.look(ENVIRONMENTS[0]))

    answered = stand.get(DRIFT)

    assert answered.json["state"] == "not_checked" and "nothing listens" in answered.json["message"]
    assert SECRET not in json.dumps(answered.json)


@pytest.mark.parametrize(("method", "path"), [("GET", "/drift"), ("POST", "/drift/scan")])
def test_an_unknown_environment_names_the_known_ones(stand: Stand, method: str, path: str) -> None:
    refused = stand.call(method, f"/environments/moon{path}")
    assert (refused.status_code, refused.json["environments"]) == (404, ["development", "production"])


def test_a_service_that_makes_no_changes_starts_no_scan() -> None:
    with standing(changed_settings={"read_only": True}) as stand:
        assert stand.post(f"{DRIFT}/scan").status_code == 403


@pytest.mark.parametrize(
    ("until", "code"),
    [
        (None, "missing"),
        ("2001-01-01T00:00:00Z", "past"),
        ("soon", "not_a_moment"),
        ("2101-01-01T00:00:00", "not_a_moment"),
        (17, "not_a_moment"),
    ],
)
def test_a_moment_that_is_none_or_past_is_refused(stand: Stand, until: Any, code: str) -> None:
    conflict = drifted(stand)
    given = {} if until is None else {"until": until}

    refused = resolve(stand, conflict, resolution="ignore_until", **given)

    assert refused.status_code == 422
    assert [(one["code"], one["pointer"]) for one in refused.json["problems"]] == [(code, "/until")]


def test_what_is_left_until_then_is_closed_with_its_reason(stand: Stand) -> None:
    closed = resolve(
        stand, drifted(stand), resolution="ignore_until", until="2101-01-01T00:00:00+02:00", note="holidays"
    )
    assert (closed.status_code, closed.json["state"], closed.json["note"]) == (200, "resolved", "holidays")
    assert closed.json["ignoredUntil"] == "2100-12-31T22:00:00.000000Z"


def test_a_file_that_adopts_is_gone_again_when_its_job_is_refused(stand: Stand) -> None:
    """The source of this stand is in memory and never sees the file, so there is nothing to mark."""
    refused = resolve(stand, drifted(stand), resolution="adopt_drift")

    assert refused.status_code == 404
    assert stand.drafts.files == {}


def test_a_file_that_reverts_is_written_and_named(stand: Stand) -> None:
    closed = resolve(stand, drifted(stand), resolution="revert_drift", note="a slip")

    ((file, text),) = stand.drafts.files.items()
    assert closed.status_code == 200 and closed.json["note"].startswith(f"a slip; written to {file}")
    assert "-- migrate:up\nDROP INDEX IF EXISTS public.by_hand;" in text
    assert resolve(stand, closed.json, resolution="revert_drift").status_code == 409


def test_a_file_that_cannot_be_written_comes_with_the_answer(stand: Stand) -> None:
    conflict = drifted(stand)
    now = stand.clock.now()
    stand.drafts.files[f"4_revert-drift-development-{now:%Y%m%d%H%M%S}.sql"] = "there already"

    refused = resolve(stand, conflict, resolution="revert_drift")

    assert (refused.status_code, refused.json["type"]) == (409, "/problems/folder-not-writable")
    assert "DROP INDEX IF EXISTS public.by_hand" in refused.json["text"]


def test_a_plan_says_what_a_run_would_be_answered_for_drift() -> None:
    strict = Environment("development", DSN, on_drift=OnDrift.REFUSE)
    with standing(changed_settings={"environments": {"development": strict}}) as stand:
        conflict = drifted(stand)
        refused = stand.post("/migrations/plan").json
        assert (refused["verdict"], refused["problem"]["type"]) == ("refused", "/problems/drift-present")
        resolve(stand, conflict, resolution="ignore_until", until="2101-01-01T00:00:00Z")
        assert stand.post("/migrations/plan").json["verdict"] == "ready"
    with standing() as stand:
        drifted(stand)
        told = stand.post("/migrations/plan").json
        assert told["verdict"] == "ready" and "1 object of development changed" in told["notices"][0]
