"""A schema that somebody has changed by hand: seen before a run, refused or told, and answered."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from app.domain.environment import Dsn, Environment, OnDrift, SchemaCheck
from app.domain.job import JobId, JobKind, JobState
from tests.support.house import House, installed_database, open_house
from tests.support.servers import Servers, execute, fetch, held, value

pytestmark = pytest.mark.servers

A = "-- migrate:up\nCREATE TABLE a (id int PRIMARY KEY);\n-- migrate:down\nDROP TABLE a;\n"
B = "-- migrate:up\nCREATE TABLE b (id int);\n-- migrate:down\nDROP TABLE b;\n"
BY_HAND = "CREATE INDEX by_hand ON a (id); ALTER TABLE a ADD COLUMN note text NOT NULL DEFAULT ''"
DRIFT = "/environments/development/drift"


def opened(servers: Servers, folder: Path, **policy: Any) -> Any:
    dsn = installed_database(servers)
    environment = Environment("development", Dsn(dsn), **policy)
    return open_house(servers, folder, dsn, environments={"development": environment}, shortcut=False)


@pytest.fixture
def house(servers: Servers, folder: Path) -> Iterator[House]:
    """A schema with one table, and a file that waits."""
    with opened(servers, folder) as house:
        house.write("1_a.sql", A)
        assert house.do().state is JobState.SUCCEEDED
        house.write("2_b.sql", B)
        yield house


def scanned(house: House) -> Any:
    job_id = house.http("POST", f"{DRIFT}/scan").get_json()["id"]
    assert house.perform(JobId(UUID(job_id))).state is JobState.SUCCEEDED
    return house.http("GET", DRIFT).get_json()


def open_conflicts(house: House) -> list[Any]:
    found: list[Any] = house.http("GET", "/migrations/conflicts?state=open").get_json()
    return [one for one in found if one["kind"] == "schema_drift"]


def resolved(house: House, **body: Any) -> Any:
    (conflict,) = open_conflicts(house)
    return house.http("POST", f"/migrations/conflicts/{conflict['id']}/resolve", json=body)


def test_what_jobs_do_is_no_drift_however_they_end(house: House) -> None:
    assert scanned(house)["state"] == "clean"
    house.write("3_fails.sql", "-- migrate:up\nCREATE TABLE c ();\nSELECT 1/0;\n")
    assert house.do().state is JobState.FAILED
    assert scanned(house)["state"] == "clean"
    assert house.do(JobKind.ROLLBACK).state is JobState.SUCCEEDED
    assert scanned(house)["state"] == "clean"
    assert house.do(JobKind.RESET).state is JobState.SUCCEEDED
    assert scanned(house)["state"] == "clean"
    assert open_conflicts(house) == []


def test_a_change_by_hand_is_found_with_its_objects_and_since_when(house: House) -> None:
    execute(house.dsn, BY_HAND)

    first = scanned(house)

    assert (first["state"], first["differencesTotal"]) == ("drifted", 2)
    assert {(one["kind"], one["object"], one["change"]) for one in first["differences"]} == {
        ("column", "public.a.note", "unexpected"),
        ("index", "public.by_hand", "unexpected"),
    }
    assert "CREATE INDEX by_hand ON public.a" in str([one["found"] for one in first["differences"]])
    (conflict,) = open_conflicts(house)
    assert conflict["id"] == first["conflictId"] and conflict["firstSeenAt"] == first["firstSeenAt"]
    again = scanned(house)
    assert again["firstSeenAt"] == first["firstSeenAt"] and again["checkedAt"] > first["checkedAt"]
    execute(house.dsn, "DROP INDEX by_hand; ALTER TABLE a DROP COLUMN note")
    assert scanned(house)["state"] == "clean"
    assert open_conflicts(house) == []


def test_a_drift_that_becomes_another_one_is_another_record(house: House) -> None:
    execute(house.dsn, "CREATE INDEX by_hand ON a (id)")
    first = scanned(house)["conflictId"]
    execute(house.dsn, "CREATE INDEX by_other_hand ON a (id)")

    assert scanned(house)["conflictId"] != first
    assert len(open_conflicts(house)) == 1


@pytest.mark.parametrize("asked", [True, False], ids=["by the request", "by the environment"])
def test_a_run_is_refused_where_drift_is_not_wanted(servers: Servers, folder: Path, asked: bool) -> None:
    with opened(servers, folder, on_drift=OnDrift.WARN if asked else OnDrift.REFUSE) as house:
        house.write("1_a.sql", A)
        house.do()
        house.write("2_b.sql", B)
        execute(house.dsn, BY_HAND)

        job = house.do(on_drift=OnDrift.REFUSE) if asked else house.do()

        assert (job.state, job.reason) == (JobState.FAILED, "drift_present")
        assert job.error is not None and "index public.by_hand was not expected" in (job.error.detail or "")
        assert job.error.left_behind.startswith("nothing") or "stays" in job.error.left_behind
        assert fetch(house.dsn, "SELECT 1 FROM pg_class WHERE relname = 'b'") == []
        assert len(open_conflicts(house)) == 1
        assert house.do(JobKind.ROLLBACK).state is JobState.SUCCEEDED, "to undo may be the answer"


def test_a_run_that_is_only_warned_says_so_and_takes_the_schema_as_it_is(house: House) -> None:
    execute(house.dsn, BY_HAND)

    job = house.do()

    assert job.state is JobState.SUCCEEDED
    assert [one for one in job.notices if "2 objects of development changed since job" in one]
    found = house.http("GET", DRIFT).get_json()
    assert (found["state"], found["recordedByJobId"]) == ("clean", str(job.id)), "nobody has to look again to know"
    assert open_conflicts(house) == []
    assert scanned(house)["state"] == "clean"


def test_where_drift_is_ignored_nobody_looks(house: House) -> None:
    execute(house.dsn, BY_HAND)

    job = house.do(on_drift=OnDrift.IGNORE)

    assert job.state is JobState.SUCCEEDED and not [one for one in job.notices if "changed" in one]


def test_a_job_that_does_nothing_does_not_hide_what_it_met(house: House) -> None:
    execute(house.dsn, BY_HAND)
    house.write("2_b.sql", "-- migrate:up\nSELECT 1/0;\n")

    assert house.do().state is JobState.FAILED

    assert scanned(house)["state"] == "drifted"


def test_adopting_writes_a_migration_that_is_applied_here_and_can_be_undone(house: House) -> None:
    execute(house.dsn, BY_HAND)
    scanned(house)

    answered = resolved(house, resolution="adopt_drift", note="it was urgent")

    assert answered.status_code == 202, answered.get_json()
    assert house.perform(JobId(UUID(answered.get_json()["id"]))).state is JobState.SUCCEEDED
    (file,) = house.folder.glob("*adopt-drift-development*.sql")
    text = file.read_text()
    assert "CREATE INDEX by_hand ON public.a" in text and "ADD COLUMN note text" in text
    assert open_conflicts(house) == [] and scanned(house)["state"] == "clean"
    name = file.stem.split("_", 1)[1]
    assert house.statuses()[name] == "completed"
    assert house.do(JobKind.ROLLBACK).state is JobState.SUCCEEDED
    assert fetch(house.dsn, "SELECT 1 FROM pg_class WHERE relname = 'by_hand'") == []
    assert house.do().state is JobState.SUCCEEDED
    assert len(fetch(house.dsn, "SELECT 1 FROM pg_class WHERE relname = 'by_hand'")) == 1


def test_what_is_adopted_does_not_put_out_of_order_what_is_pending(house: House) -> None:
    house.write("2_b.sql", B)
    execute(house.dsn, BY_HAND)
    scanned(house)

    assert house.perform(JobId(UUID(resolved(house, resolution="adopt_drift").get_json()["id"]))).reason == "marked"

    assert [file.name.split("_")[0] for file in sorted(house.folder.iterdir())] == ["1.1", "1", "2"]
    assert house.http("POST", "/migrations/run", json={"onDrift": "refuse"}).status_code == 202
    assert house.http("GET", "/migrations/conflicts?state=open").get_json() == []


def test_reverting_writes_a_migration_that_takes_the_change_back(house: House) -> None:
    execute(house.dsn, BY_HAND)
    scanned(house)

    answered = resolved(house, resolution="revert_drift")

    assert answered.status_code == 200 and "onDrift: warn" in answered.get_json()["note"]
    assert house.do(on_drift=OnDrift.WARN).state is JobState.SUCCEEDED
    assert fetch(house.dsn, "SELECT 1 FROM pg_class WHERE relname = 'by_hand'") == []


def test_a_drift_that_has_moved_is_not_answered_unseen(house: House) -> None:
    execute(house.dsn, BY_HAND)
    scanned(house)
    execute(house.dsn, "CREATE TABLE more ()")

    answered = resolved(house, resolution="adopt_drift")

    assert answered.status_code == 409 and answered.get_json()["type"] == "/problems/still-disagrees"
    assert list(house.folder.glob("*adopt*")) == []
    (conflict,) = open_conflicts(house)
    assert "more" in str(conflict["evidence"])


def test_what_is_left_for_a_while_refuses_nothing_till_then(servers: Servers, folder: Path) -> None:
    with opened(servers, folder, on_drift=OnDrift.REFUSE) as house:
        house.write("1_a.sql", A)
        house.do()
        house.write("2_b.sql", B)
        execute(house.dsn, BY_HAND)
        scanned(house)

        assert resolved(house, resolution="ignore_until").status_code == 422
        assert resolved(house, resolution="ignore_until", until="2001-01-01T00:00:00Z").status_code == 422
        assert resolved(house, resolution="ignore_until", until="tomorrow").status_code == 422
        assert resolved(house, resolution="ignore_until", until="2101-01-01T00:00:00Z").status_code == 200

        assert house.do().state is JobState.SUCCEEDED


def test_a_folder_that_cannot_be_written_gives_the_text_instead(house: House) -> None:
    execute(house.dsn, BY_HAND)
    scanned(house)
    version = value(house.dsn, "SELECT 1")
    assert version == 1
    house.services.drift._drafts._folder = house.folder / "gone"  # type: ignore[attr-defined]

    answered = resolved(house, resolution="adopt_drift")

    assert answered.status_code == 409 and answered.get_json()["type"] == "/problems/folder-not-writable"
    assert "CREATE INDEX by_hand" in answered.get_json()["text"]


def test_a_schema_that_is_not_checked_says_so(servers: Servers, folder: Path) -> None:
    with opened(servers, folder, schema_check=SchemaCheck.OFF) as house:
        house.write("1_a.sql", A)
        house.do()
        execute(house.dsn, BY_HAND)

        found = scanned(house)

        assert found["state"] == "not_checked" and "schemaCheck" in found["message"]
        assert fetch(house.dsn, "SELECT 1 FROM liftlock.schema_state WHERE scope = ''") == []


def test_where_nobody_can_tell_a_run_that_wants_no_drift_is_refused(house: House) -> None:
    execute(house.dsn, "CREATE VIEW by_hand AS SELECT id FROM a")

    with held(house.dsn, "LOCK TABLE a IN ACCESS EXCLUSIVE MODE", "reporting"):
        refused, told = house.do(on_drift=OnDrift.REFUSE), house.do(on_drift=OnDrift.WARN)

    assert (refused.state, refused.reason) == (JobState.FAILED, "drift_present")
    assert refused.error is not None and "could not be read" in refused.error.message
    assert told.state is JobState.SUCCEEDED
    assert [one for one in told.notices if "whether it had drifted is not known" in one]


def test_what_was_changed_after_the_draft_is_not_taken_over_unseen(house: House) -> None:
    execute(house.dsn, BY_HAND)
    scanned(house)
    answered = resolved(house, resolution="adopt_drift")
    execute(house.dsn, "CREATE TABLE sneaked ()")

    job = house.perform(JobId(UUID(answered.get_json()["id"])))

    assert (job.state, job.reason) == (JobState.FAILED, "still_disagrees")
    assert scanned(house)["differencesTotal"] == 3


def test_a_schema_that_cannot_be_read_at_the_end_is_not_claimed_to_be_known(house: House) -> None:
    house.write("2_b.sql", "-- migrate:up\nCREATE VIEW v AS SELECT id FROM a;\n")
    house.do()
    house.write("3_c.sql", "-- migrate:up\nCREATE TABLE c ();\n")

    with held(house.dsn, "LOCK TABLE v IN ACCESS EXCLUSIVE MODE", "reporting"):
        job = house.do(on_drift=OnDrift.IGNORE)

    assert job.state is JobState.SUCCEEDED
    assert scanned(house)["state"] == "not_checked"
    house.write("4_d.sql", "-- migrate:up\nCREATE TABLE d ();\n")
    assert house.do().state is JobState.SUCCEEDED
    assert scanned(house)["state"] == "clean"


def test_before_the_first_job_there_is_nothing_to_hold_it_against(servers: Servers, folder: Path) -> None:
    with opened(servers, folder) as house:
        execute(house.dsn, "CREATE TABLE old ()")
        assert house.http("GET", DRIFT).get_json()["state"] == "not_checked"
        assert scanned(house)["state"] == "not_checked"
        assert house.http("GET", "/environments/nowhere/drift").status_code == 404
        assert house.http("POST", "/environments/nowhere/drift/scan").status_code == 404
        assert fetch(house.dsn, "SELECT 1 FROM liftlock.fence WHERE scope = ''") == [], "a look writes nothing"
