"""Conflicts are answered over HTTP, on real servers: the ledger, the log and the audit trail say the same."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import pytest
from werkzeug.test import TestResponse

from app.domain.environment import Dsn, Environment, OutOfOrder
from app.domain.job import JobId, JobKind, JobState
from tests.support.house import House, open_house
from tests.support.servers import Servers, execute, fetch, value

pytestmark = pytest.mark.servers

ONE = "-- migrate:up\nCREATE TABLE one (id int);\n-- migrate:down\nDROP TABLE one;\n"
TWO = "-- migrate:up\nCREATE TABLE two (id int);\n-- migrate:down\nDROP TABLE two;\n"
WHY = "looked at it with the owner"


@pytest.fixture
def house(servers: Servers, folder: Path) -> Iterator[House]:
    with open_house(servers, folder) as opened:
        opened.write("1_one.sql", ONE)
        opened.write("2_two.sql", TWO)
        opened.do()
        yield opened


def refused_run(house: House) -> None:
    assert house.http("POST", "/migrations/run").status_code == 409


def the_open_one(house: House, kind: str) -> dict[str, Any]:
    found: list[dict[str, Any]] = house.http("GET", "/migrations/conflicts?state=open").get_json()
    (conflict,) = [one for one in found if one["kind"] == kind]
    return conflict


def again(house: House, conflict: dict[str, Any]) -> dict[str, Any]:
    seen: dict[str, Any] = house.http("GET", conflict["links"]["self"]).get_json()
    return seen


def resolve(house: House, conflict: dict[str, Any], resolution: str, **more: Any) -> TestResponse:
    body = {"resolution": resolution, "note": WHY, **more}
    return house.http("POST", f"{conflict['links']['self']}/resolve", json=body)


def carried_out(house: House, answered: TestResponse) -> dict[str, Any]:
    """The job as it is once a worker has had it."""
    assert answered.status_code == 202, answered.text
    assert answered.headers["Location"] == f"/jobs/{answered.get_json()['id']}"
    house.perform(JobId(UUID(answered.get_json()["id"])))
    job: dict[str, Any] = house.http("GET", answered.headers["Location"]).get_json()
    return job


def events(house: House, name: str) -> list[tuple[object, ...]]:
    rows = fetch(
        house.dsn, "SELECT event, actor, note FROM liftlock.migration_events WHERE name = $1 ORDER BY id", name
    )
    return [tuple(row) for row in rows]


def audited(house: House, action: str) -> list[tuple[object, ...]]:
    sql = "SELECT principal_id, detail->>'note' FROM liftlock_control.audit WHERE action = $1 ORDER BY id"
    return [tuple(row) for row in fetch(house.dsn, sql, action)]


def change_one(house: House, text: str = ONE.replace("id int", "id bigint")) -> dict[str, Any]:
    house.write("1_one.sql", text)
    refused_run(house)
    return the_open_one(house, "checksum_mismatch")


def test_a_changed_file_is_accepted_and_nothing_of_it_is_run(house: House) -> None:
    conflict = change_one(house)
    before = fetch(house.dsn, "SELECT applied_at, position FROM liftlock.migrations WHERE name = 'one'")

    job = carried_out(house, resolve(house, conflict, "accept_file"))

    assert (job["kind"], job["state"], job["reason"], job["note"]) == ("resolve", "succeeded", "resolved", WHY)
    assert events(house, "one") == [("run", "anonymous", None), ("resolved", "anonymous", WHY)]
    assert fetch(house.dsn, "SELECT applied_at, position FROM liftlock.migrations WHERE name = 'one'") == before
    closed = again(house, conflict)
    assert (closed["state"], closed["resolution"], closed["resolvedBy"]) == ("resolved", "accept_file", "anonymous")
    assert (closed["note"], closed["resolvedByJobId"]) == (WHY, job["id"])
    assert audited(house, "migrations.resolve") == [("anonymous", WHY)]
    assert house.http("POST", "/migrations/run").get_json()["reason"] == "nothing_to_do"
    assert value(house.dsn, "SELECT data_type FROM information_schema.columns WHERE table_name = 'one'") == "integer"


def test_accepting_one_file_never_accepts_another(house: House) -> None:
    house.write("2_two.sql", TWO.replace("id int", "id bigint"))
    conflict = None
    house.write("1_one.sql", ONE.replace("id int", "id bigint"))
    refused_run(house)
    found = house.http("GET", "/migrations/conflicts?state=open").get_json()
    conflict = next(one for one in found if one["migrations"] == ["one"])

    carried_out(house, resolve(house, conflict, "accept_file"))

    assert the_open_one(house, "checksum_mismatch")["migrations"] == ["two"]
    refused_run(house)


def test_a_file_that_changes_again_before_the_worker_comes_is_not_accepted(house: House) -> None:
    conflict = change_one(house)
    answered = resolve(house, conflict, "accept_file")
    house.write("1_one.sql", ONE.replace("id int", "id text"))

    job = carried_out(house, answered)

    assert (job["state"], job["reason"]) == ("failed", "plan_stale")
    assert again(house, conflict)["state"] == "open"
    assert events(house, "one") == [("run", "anonymous", None)]


def test_a_file_that_is_another_than_the_one_on_record_is_not_accepted(house: House) -> None:
    conflict = change_one(house)
    house.write("1_one.sql", ONE.replace("id int", "id text"))

    answered = resolve(house, conflict, "accept_file")

    assert (answered.status_code, answered.get_json()["type"]) == (409, "/problems/still-disagrees")
    assert answered.get_json()["recorded"] == conflict["evidence"]["fileChecksum"]
    assert again(house, conflict)["state"] == "expired"
    assert the_open_one(house, "checksum_mismatch")["id"] != conflict["id"]


def test_a_file_said_to_be_restored_is_looked_at(house: House) -> None:
    conflict = change_one(house)

    refused = resolve(house, conflict, "restore_file")
    assert (refused.status_code, refused.get_json()["type"]) == (409, "/problems/still-disagrees")
    assert "one has changed since it was applied" in refused.get_json()["problems"][0]["message"]
    assert again(house, conflict)["state"] == "open" and audited(house, "conflicts.resolve") == []

    house.write("1_one.sql", ONE)
    closed = resolve(house, conflict, "restore_file")
    assert (closed.status_code, closed.get_json()["state"], closed.get_json()["note"]) == (200, "resolved", WHY)
    assert audited(house, "conflicts.resolve") == [("anonymous", WHY)]


def test_a_file_restored_but_for_its_comments_stops_nothing_and_counts_as_restored(house: House) -> None:
    conflict = change_one(house)
    house.write("1_one.sql", "-- as it was\r\n" + ONE.replace("\n", "\r\n"))

    assert resolve(house, conflict, "restore_file").status_code == 200
    assert house.http("POST", "/migrations/run").status_code == 202


@pytest.mark.parametrize("edit", ["-- a word\n{}", "/* a word */{}", "{}\n\n   "])
def test_a_difference_of_comments_or_white_space_stops_nothing_and_may_be_accepted(house: House, edit: str) -> None:
    house.write("1_one.sql", edit.format(ONE))

    assert house.http("POST", "/migrations/run").status_code == 202
    notice = the_open_one(house, "checksum_mismatch")
    assert notice["answer"] == "noted, and went on"
    job = carried_out(house, resolve(house, notice, "accept_file"))

    assert job["state"] == "succeeded"
    assert house.http("POST", "/migrations/run").get_json()["warnings"] == []


def test_line_ends_alone_stop_nothing(house: House) -> None:
    (house.folder / "1_one.sql").write_bytes(ONE.replace("\n", "\r\n").encode())

    ran = house.http("POST", "/migrations/run")

    assert ran.status_code == 202 and "comments or white space" in ran.get_json()["warnings"][0]


def test_a_missing_file_is_restored_or_its_migration_marked_as_rolled_back(house: House) -> None:
    (house.folder / "2_two.sql").unlink()
    refused_run(house)
    conflict = the_open_one(house, "missing_file")
    assert resolve(house, conflict, "restore_file").status_code == 409
    execute(house.dsn, "DROP TABLE two")

    job = carried_out(house, resolve(house, conflict, "mark_rolled_back"))

    assert job["state"] == "succeeded", job
    assert house.statuses() == {"one": "completed", "two": "rolled_back"}
    assert events(house, "two")[1:] == [("marked", "anonymous", WHY)]
    assert again(house, conflict)["resolution"] == "mark_rolled_back"
    assert house.http("POST", "/migrations/run").get_json()["reason"] == "nothing_to_do"


def test_a_migration_rolled_back_is_looked_at_in_the_ledger(house: House) -> None:
    conflict = change_one(house)
    assert resolve(house, conflict, "roll_back").status_code == 409

    assert house.do(JobKind.ROLLBACK, count=2).state is JobState.SUCCEEDED

    # submitting the rollback has looked too, while the cause was still there
    closed = resolve(house, conflict, "roll_back")
    assert (closed.status_code, closed.get_json()["resolution"]) == (200, "roll_back")


def test_an_answer_with_nothing_left_to_do_closes_the_conflict_all_the_same(house: House) -> None:
    (house.folder / "2_two.sql").unlink()
    refused_run(house)
    conflict = the_open_one(house, "missing_file")
    assert house.do(JobKind.ROLLBACK).state is JobState.SUCCEEDED

    answered = resolve(house, conflict, "mark_rolled_back")

    assert (answered.status_code, answered.get_json()["reason"]) == (202, "nothing_to_do")
    assert again(house, conflict)["resolvedByJobId"] == answered.get_json()["id"]


def test_files_that_contradict_each_other_are_looked_at(house: House) -> None:
    twin = house.write("2_zebra.sql", TWO.replace("two", "zebra"))
    assert house.http("POST", "/migrations/run").status_code == 422
    conflict = the_open_one(house, "version_collision")
    refused = resolve(house, conflict, "reorder")
    assert refused.status_code == 409 and "version 2 is used by" in refused.get_json()["detail"]

    twin.rename(house.folder / "3_zebra.sql")

    assert resolve(house, conflict, "reorder").status_code == 200


@pytest.fixture
def strict(servers: Servers, folder: Path) -> Iterator[House]:
    dsn = servers.new_database()
    environments = {"development": Environment("development", Dsn(dsn), out_of_order=OutOfOrder.REFUSE)}
    with open_house(servers, folder, dsn, environments=environments) as opened:
        opened.write("2_two.sql", TWO)
        opened.do()
        opened.write("1_one.sql", ONE)
        refused_run(opened)
        yield opened


def test_a_late_file_is_moved_allowed_or_marked_as_applied(strict: House) -> None:
    conflict = the_open_one(strict, "out_of_order")
    for resolution in ("reorder", "allow"):
        assert resolve(strict, conflict, resolution).status_code == 409
    execute(strict.dsn, "CREATE TABLE one (id int)")

    job = carried_out(strict, resolve(strict, conflict, "mark_applied"))

    assert job["state"] == "succeeded", job
    assert strict.statuses() == {"one": "completed", "two": "completed"}
    assert events(strict, "one") == [("marked", "anonymous", WHY)]
    assert again(strict, conflict)["state"] == "resolved"
    assert strict.do(JobKind.ROLLBACK).steps[0].name == "one"
    assert value(strict.dsn, "SELECT to_regclass('one')::text") is None


def test_an_overlap_refuses_nothing_and_is_ordered_or_ignored(house: House) -> None:
    for number in (3, 4):
        house.write(f"{number}_add{number}.sql", f"-- migrate:up\nALTER TABLE one ADD COLUMN c{number} int;\n")

    ran = house.http("POST", "/migrations/run")

    assert ran.status_code == 202 and "add3 and add4 are pending and alter public.one" in ran.get_json()["warnings"][0]
    conflict = the_open_one(house, "object_overlap")
    assert [one["migration"] for one in conflict["evidence"]["statements"]] == ["add3", "add4"]
    assert resolve(house, conflict, "reorder").status_code == 409
    assert resolve(house, conflict, "ignore").get_json()["state"] == "resolved"
    house.submit()
    assert house.http("GET", "/migrations/conflicts?state=open").get_json() == []
    assert house.perform(JobId(UUID(ran.get_json()["id"]))).state is JobState.SUCCEEDED


def test_an_overlap_that_was_given_an_order_is_gone(house: House) -> None:
    for number in (3, 4):
        house.write(f"{number}_add{number}.sql", f"-- migrate:up\nALTER TABLE one ADD COLUMN c{number} int;\n")
    house.submit()
    conflict = the_open_one(house, "object_overlap")

    house.write("4_add4.sql", "-- dependencies: add3\n-- migrate:up\nALTER TABLE one ADD COLUMN c4 int;\n")

    assert resolve(house, conflict, "reorder").status_code == 200


def test_contention_closes_itself_and_says_how_long_it_waited(house: House) -> None:
    house.write("3_three.sql", TWO.replace("two", "three"))
    first, second = (UUID(house.http("POST", "/migrations/run").get_json()["id"]) for _ in range(2))
    house.perform(JobId(second))
    waiting = the_open_one(house, "lock_contention")
    assert (waiting["jobId"], waiting["otherJobId"], waiting["waitedMs"]) == (str(second), str(first), None)
    refused = resolve(house, waiting, "retry")
    assert (refused.status_code, refused.get_json()["problems"][0]["code"]) == (409, "still_waiting")

    house.perform(JobId(first))
    house.perform(JobId(second))

    closed = again(house, waiting)
    assert (closed["state"], closed["resolution"]) == ("resolved", "wait")
    assert closed["waitedMs"] >= 0 and closed["answer"] == "the waiting job got its turn"


def test_a_wrong_resolution_lists_the_allowed_ones(house: House) -> None:
    conflict = change_one(house)

    refused = resolve(house, conflict, "reorder")

    assert (refused.status_code, refused.get_json()["type"]) == (422, "/problems/validation-failed")
    assert refused.get_json()["allowed"] == ["restore_file", "accept_file", "roll_back", "mark_rolled_back"]
    assert refused.get_json()["problems"][0]["pointer"] == "/resolution"


def test_a_conflict_that_is_closed_is_not_settled_again(house: House) -> None:
    conflict = change_one(house)
    carried_out(house, resolve(house, conflict, "accept_file"))

    for resolution in ("restore_file", "accept_file"):
        refused = resolve(house, conflict, resolution)
        assert (refused.status_code, refused.get_json()["type"]) == (409, "/problems/already-settled")
        assert refused.get_json()["resolution"] == "accept_file"
    assert value(house.dsn, "SELECT count(*) FROM liftlock_control.jobs WHERE kind = 'resolve'") == 1


def stranded(house: House, job_id: UUID) -> dict[str, Any]:
    """As after the control database was lost while a job of it held the target."""
    holding = "UPDATE liftlock.fence SET holder = $1, job_id = $1, attempt = 3, acquired_at = now() WHERE scope = ''"
    execute(house.dsn, holding, job_id)
    house.write("3_three.sql", TWO.replace("two", "three"))
    job = house.perform(house.submit().job.id)
    assert (job.state, job.reason) == (JobState.QUEUED, "for_target")
    return the_open_one(house, "stranded_target")


def test_a_stranded_target_is_released_and_the_waiting_job_runs(house: House) -> None:
    gone = uuid4()
    conflict = stranded(house, gone)
    assert conflict["evidence"]["inControlDatabase"] == "unknown"
    assert conflict["evidence"]["inTarget"]["job"] == str(gone)

    job = carried_out(house, resolve(house, conflict, "release_target"))

    assert (job["state"], job["reason"]) == ("succeeded", "released"), job
    (done,) = fetch(
        house.dsn, "SELECT outcome->>'state', outcome->>'message' FROM liftlock.job_done WHERE job_id = $1", gone
    )
    assert done[0] == "needs_attention" and WHY in done[1] and "anonymous" in done[1]
    assert value(house.dsn, "SELECT job_id FROM liftlock.fence WHERE scope = ''") is None
    closed = again(house, conflict)
    assert (closed["resolution"], closed["resolvedByJobId"]) == ("release_target", job["id"])
    assert audited(house, "migrations.resolve") == [("anonymous", WHY)]
    assert house.perform(JobId(UUID(conflict["jobId"]))).state is JobState.SUCCEEDED


def test_a_session_of_the_stranded_job_that_still_holds_the_fence_is_ended(house: House) -> None:
    gone = uuid4()
    conflict = stranded(house, gone)
    answered = resolve(house, conflict, "release_target")

    async def hold_and_release() -> list[object]:
        name = {"application_name": f"liftlock:job={gone}:attempt=3"}
        session = await asyncpg.connect(house.dsn, server_settings=name)
        try:
            await session.execute("BEGIN; UPDATE liftlock.fence SET touched_at = now(); CREATE TABLE half (id int)")
            await house.services.runner.perform(JobId(UUID(answered.get_json()["id"])))
            return [session.is_closed()]
        finally:
            session.terminate()

    assert house.run_async(hold_and_release()) == [True]
    assert house.job(JobId(UUID(answered.get_json()["id"]))).state is JobState.SUCCEEDED
    assert value(house.dsn, "SELECT to_regclass('half')::text") is None


def test_a_job_that_the_control_database_knows_as_ended_has_stranded_its_target(house: House) -> None:
    ended = value(house.dsn, "SELECT id FROM liftlock_control.jobs WHERE state = 'succeeded' LIMIT 1")
    assert isinstance(ended, UUID)

    conflict = stranded(house, ended)

    assert conflict["evidence"]["inControlDatabase"] == "succeeded"


def test_migrations_that_are_there_already_are_marked_and_not_run(servers: Servers, folder: Path) -> None:
    with open_house(servers, folder) as house:
        house.write("1_one.sql", ONE)
        house.write("2_two.sql", TWO)
        execute(house.dsn, "CREATE TABLE one (id int)")
        body = {"names": ["one"], "as": "applied", "note": WHY}

        job = carried_out(house, house.http("POST", "/migrations/mark", json=body))

        assert (job["state"], job["reason"], job["request"]["names"]) == ("succeeded", "marked", ["one"])
        assert house.statuses() == {"one": "completed", "two": "pending"}
        assert events(house, "one") == [("marked", "anonymous", WHY)]
        assert provenance(house, "one") == "marked"
        assert audited(house, "migrations.mark") == [("anonymous", WHY)]
        assert house.do().state is JobState.SUCCEEDED
        assert house.do(JobKind.RESET).state is JobState.SUCCEEDED
        assert value(house.dsn, "SELECT to_regclass('one')::text") is None
        assert house.do().state is JobState.SUCCEEDED
        assert provenance(house, "one") == "liftlock"


def test_a_database_without_a_history_is_taken_over_as_it_is(servers: Servers, folder: Path) -> None:
    with open_house(servers, folder) as house:
        house.write("1_one.sql", ONE)
        house.write("2_two.sql", TWO)
        execute(house.dsn, "CREATE TABLE one (id int)")
        body = {"as": "baseline", "to": "one", "note": WHY}

        job = carried_out(house, house.http("POST", "/migrations/mark", json=body))

        assert (job["state"], job["reason"], job["request"]["as"]) == ("succeeded", "marked", "baseline")
        assert house.statuses() == {"one": "completed", "two": "pending"}
        assert (events(house, "one"), provenance(house, "one")) == ([("baseline", "anonymous", WHY)], "baseline")
        assert house.do().state is JobState.SUCCEEDED
        again = house.http("POST", "/migrations/mark", json=body)
        assert (again.status_code, again.get_json()["type"]) == (409, "/problems/cannot-mark")


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"as": "baseline", "names": ["one"]}, "/names"),
        ({"as": "applied"}, "/names"),
        ({"as": "applied", "names": ["one"], "to": "one"}, "/to"),
    ],
)
def test_a_mark_says_how_far_or_which_as_its_kind_wants(house: House, body: dict[str, Any], pointer: str) -> None:
    refused = house.http("POST", "/migrations/mark", json=body)
    assert (refused.status_code, refused.get_json()["problems"][0]["pointer"]) == (422, pointer)


@pytest.mark.parametrize(("mark_as", "status"), [("applied", "completed"), ("rolled_back", "rolled_back")])
def test_what_nobody_can_tell_is_marked_and_its_statements_are_settled(house: House, mark_as: str, status: str) -> None:
    house.write("3_three.sql", "-- migrate:up transaction:false\nCREATE INDEX CONCURRENTLY three ON nowhere (id);\n")
    house.do()
    execute(house.dsn, "UPDATE liftlock.migrations SET error_message = 'uncertain: perhaps' WHERE name = 'three'")
    left = "INSERT INTO liftlock.step_statements VALUES ('', 'three', 'up', '', 0, 'uncertain', '{}', $1, 1)"
    execute(house.dsn, left, uuid4())

    job = carried_out(house, house.http("POST", "/migrations/mark", json={"names": ["three"], "as": mark_as}))

    assert job["state"] == "succeeded", job
    assert house.statuses()["three"] == status
    assert value(house.dsn, "SELECT count(*) FROM liftlock.step_statements") == 0
    assert events(house, "three")[-1] == ("marked", "anonymous", None)
    transactional = value(house.dsn, "SELECT transactional FROM liftlock.migrations WHERE name = 'three'")
    assert transactional is (mark_as == "rolled_back")


def provenance(house: House, name: str) -> object:
    return value(house.dsn, "SELECT provenance FROM liftlock.migrations WHERE scope = '' AND name = $1", name)


def test_a_python_file_that_cannot_even_be_loaded_is_marked(house: House) -> None:
    text = "import no_such_module\n\n\nclass Three:\n    name = 'three'\n    version = '3'\n"
    house.write("3_three.py", f"{text}\n    async def up(self, connection):\n        pass\n")

    job = carried_out(house, house.http("POST", "/migrations/mark", json={"names": ["three"], "as": "applied"}))

    assert job["state"] == "succeeded", job["error"]
    assert house.statuses()["three"] == "completed"


def test_what_is_gone_already_is_marked_as_rolled_back(house: House) -> None:
    execute(house.dsn, "DROP TABLE two")

    job = carried_out(house, house.http("POST", "/migrations/mark", json={"names": ["two"], "as": "rolled_back"}))

    assert job["state"] == "succeeded"
    assert house.statuses() == {"one": "completed", "two": "rolled_back"}
    assert house.do().state is JobState.SUCCEEDED
    assert value(house.dsn, "SELECT to_regclass('two')::text") == "two"
