"""Environments over HTTP: what they are, where they stand, the matrix, and how two of them differ."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from app.domain.drift import RecordedSchema, Sight
from app.domain.environment import Dsn, Environment, Protection, SchemaCheck, SyncPolicy, Target
from app.domain.errors import BackendUnavailable
from app.domain.job import JobState, StepRecord, StepState
from app.domain.ledger import UNCERTAIN, Status
from app.domain.migration import Catalog
from app.domain.schema import EMPTY, SchemaObject, Snapshot
from app.domain.windows import Window, Windows
from tests.api.stand import ENVIRONMENTS, ONE, SECRET, THREE, TWO, Stand, standing
from tests.domain.literals import entry, sql

OVERVIEW = "/environments?status=true"
AWAY = BackendUnavailable("the target cannot be reached")
STAGING = Environment(
    "staging",
    Dsn(f"postgresql://owner:{SECRET}@pooler:6432/shop?sslmode=require"),
    Protection.CONFIRM,
    consent=frozenset({"INDEX_BUILD", "DATA_LOSS"}),
    direct=Dsn(f"postgresql://owner:{SECRET}@db:5432/shop"),
    max_hold_ms=5_000,
    schema_check=SchemaCheck.STEP,
    require_proof=True,
    requires=("development",),
    soak=timedelta(hours=1),
    windows=Windows(allow=(Window("0 22 * * 1-5", timedelta(hours=4), "Europe/Vienna"),)),
    sync=SyncPolicy("development", timedelta(minutes=5)),
    approvals=2,
    notify=("on-call",),
    before_run=("pg_dump", f"--dbname=postgresql://owner:{SECRET}@db/shop"),
)
INDEX = SchemaObject(
    "index", "public.by_hand", {"of": "public.a", "definition": "CREATE INDEX by_hand ON public.a (x)"}
)
RECORDED = RecordedSchema(EMPTY.fingerprint, EMPTY.canonical, UUID(int=7), datetime(2026, 1, 2, tzinfo=UTC))


def status(stand: Stand, environment: str = "development") -> Any:
    return stand.get(f"/environments/{environment}/status").json


def applied(stand: Stand, environment: str, *migrations: Any) -> None:
    """Only there."""
    ledger = stand.targets.ledger(environment)
    ledger.entries = {one.name: entry(one, position) for position, one in enumerate(migrations, 1)}


def test_the_list_says_what_each_environment_is_and_which_is_the_default(stand: Stand) -> None:
    development, production = stand.get("/environments").json

    assert (development["name"], development["isDefault"]) == ("development", True)
    assert (production["name"], production["isDefault"], production["protection"]) == ("production", False, "locked")
    assert development["status"] is None and development["recordedProtection"] is None
    assert development["links"]["status"] == "/environments/development/status"


def test_an_environment_shows_its_whole_configuration_and_no_password() -> None:
    with standing(changed_settings={"environments": {"staging": STAGING}, "default_environment": "staging"}) as stand:
        answer = stand.get("/environments/staging")

    shown = answer.json
    assert SECRET not in answer.text
    assert {name: shown[name] for name in ("address", "directAddress", "scratchAddress", "scope")} == {
        "address": "postgresql://owner@pooler:6432/shop",
        "directAddress": "postgresql://owner@db:5432/shop",
        "scratchAddress": None,
        "scope": "",
    }
    assert (shown["protection"], shown["effectiveProtection"], shown["onDrift"]) == ("confirm", "confirm", "warn")
    assert (shown["consent"], shown["maxHoldMs"]) == (["DATA_LOSS", "INDEX_BUILD"], 5_000)
    assert (shown["schemaCheck"], shown["requireProof"]) == ("step", True)
    assert (shown["onFailure"], shown["outOfOrder"]) == ("stop", "warn")
    assert (shown["requires"], shown["soakMs"]) == (["development"], 3_600_000)
    assert shown["windows"] == {
        "allow": [{"cron": "0 22 * * 1-5", "durationMs": 14_400_000, "timezone": "Europe/Vienna"}],
        "deny": [],
    }
    assert shown["syncPolicy"] == {"from": "development", "everyMs": 300_000}
    assert [one["allowed"] for one in shown["actions"] if one["name"] == "sync"] == [True]
    assert (shown["approvals"], shown["beforeRun"], shown["notify"]) == (2, True, ["on-call"])
    assert (shown["autoRun"], shown["lockTries"]) == (None, None)


def test_an_unknown_environment_is_not_found_with_those_there_are(stand: Stand) -> None:
    for path in ("/environments/nowhere", "/environments/nowhere/status", "/environments/nowhere?status=true"):
        refused = stand.get(path)
        assert (refused.status_code, refused.json["environments"]) == (404, ["development", "production"])


@pytest.mark.parametrize(
    "path",
    [
        "/environments",
        OVERVIEW,
        "/environments/production",
        "/environments/production/status",
        "/environments/compare?from=development&to=production",
        "/matrix",
    ],
)
def test_whoever_has_the_answer_already_gets_304_until_something_changes(stand: Stand, path: str) -> None:
    first = stand.get(path)
    tag = first.headers["ETag"]

    again = stand.get(path, headers={"If-None-Match": tag})
    applied(stand, "production", ONE)
    moved = stand.get(path, headers={"If-None-Match": tag})

    assert (first.status_code, again.status_code) == (200, 304)
    assert moved.status_code == (304 if path in ("/environments", "/environments/production") else 200)


def test_what_may_be_done_stands_beside_it_with_the_reason_where_it_may_not(stand: Stand) -> None:
    development, production = stand.get("/environments").json
    may = {one["name"]: one["allowed"] for one in development["actions"]}
    assert may == dict.fromkeys(("plan", "run", "rollback", "reset", "verify", "scan"), True) | {
        "sync": False,
        "unlock": False,
    }
    (reset,) = [one for one in production["actions"] if one["name"] == "reset"]
    assert (reset["allowed"], reset["reason"]) == (False, "reset is refused where the protection is locked")
    assert (reset["method"], reset["href"]) == ("DELETE", "/migrations/reset?environment=production")


def test_a_service_that_changes_nothing_offers_only_to_plan() -> None:
    with standing(changed_settings={"read_only": True}) as stand:
        (development, _) = stand.get("/environments").json
        assert [one["name"] for one in development["actions"] if one["allowed"]] == ["plan"]


def test_before_anything_happened_it_is_behind_unseen_and_without_a_job(stand: Stand) -> None:
    found = status(stand)

    assert (found["environment"], found["sync"]["state"]) == ("development", "behind")
    assert found["sync"]["evidence"]["pending"] == {"count": 3, "names": ["create users", "add email", "orders"]}
    assert (found["drift"]["state"], found["drift"]["checkedAt"], found["drift"]["objects"]) == ("not_checked", None, 0)
    assert "POST /environments/development/drift/scan" in found["drift"]["message"]
    assert (found["lastJob"], found["runningJob"], found["openJobs"]) == (None, None, 0)


def test_each_axis_comes_with_its_evidence(stand: Stand) -> None:
    applied(stand, "development", sql("create users", "1", up="SELECT 'before'"), TWO, sql("lost", "9"))
    evidence = status(stand)["sync"]["evidence"]
    assert status(stand)["sync"]["state"] == "diverged"
    assert (evidence["applied"], evidence["modified"]["names"], evidence["missing"]["names"]) == (
        3,
        ["create users"],
        ["lost"],
    )


def test_drift_says_how_many_objects_and_since_when(stand: Stand) -> None:
    stand.schemas.sights["development"] = Sight(Snapshot.of([INDEX]), RECORDED)
    stand.run(stand.recorder.look(ENVIRONMENTS[0]))

    drift = status(stand)["drift"]

    assert (drift["state"], drift["objects"]) == ("drifted", 1)
    assert drift["checkedAt"] and drift["firstSeenAt"] and drift["conflictId"]


def test_the_last_job_the_running_one_and_how_many_are_open(stand: Stand) -> None:
    first = stand.post("/migrations/run").json["id"]
    stand.finish(first, JobState.FAILED, "sql_error")
    second = stand.post("/migrations/run").json["id"]
    stand.post("/migrations/run")
    stand.start(second)

    found = status(stand)

    assert (found["lastJob"]["id"], found["lastJob"]["state"], found["lastJob"]["reason"]) == (
        first,
        "failed",
        "sql_error",
    )
    assert found["lastJob"]["finishedAt"] and found["lastJob"]["links"]["self"] == f"/jobs/{first}"
    assert (found["runningJob"]["id"], found["runningJob"]["state"], found["openJobs"]) == (second, "running", 2)


def test_one_call_tells_where_all_of_them_stand(stand: Stand) -> None:
    applied(stand, "development", ONE, TWO, THREE)
    development, production = stand.get(OVERVIEW).json
    assert development["status"]["sync"]["state"] == "in_sync"
    assert production["status"]["sync"]["state"] == "behind"
    assert production["status"] == status(stand, "production")


def test_the_protection_on_record_in_the_target_is_shown_and_the_stricter_one_counts(stand: Stand) -> None:
    stand.targets.ledger("development").protection = Protection.LOCKED
    stand.targets.ledger("development").environment = "production"

    shown = stand.get("/environments/development?status=true").json

    assert (shown["protection"], shown["recordedProtection"], shown["effectiveProtection"]) == (
        "open",
        "locked",
        "locked",
    )
    assert shown["recordedEnvironment"] == "production" and shown["status"]["sync"]["state"] == "unknown"
    actions = {one["name"]: (one["allowed"], one["reason"]) for one in shown["actions"]}
    assert actions["run"] == actions["unlock"] == (False, "this database was set up as production")
    assert actions["claim"] == (True, None)


def test_while_it_is_unlocked_it_is_protected_one_step_less(stand: Stand) -> None:
    named = {"confirm": "production"}
    assert stand.get("/environments/production?status=true").json["unlocked"] is False
    assert stand.post("/environments/production/unlock", json=named).status_code == 200

    shown = stand.get("/environments/production?status=true").json

    assert (shown["unlocked"], shown["protection"], shown["effectiveProtection"]) == (True, "locked", "confirm")
    assert [one["allowed"] for one in shown["actions"] if one["name"] == "unlock"] == [True]


def test_a_target_that_is_away_is_unknown_with_the_reason(stand: Stand) -> None:
    stand.targets.unavailable = AWAY
    sync = {"state": "unknown", "message": "the target cannot be reached", "evidence": None}

    assert status(stand)["sync"] == sync
    assert [one["status"]["sync"] for one in stand.get(OVERVIEW).json] == [sync, sync]
    matrix = stand.get("/matrix").json
    assert {cell["state"] for row in matrix["migrations"] for cell in row["cells"]} == {"unknown"}
    assert [row["name"] for row in matrix["migrations"]] == ["create users", "add email", "orders"]


def test_the_matrix_has_a_row_a_migration_and_a_cell_an_environment(stand: Stand) -> None:
    applied(stand, "development", ONE, TWO)
    applied(stand, "production", ONE, sql("lost", "9", down=None))

    matrix = stand.get("/matrix").json

    assert matrix["environments"] == stand.get(OVERVIEW).json
    assert [one["status"]["sync"]["state"] for one in matrix["environments"]] == ["behind", "diverged"]
    states = {row["name"]: [cell["state"] for cell in row["cells"]] for row in matrix["migrations"]}
    assert states == {
        "lost": ["absent", "missing"],
        "create users": ["applied", "applied"],
        "add email": ["applied", "pending"],
        "orders": ["pending", "pending"],
    }
    lost, first = matrix["migrations"][:2]
    assert (lost["file"], lost["reversible"], first["reversible"], first["version"]) == (None, False, True, "1")
    assert first["cells"][1]["environment"] == "production" and first["cells"][1]["appliedAt"]


def test_the_matrix_says_how_dangerous_each_file_is_by_itself(stand: Stand) -> None:
    applied(stand, "production", ONE, sql("lost", "9"))
    stand.source.catalog = Catalog((ONE, sql("gone", "2", up="DROP TABLE users"), THREE))

    risks = {row["name"]: row["risk"] for row in stand.get("/matrix").json["migrations"]}

    assert risks == {"lost": None, "create users": "low", "gone": "high", "orders": "low"}


def test_what_a_job_works_on_now_is_running_in_the_matrix(stand: Stand) -> None:
    attempt = stand.start(stand.post("/migrations/run").json["id"])
    step = StepRecord(0, "create users", "1", "up", StepState.RUNNING)
    stand.run(stand.claims.record_steps(attempt, [step], "1 of 3"))
    first = stand.get("/matrix").json["migrations"][0]
    assert [cell["state"] for cell in first["cells"]] == ["running", "pending"]


def test_without_the_control_database_nobody_can_tell(stand: Stand) -> None:
    stand.known.unavailable = BackendUnavailable("the control database cannot be reached")
    for path in (OVERVIEW, "/environments/development/status", "/matrix"):
        refused = stand.get(path)
        assert (refused.status_code, refused.json["type"]) == (503, "/problems/backend-unavailable")
    assert stand.get("/environments").status_code == 200


def compared(stand: Stand, **asked: str) -> Any:
    query = {"from": "development", "to": "production", **asked}
    return stand.get("/environments/compare", query_string=query).json


def test_what_one_lacks_is_brought_there_by_a_sync(stand: Stand) -> None:
    applied(stand, "development", ONE, TWO)
    applied(stand, "production", ONE)

    found = compared(stand)

    assert (found["from"], found["to"], found["verdict"]) == ("development", "production", "behind")
    assert found["message"] == "production lacks 1 migration (add email) that development has"
    assert found["ledger"]["counts"] == {"same": 1, "onlyInFrom": 1, "onlyInTo": 0, "different": 0}
    (lacking,) = found["ledger"]["onlyInFrom"]
    assert (lacking["name"], lacking["version"], lacking["checksum"]) == ("add email", "2", TWO.checksum.raw.hex())
    planned, sync = found["actions"]
    assert planned["body"] == {"from": "development", "dryRun": True}
    assert (sync["method"], sync["href"], sync["body"]) == (
        "POST",
        "/environments/production/sync",
        {"from": "development"},
    )
    assert sync["allowed"] and found["schema"]["state"] == "same"


def test_what_one_has_besides_goes_the_other_way_or_is_undone(stand: Stand) -> None:
    applied(stand, "development", ONE)
    applied(stand, "production", ONE, TWO, THREE)

    found = compared(stand)

    assert found["verdict"] == "ahead"
    assert [(one["name"], one["href"], one["allowed"]) for one in found["actions"]] == [
        ("plan_sync", "/environments/development/sync", True),
        ("sync", "/environments/development/sync", True),
        ("rollback", "/migrations/rollback/2?environment=production", True),
    ]


def test_what_others_stand_upon_is_not_offered_to_be_undone(stand: Stand) -> None:
    applied(stand, "development", TWO)
    applied(stand, "production", ONE, TWO)
    rollback = compared(stand)["actions"][-1]
    assert (rollback["allowed"], rollback["reason"]) == (
        False,
        "others were applied after create users, and would be undone with it",
    )


def test_another_text_is_shown_with_both_checksums_and_stops_a_sync(stand: Stand) -> None:
    before = sql("create users", "1", up="SELECT 'before'")
    applied(stand, "development", ONE, TWO)
    applied(stand, "production", before)

    found = compared(stand)

    assert found["verdict"] == "diverged"
    (other,) = found["ledger"]["different"]
    assert (other["name"], other["commentsOnly"]) == ("create users", False)
    assert (other["from"]["checksum"], other["to"]["checksum"]) == (ONE.checksum.raw.hex(), before.checksum.raw.hex())
    sync = found["actions"][-1]
    assert not sync["allowed"] and "was applied from another text there" in sync["reason"]
    assert any("/migrations/conflicts?environment=production&state=open" in step for step in found["nextSteps"])


def test_schemas_that_differ_where_the_ledgers_agree_have_diverged(stand: Stand) -> None:
    stand.schemas.sights["production"] = Sight(Snapshot.of([INDEX]))

    found = compared(stand)

    assert (found["ledger"]["verdict"], found["schema"]["state"], found["verdict"]) == (
        "in_sync",
        "different",
        "diverged",
    )
    (index,) = found["schema"]["differences"]
    assert (index["kind"], index["object"], index["change"]) == ("index", "public.by_hand", "unexpected")
    assert (index["from"], index["to"]) == (None, INDEX.facts["definition"])
    assert found["nextSteps"][-1] == "curl -X POST http://localhost:3000/environments/production/drift/scan"


def test_owners_count_when_it_is_asked_strictly(stand: Stand) -> None:
    for name, owner in (("development", "ada"), ("production", "bob")):
        table = SchemaObject("table", "public.a", {"owner": owner})
        stand.schemas.sights[name] = Sight(Snapshot.of([table]))
    assert compared(stand)["verdict"] == "in_sync"
    strict = compared(stand, strict="true")
    assert (strict["verdict"], strict["strict"]) == ("diverged", True)
    assert strict["links"]["self"] == "/environments/compare?from=development&to=production&strict=true"


def test_a_side_that_cannot_be_read_leaves_the_verdict_unknown_with_the_reason(stand: Stand) -> None:
    stand.schemas.unavailable = AWAY
    half = compared(stand)
    assert (half["verdict"], half["ledger"]["verdict"], half["schema"]["reason"]) == (
        "unknown",
        "in_sync",
        "the target cannot be reached; the target cannot be reached",
    )
    stand.targets.unavailable = AWAY
    none = compared(stand)
    assert (none["verdict"], none["ledger"]["verdict"], none["actions"]) == ("unknown", "unknown", [])
    assert none["ledger"]["reason"] == none["schema"]["reason"]


def test_what_nobody_knows_is_settled_where_it_is(stand: Stand) -> None:
    unsure = replace(entry(ONE, 1, Status.FAILED), error_message=f"{UNCERTAIN}the connection was lost")
    stand.targets.ledger("development").entries = {ONE.name: unsure}

    found = compared(stand)

    assert (found["verdict"], found["ledger"]["uncertainInFrom"], found["ledger"]["uncertainInTo"]) == (
        "unknown",
        ["create users"],
        [],
    )
    marking = [step for step in found["nextSteps"] if "/migrations/mark" in step]
    assert len(marking) == 2 and all("environment=development" in step for step in marking)


EU, US = (Target(name, Dsn(f"postgresql://db/{name}")) for name in ("eu", "us"))
SEVERAL = {
    "shop": Environment("shop", EU.dsn, targets=(EU, US)),
    "next": Environment("next", EU.dsn, targets=(EU, US)),
    "old": Environment("old", Dsn("postgresql://db/old")),
    "lone": Environment("lone", EU.dsn, targets=(EU,)),
}


def pairs(found: Any) -> list[tuple[str, str, str]]:
    return [(one["from"], one["to"], one["verdict"]) for one in found["targets"]]


@pytest.fixture
def several() -> Iterator[Stand]:
    with standing(applied=(ONE, TWO), changed_settings={"environments": SEVERAL}) as stand:
        applied(stand, "shop.us", ONE)
        yield stand


def test_of_several_targets_each_is_held_against_the_other_and_the_worst_is_answered(several: Stand) -> None:
    found = compared(several, **{"from": "old", "to": "shop"})
    assert pairs(found) == [("old", "shop.eu", "in_sync"), ("old", "shop.us", "behind")]
    assert (found["to"], found["message"]) == ("shop.us", "shop.us lacks 1 migration (add email) that old has")
    assert several.get(found["links"]["self"]).json["verdict"] == "behind"
    back = compared(several, **{"from": "shop", "to": "old"})
    assert pairs(back) == [("shop.eu", "old", "in_sync"), ("shop.us", "old", "ahead")]


def test_where_both_have_several_those_of_one_name_are_held_against_each_other(several: Stand) -> None:
    found = compared(several, **{"from": "shop", "to": "next"})
    assert pairs(found) == [("shop.eu", "next.eu", "in_sync"), ("shop.us", "next.us", "ahead")]
    within = compared(several, **{"from": "shop", "to": "shop.us"})
    assert pairs(within) == [("shop.eu", "shop.us", "behind")]


def test_what_has_no_other_side_is_refused(several: Stand) -> None:
    for side in ("lone", "lone.eu"):
        refused = several.get(f"/environments/compare?from=lone&to={side}")
        assert (refused.status_code, refused.json["problems"][0]["parameter"]) == (422, "to")


def test_a_comparison_of_single_targets_lists_none(several: Stand) -> None:
    assert "targets" not in compared(several, **{"from": "old", "to": "shop.us"})


@pytest.mark.parametrize(
    ("query", "parameter"),
    [
        ("to=production", "from"),
        ("from=development", "to"),
        ("from=development&to=production&strict=perhaps", "strict"),
        ("from=development&to=production&source=x", "source"),
        ("from=development&to=development", "to"),
    ],
)
def test_a_comparison_without_both_sides_is_refused_by_name(stand: Stand, query: str, parameter: str) -> None:
    refused = stand.get(f"/environments/compare?{query}")
    assert refused.status_code == 422
    assert [one["parameter"] for one in refused.json["problems"]] == [parameter]


def test_a_comparison_with_an_environment_that_is_not_there_is_not_found(stand: Stand) -> None:
    assert stand.get("/environments/compare?from=development&to=nowhere").status_code == 404


def test_a_query_that_is_neither_true_nor_false_is_refused(stand: Stand) -> None:
    assert stand.get("/environments?status=yes").status_code == 422
