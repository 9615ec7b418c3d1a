"""A plan says beforehand what a step takes away, what of it is kept, and what needs consent since it cannot be."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from app.domain.environment import Dsn, Environment, Protection
from app.domain.errors import HazardNotAllowed
from app.domain.job import JobId, JobKind, JobState
from tests.support.house import House, open_house
from tests.support.servers import Servers, execute, fetch, held, value

pytestmark = pytest.mark.servers

KEYED = (
    "CREATE TABLE notes (id int PRIMARY KEY, note text) WITH (autovacuum_enabled = off);"
    "INSERT INTO notes SELECT n, repeat('x', 100) FROM generate_series(1, 1000) n; ANALYZE notes"
)
KEYLESS = (
    "CREATE TABLE notes (note text, n int) WITH (autovacuum_enabled = off);"
    "INSERT INTO notes SELECT 'x', n FROM generate_series(1, 1000) n; ANALYZE notes"
)
NO_KEY = "no primary key or unique index finds its rows again"


class Desk:
    """A locked environment whose target is not the control database; `up` is what one migration does."""

    def __init__(self, house: House, target: str) -> None:
        self.house = house
        self.target = target

    def plan(self, up: str, down: str = "SELECT 1", **body: Any) -> Any:
        self.write(up, down)
        answer = self.house.http("POST", "/migrations/plan", json=body)
        assert answer.status_code == 201, answer.text
        return answer.get_json()

    def write(self, up: str, down: str = "SELECT 1") -> None:
        self.house.write("1_one.sql", f"-- migrate:up\n{up};\n-- migrate:down\n{down};\n")

    def sets(self, up: str) -> list[tuple[str, str, str | None]]:
        """Kind, table and why not of each set of the only step."""
        keeping = self.plan(up)["steps"][0]["keeping"]
        sets = [] if keeping is None else keeping["sets"]
        return [(one["kind"], one["table"], one["whyNot"]) for one in sets]


@pytest.fixture
def desk(servers: Servers, folder: Path) -> Iterator[Desk]:
    target = servers.new_database()
    environments = {"production": Environment("production", Dsn(target), Protection.LOCKED)}
    with open_house(servers, folder, environments=environments, keep_bytes=1_000_000) as house:
        yield Desk(house, target)


def codes(step: Any) -> set[str]:
    every = (*step["hazards"], *(one for statement in step["statements"] for one in statement["hazards"]))
    return {one["code"] for one in every}


def test_a_dropped_table_is_said_to_be_kept_with_its_rows_its_bytes_and_the_time(desk: Desk) -> None:
    execute(desk.target, KEYED)

    plan = desk.plan("DROP TABLE notes")

    (step,) = plan["steps"]
    (one,) = step["keeping"]["sets"]
    size = value(desk.target, "SELECT pg_table_size('notes')")
    assert (one["kind"], one["table"], one["kept"], one["whyNot"], one["line"]) == ("table", "notes", True, None, 2)
    assert (one["estimatedRows"], one["bytes"], one["atMost"]) == (1000, size, False)
    assert one["estimatedMs"] >= 10 and "notes is copied" in one["estimateFrom"] and "MB/s" in one["estimateFrom"]
    assert (step["keeping"]["runsTwice"], plan["summary"]["kept"], plan["summary"]["lost"]) == (True, 1, 0)
    assert plan["summary"]["keepingMs"] == step["keeping"]["estimatedMs"] >= one["estimatedMs"]
    assert codes(step) - {"LINT"} == {"TABLE_DROPPED"}, "it is dropped, and no row is lost"


def test_a_dropped_column_is_kept_with_its_key(desk: Desk) -> None:
    execute(desk.target, KEYED)
    (one,) = desk.plan("ALTER TABLE notes DROP COLUMN note")["steps"][0]["keeping"]["sets"]
    assert (one["kind"], one["columns"], one["kept"], one["estimatedRows"]) == ("columns", ["note"], True, 1000)
    assert 100_000 < one["bytes"] < 200_000, "the widths that ANALYZE has found, not the size of the table"


def test_what_was_foretold_is_what_is_kept(desk: Desk) -> None:
    execute(desk.target, KEYED)
    (foretold,) = desk.plan("DELETE FROM notes WHERE id > 990")["steps"][0]["keeping"]["sets"]
    assert (foretold["kind"], foretold["atMost"], foretold["says"][:41]) == (
        "deleted", True, "keeps deleted rows of notes (at most 1000",
    )  # fmt: skip

    job = desk.house.do(JobKind.RUN, environment="production")

    assert job.state is JobState.SUCCEEDED, job
    assert [tuple(row) for row in fetch(desk.target, "SELECT kind, rows FROM liftlock.preserved")] == [("deleted", 10)]


def test_a_column_without_a_key_is_data_loss_with_table_rows_and_bytes(desk: Desk) -> None:
    execute(desk.target, KEYLESS)

    plan = desk.plan("ALTER TABLE notes DROP COLUMN note", allowHazards=["COLUMN_DROPPED"])

    (lost,) = [one for one in plan["steps"][0]["statements"][0]["hazards"] if one["code"] == "DATA_LOSS"]
    assert (lost["object"], lost["estimatedRows"], lost["consent"]) == ("notes.note", 1000, None)
    assert lost["bytes"] > 0 and NO_KEY in lost["happens"] and "note of notes" in lost["happens"]
    assert (plan["verdict"], plan["consent"]["hazards"]) == ("needs_consent", ["DATA_LOSS"])
    assert desk.sets("ALTER TABLE notes DROP COLUMN note") == [("columns", "notes", NO_KEY)]
    assert plan["summary"]["lost"] == 1


@pytest.mark.parametrize("by", ["request", "file"])
def test_a_run_that_loses_data_is_refused_when_it_is_submitted_and_passes_with_consent(desk: Desk, by: str) -> None:
    execute(desk.target, KEYLESS)
    desk.write("ALTER TABLE notes DROP COLUMN note")
    with pytest.raises(HazardNotAllowed) as caught:
        desk.house.submit(environment="production", allow_hazards=("COLUMN_DROPPED",))
    assert caught.value.facts["allowHazards"] == ["DATA_LOSS"]
    facts: Any = caught.value.facts
    (hazard,) = facts["hazards"]
    assert (hazard["object"], hazard["estimatedRows"]) == ("notes.note", 1000) and hazard["bytes"] > 0

    allowed = "-- liftlock: allow DATA_LOSS nobody reads it\n" if by == "file" else ""
    desk.write(f"{allowed}ALTER TABLE notes DROP COLUMN note")
    given = ("COLUMN_DROPPED", *(("DATA_LOSS",) if by == "request" else ()))
    job = desk.house.do(JobKind.RUN, environment="production", allow_hazards=given)
    assert job.state is JobState.SUCCEEDED, job
    assert any(notice.startswith("DATA_LOSS notes.note (1_one.sql:") for notice in job.notices), job.notices


def test_what_is_lost_is_asked_for_under_the_fence_too(desk: Desk) -> None:
    execute(desk.target, KEYED)
    desk.write("ALTER TABLE notes DROP COLUMN note")
    submitted = desk.house.submit(environment="production", allow_hazards=("COLUMN_DROPPED",))
    execute(desk.target, "ALTER TABLE notes DROP CONSTRAINT notes_pkey")

    job = desk.house.perform(submitted.job.id)

    assert (job.state, job.reason) == (JobState.FAILED, "hazard_not_allowed"), job
    assert value(desk.target, "SELECT count(note) FROM notes") == 1000


def test_a_truncated_table_that_is_kept_is_no_data_loss(desk: Desk) -> None:
    execute(desk.target, KEYED)
    plan = desk.plan("TRUNCATE notes")
    assert codes(plan["steps"][0]) == {"ROWS_REMOVED"}
    assert plan["consent"]["hazards"] == ["ROWS_REMOVED"]
    assert desk.plan("TRUNCATE notes", allowHazards=["DATA_LOSS"])["verdict"] == "ready"


def test_more_than_the_limit_is_data_loss(desk: Desk) -> None:
    execute(desk.target, KEYED)
    execute(desk.target, "INSERT INTO notes SELECT n, repeat('x', 100) FROM generate_series(1001, 20000) n")
    why = "that is more than the 1.0 MB that are kept at most (LIFTLOCK_PRESERVE_MAX_MB)"
    assert desk.sets("DROP TABLE notes") == [("table", "notes", why)]
    assert desk.sets("TRUNCATE notes") == [("deleted", "notes", why)]
    assert codes(desk.plan("TRUNCATE notes")["steps"][0]) == {"DATA_LOSS"}
    assert desk.sets("DELETE FROM notes WHERE id = 1") == [("deleted", "notes", None)], "nobody knows how many"


CHAIN = """
    CREATE TABLE a (id int PRIMARY KEY, n int);
    CREATE TABLE b (id int PRIMARY KEY, a int REFERENCES a ON DELETE CASCADE);
    CREATE TABLE c (id int PRIMARY KEY, b int REFERENCES b ON DELETE SET NULL);
    CREATE TABLE d (id int PRIMARY KEY, a int REFERENCES a);
    INSERT INTO a VALUES (1, 1); INSERT INTO b VALUES (1, 1); INSERT INTO c VALUES (1, 1);
"""


def test_a_delete_reaches_what_refers_to_its_rows(desk: Desk) -> None:
    execute(desk.target, CHAIN)
    assert desk.sets("DELETE FROM a WHERE id = 1") == [
        ("deleted", "a", None), ("deleted", "b", None), ("updated", "c", None),
    ]  # fmt: skip


def test_a_truncate_reaches_by_cascade_every_table_that_refers_to_it(desk: Desk) -> None:
    execute(desk.target, CHAIN)
    execute(desk.target, "INSERT INTO d VALUES (1, 1)")
    assert {table for _, table, _ in desk.sets("TRUNCATE a CASCADE")} == {"a", "b", "c", "d"}
    assert desk.sets("TRUNCATE c") == [("deleted", "c", None)]


def test_a_dropped_schema_takes_its_tables_and_what_elsewhere_is_of_its_types(desk: Desk) -> None:
    execute(desk.target, "CREATE SCHEMA s; CREATE TYPE s.mood AS ENUM ('x'); CREATE TABLE s.t (id serial PRIMARY KEY)")
    execute(desk.target, "CREATE TABLE elsewhere (id int PRIMARY KEY, mood s.mood); CREATE SEQUENCE s.free")
    execute(desk.target, "INSERT INTO elsewhere VALUES (1, 'x'); CREATE TABLE s.parted (n int) PARTITION BY LIST (n)")
    execute(desk.target, "CREATE TABLE s.one PARTITION OF s.parted DEFAULT")
    assert set(desk.sets("DROP SCHEMA s CASCADE")) == {
        ("table", "s.t", None), ("table", "s.parted", None), ("sequence", "s.free", None),
        ("columns", "elsewhere", None),
    }  # fmt: skip
    assert desk.sets("DROP TYPE s.mood CASCADE") == [("columns", "elsewhere", None)]


def test_a_narrowed_type_is_kept_and_a_widened_one_is_no_loss(desk: Desk) -> None:
    execute(desk.target, KEYED)
    assert desk.sets("ALTER TABLE notes ALTER note TYPE varchar(10) USING left(note, 10)") == [("types", "notes", None)]
    assert desk.sets("ALTER TABLE notes ALTER id TYPE bigint USING id::bigint, ALTER note SET NOT NULL") == []
    assert desk.sets("ALTER TABLE notes ALTER note TYPE text USING upper(note)") == [("types", "notes", None)]


@pytest.mark.parametrize(
    ("made", "up", "why"),
    [
        (KEYLESS, "UPDATE notes SET note = 'y' WHERE n = 1", NO_KEY),
        (KEYED, "UPDATE notes SET id = id + 5000", "the key by which its rows are found again is overwritten"),
        (KEYED, "ALTER TABLE notes DROP COLUMN id", NO_KEY),
        (f"{KEYED}; CREATE TABLE sub () INHERITS (notes)", "DELETE FROM notes", "other tables inherit from it"),
        (f"{KEYED}; ALTER TABLE notes FORCE ROW LEVEL SECURITY", "DELETE FROM notes", "row security is forced on it"),
        (KEYED, "-- liftlock: batch table=notes key=id\nDELETE FROM notes WHERE id BETWEEN $1 AND $2",
         "nothing is kept outside a transaction"),
    ],
)  # fmt: skip
def test_what_the_keeper_cannot_keep_is_foretold_with_its_reason(desk: Desk, made: str, up: str, why: str) -> None:
    execute(desk.target, made)
    assert [reason for _, _, reason in desk.sets(up)] == [why]
    assert "DATA_LOSS" in codes(desk.plan(up)["steps"][0])


def test_rows_of_a_foreign_table_and_large_objects_are_not_kept(desk: Desk) -> None:
    execute(desk.target, "CREATE FOREIGN DATA WRAPPER w; CREATE SERVER far FOREIGN DATA WRAPPER w")
    execute(desk.target, "CREATE FOREIGN TABLE away (id int) SERVER far")
    assert desk.sets("DELETE FROM away") == [("deleted", "away", "rows of a foreign table are not kept")]
    assert desk.sets("DROP FOREIGN TABLE away") == [], "its rows stay where they are"
    assert desk.sets("SELECT lo_unlink(1)") == [("deleted", "large objects", "no large object is kept")]


@pytest.mark.parametrize(
    "up",
    [
        "CREATE TABLE fresh (id int); INSERT INTO fresh VALUES (1); TRUNCATE fresh; DROP TABLE fresh",
        "ALTER TABLE notes ADD COLUMN more text; UPDATE notes SET more = 'x'",
        "UPDATE notes SET note = 'x' WHERE note IS NULL AND id > 1",
        "CREATE INDEX ON notes (note); ALTER TABLE notes ADD COLUMN more text DEFAULT 'x'",
        "TRUNCATE nothing",
    ],
)
def test_what_takes_nothing_away_says_nothing(desk: Desk, up: str) -> None:
    execute(desk.target, KEYED)
    execute(desk.target, "CREATE TABLE nothing (id int)")
    step = desk.plan(up)["steps"][0]
    assert step["keeping"] is None and "DATA_LOSS" not in codes(step)


def test_a_table_that_the_plan_renames_is_found_under_the_name_it_has(desk: Desk) -> None:
    execute(desk.target, KEYED)
    assert desk.sets("ALTER TABLE notes RENAME TO old; CREATE TABLE notes (id int); DROP TABLE old") == [
        ("table", "notes", None)
    ]


def test_what_a_do_block_puts_together_is_known_once_it_was_tried(desk: Desk) -> None:
    execute(desk.target, KEYLESS)
    up = "DO $$ BEGIN EXECUTE 'ALTER TABLE ' || 'notes DROP COLUMN note'; END $$"
    assert desk.sets(up) == []
    tried = desk.house.http("POST", "/migrations/verify").get_json()
    desk.house.perform(JobId(UUID(tried["id"])))

    step = desk.plan(up)["steps"][0]

    (one,) = step["keeping"]["sets"]
    assert (one["kind"], one["table"], one["whyNot"], one["foundBy"], one["line"]) == (
        "columns", "notes", NO_KEY, "dry_run", None,
    )  # fmt: skip
    assert "DATA_LOSS" in codes(step)


def test_a_rollback_plan_says_what_going_back_takes_away(desk: Desk) -> None:
    desk.write("CREATE TABLE fresh (id int PRIMARY KEY)", "DROP TABLE fresh")
    assert desk.house.do(JobKind.RUN, environment="production").state is JobState.SUCCEEDED
    execute(desk.target, "INSERT INTO fresh VALUES (1)")
    plan = desk.plan("CREATE TABLE fresh (id int PRIMARY KEY)", "DROP TABLE fresh", kind="rollback")
    (step,) = plan["steps"]
    assert [(one["kind"], one["table"], one["kept"]) for one in step["keeping"]["sets"]] == [("table", "fresh", True)]


def test_a_table_that_somebody_holds_is_not_waited_for(desk: Desk) -> None:
    execute(desk.target, KEYED)
    with held(desk.target, "LOCK TABLE notes IN ACCESS EXCLUSIVE MODE", "billing"):
        (one,) = desk.plan("DELETE FROM notes")["steps"][0]["keeping"]["sets"]
    assert (one["bytes"], one["estimatedMs"], one["kept"]) == (None, None, True)
