"""Proofs over HTTP: asked for, shown beside each migration, and demanded."""

from dataclasses import replace
from typing import Any
from urllib.parse import quote
from uuid import UUID

import pytest

from app.domain.dry_run import DryRun, Effect
from app.domain.environment import Environment
from app.domain.errors import BackendUnavailable
from app.domain.failure import Failure, FailureCode
from app.domain.hazards import HazardCode
from app.domain.job import JobState
from app.domain.lock_modes import Lock, LockMode
from app.domain.migration import Migration
from app.domain.problem import Problem
from app.domain.proof import Proof, RowLoss, Verdict
from app.ports import TargetView
from tests.api.stand import DSN, ONE, THREE, TWO, Stand, standing

DEMANDING = {"environments": {"development": Environment("development", DSN, require_proof=True)}}


def proof(migration: Migration, verdict: Verdict = Verdict.PROVEN, **given: Any) -> Proof:
    said: dict[str, Any] = {"text": "because", "job_id": UUID(int=7), "server_version": "15.4", **given}
    return Proof("development", migration.name, migration.checksum.raw.hex(), verdict, **said)


def test_a_proof_is_a_job_that_waits_for_no_run(stand: Stand) -> None:
    run = stand.post("/migrations/run")
    accepted = stand.post("/migrations/verify", json={"names": ["orders", "orders"], "note": "before the release"})
    job = accepted.json
    assert (accepted.status_code, accepted.headers["Location"]) == (202, f"/jobs/{job['id']}")
    assert (job["kind"], job["state"], job["environment"]) == ("verify", "queued", "development")
    assert (job["request"]["names"], job["note"]) == (["orders"], "before the release")
    assert "proof in development" in job["message"]
    stand.start(job["id"])
    assert stand.get(f"/jobs/{run.json['id']}").json["state"] == "queued"
    assert [one["id"] for one in stand.get("/jobs?kind=verify").json] == [job["id"]]


def test_without_a_body_it_is_for_all_that_is_pending(stand: Stand) -> None:
    accepted = stand.post("/migrations/verify?environment=production")
    assert (accepted.json["environment"], accepted.json["request"]["names"]) == ("production", [])


def test_where_nothing_is_pending_the_job_has_succeeded_already(stand: Stand) -> None:
    stand.apply(*stand.files)
    accepted = stand.post("/migrations/verify")
    assert (accepted.status_code, accepted.json["state"], accepted.json["reason"]) == (
        202,
        "succeeded",
        "nothing_to_do",
    )
    named = stand.post("/migrations/verify", json={"names": [ONE.name]}).json
    assert "is applied already" in named["notices"][0]


def test_the_same_key_asks_once(stand: Stand) -> None:
    first, again = (stand.post("/migrations/verify", headers={"Idempotency-Key": "k"}) for _ in range(2))
    assert first.json["id"] == again.json["id"]


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"names": []}, "too_short"),
        ({"names": "orders"}, "list_type"),
        ({"names": [1]}, "wrong_type"),
        ({"names": ["a\x00"]}, "string_pattern_mismatch"),
        ({"name": "orders"}, "unknown_field"),
        ({"confirm": "development"}, "unknown_field"),
    ],
)
def test_a_wrong_body_is_refused_with_its_field(stand: Stand, body: dict[str, Any], code: str) -> None:
    refused = stand.post("/migrations/verify", json=body)
    assert (refused.status_code, refused.json["type"]) == (422, "/problems/validation-failed")
    assert refused.json["problems"][0]["pointer"].startswith("/name") or "confirm" in str(refused.json)
    assert stand.get("/jobs").json == []


@pytest.mark.parametrize(
    ("path", "body"),
    [("/migrations/verify?environment=nowhere", None), ("/migrations/verify", {"names": ["nobody"]})],
)
def test_what_is_not_there_is_not_found(stand: Stand, path: str, body: Any) -> None:
    assert stand.post(path, json=body or {}).status_code == 404


def test_broken_files_refuse_a_proof_as_they_refuse_a_run(stand: Stand) -> None:
    stand.source.catalog = type(stand.source.catalog)((ONE,), (Problem("syntax", "it is broken", file="x.sql"),))
    assert stand.post("/migrations/verify").status_code == 422


def test_a_target_that_is_away_is_a_warning(stand: Stand) -> None:
    stand.targets.unavailable = BackendUnavailable("the target is away")
    accepted = stand.post("/migrations/verify")
    assert accepted.status_code == 202 and "the target is away" in accepted.json["warnings"][0]


def test_a_service_that_makes_no_changes_proves_nothing() -> None:
    with standing(changed_settings={"read_only": True}) as stand:
        assert stand.post("/migrations/verify").status_code == 403


def test_a_proof_is_not_retried_but_asked_for_anew(stand: Stand) -> None:
    job_id = stand.post("/migrations/verify").json["id"]
    stand.finish(job_id, JobState.FAILED, "timed_out")
    refused = stand.post(f"/jobs/{job_id}/retry")
    assert (refused.status_code, refused.json["type"]) == (409, "/problems/not-safe-to-retry")
    assert refused.json["nextSteps"] == [
        "curl -X POST 'http://localhost:3000/migrations/verify?environment=development'"
    ]


def test_a_proof_can_be_cancelled(stand: Stand) -> None:
    job_id = stand.post("/migrations/verify").json["id"]
    assert stand.post(f"/jobs/{job_id}/cancel").json["state"] == "cancelled"


def test_every_migration_says_what_is_known_of_its_way_back(stand: Stand) -> None:
    stand.run(stand.proofs.put(proof(ONE)))
    stand.run(stand.proofs.put(proof(TWO, Verdict.DOWN_FAILS)))
    one, two, three = stand.get("/migrations").json
    assert [row["undo"] for row in (one, two, three)] == ["proven", "not_proven", "not_proven"]
    assert one["reversibility"] == {
        "verdict": "proven",
        "text": "because",
        "checkedAt": "2026-01-02T03:04:05.678901Z",
        "jobId": str(UUID(int=7)),
    }
    assert (two["reversibility"]["verdict"], three["reversibility"]) == ("down_fails", None)


def test_one_migration_shows_all_that_its_proof_has_found(stand: Stand) -> None:
    failure = Failure(FailureCode.SQL_ERROR, "it broke", "orders", "down", "42P01", file="o.sql", line=2, column=3)
    difference = {"kind": "index", "object": "i", "change": "unexpected", "text": "t", "expected": None, "found": "x"}
    found = proof(THREE, Verdict.ROWS_LOST, failure=failure, differences=(difference,), total=9,
                  losses=(RowLoss("public.a", 3, 1, 0),), notices=("copied",))  # fmt: skip
    stand.run(stand.proofs.put(found))
    shown = stand.get("/migrations/orders").json["proof"]
    assert (shown["failure"]["line"], shown["differences"], shown["differencesTotal"]) == (2, [difference], 9)
    assert (shown["losses"][0]["lost"], shown["notices"], shown["serverVersion"]) == (1, ["copied"], "15.4")
    assert stand.get("/migrations/add%20email").json["proof"] is None


def test_the_list_moves_with_a_proof_and_stays_until_then(stand: Stand, monkeypatch: pytest.MonkeyPatch) -> None:
    view = stand.view()

    async def unmoved(_: Environment) -> TargetView:
        return view

    monkeypatch.setattr(stand.targets, "read", unmoved)
    first, again = (stand.run(stand.services.sync.migrations("development")) for _ in range(2))
    assert first is again
    known = {"If-None-Match": stand.get("/migrations").headers["ETag"]}
    assert stand.get("/migrations", headers=known).status_code == 304
    stand.run(stand.proofs.put(proof(ONE)))
    assert stand.get("/migrations", headers=known).status_code == 200


def test_what_demands_proofs_refuses_a_run_and_names_what_has_none() -> None:
    with standing(changed_settings=DEMANDING) as stand:
        stand.run(stand.proofs.put(proof(ONE)))
        stand.run(stand.proofs.put(proof(TWO, Verdict.NOT_RESTORED)))
        refused = stand.post("/migrations/run")
        assert (refused.status_code, refused.json["type"]) == (409, "/problems/proof-missing")
        assert [one["migration"] for one in refused.json["problems"]] == ["add email", "orders"]
        assert "not_restored" in refused.json["problems"][0]["message"]
        assert (refused.json["environment"], refused.json["migrations"]) == ("development", ["add email", "orders"])
        assert (
            "curl -X POST 'http://localhost:3000/migrations/verify?environment=development'"
            in (refused.json["nextSteps"])
        )
        assert stand.get("/problems/proof-missing").status_code == 200
        assert stand.get("/jobs").json == []


def test_with_all_proofs_a_run_is_accepted_and_a_rollback_needs_none() -> None:
    with standing(changed_settings=DEMANDING) as stand:
        for one in (ONE, TWO, THREE):
            stand.run(stand.proofs.put(proof(one)))
        assert stand.post("/migrations/run").status_code == 202
    with standing(changed_settings=DEMANDING, applied=(ONE,)) as stand:
        assert stand.post("/migrations/rollback").status_code == 202


def test_a_plan_shows_what_is_proven_of_each_step(stand: Stand) -> None:
    stand.run(stand.proofs.put(proof(ONE, text="its down restores everything")))

    planned = stand.post("/migrations/plan").json["steps"]

    shown = planned[0]["reversibility"]
    assert (shown["verdict"], shown["text"]) == ("proven", "its down restores everything")
    assert [one["reversibility"] for one in planned[1:]] == [None, None]
    stand.run(stand.proofs.put(proof(TWO)))
    assert stand.get(stand.post("/migrations/plan").headers["Location"]).json["steps"][1]["reversibility"] is not None


def test_a_plan_is_refused_as_its_run_would_be_where_a_proof_is_missing() -> None:
    with standing(changed_settings=DEMANDING) as stand:
        made = stand.post("/migrations/plan").json
        assert (made["verdict"], made["problem"]["type"]) == ("refused", "/problems/proof-missing")


SEEN = DryRun(
    changes=("table public.notes is dropped (2 columns)",),
    total=1,
    locks=(Lock("public.notes", LockMode.ACCESS_EXCLUSIVE),),
    effects=(Effect(HazardCode.TABLE_DROPPED, "public.notes", "public.notes"),),
)


def test_what_a_dry_run_saw_is_shown_beside_the_proof_and_in_the_plan(stand: Stand) -> None:
    stand.run(stand.proofs.put(proof(ONE, dry_run=SEEN)))
    stand.run(stand.proofs.put(proof(TWO, dry_run=DryRun())))

    shown = stand.get(f"/migrations/{quote(ONE.name)}").json["proof"]["dryRun"]

    assert shown["changes"] == ["table public.notes is dropped (2 columns)"] and shown["changesTotal"] == 1
    assert shown["locks"] == [
        {
            "mode": "ACCESS EXCLUSIVE",
            "relation": "notes",
            "says": "ACCESS EXCLUSIVE on notes: stops reads and writes while held",
        }
    ]
    assert [(one["code"], one["object"], one["risk"]) for one in shown["hazards"]] == [
        ("TABLE_DROPPED", "notes", "high")
    ]
    one, two, three = stand.get(stand.post("/migrations/plan").headers["Location"]).json["steps"]
    assert (one["dryRun"], three["dryRun"]) == (shown, None)
    assert (two["dryRun"]["locks"], two["dryRun"]["changes"]) == (None, [])
    (hazard,) = one["hazards"]
    assert (hazard["code"], hazard["foundBy"], hazard["line"]) == ("TABLE_DROPPED", "dry_run", None)


def test_what_a_dry_run_saw_is_asked_for_where_the_environment_asks(stand: Stand) -> None:
    seen = replace(proof(ONE, dry_run=SEEN), environment="production")
    stand.run(stand.proofs.put(seen))
    where = "/migrations/run?environment=production"

    refused = stand.post(where)

    assert (refused.status_code, refused.json["type"]) == (422, "/problems/hazard-not-allowed")
    assert (refused.json["flag"], refused.json["hazards"][0]["foundBy"]) == (
        "--allow-hazards TABLE_DROPPED",
        "dry_run",
    )
    assert stand.post(where, json=refused.json["body"]).status_code == 202


def test_proofs_are_read_only_where_something_would_be_run(stand: Stand) -> None:
    stand.apply(*stand.files)
    assert stand.post("/migrations/run").json["reason"] == "nothing_to_do"
    assert stand.post("/migrations/rollback").status_code == 202
    assert stand.proofs.asked == 0
