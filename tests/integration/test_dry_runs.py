"""What a proof has seen of a migration: in the plan, at submission, under the fence; on real servers."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast
from uuid import UUID

import pytest

from app.domain.environment import Dsn, Environment, Protection
from app.domain.errors import HazardNotAllowed
from app.domain.job import Job, JobId, JobState
from tests.support.house import House, installed_database, open_house
from tests.support.servers import Servers, execute, fetch

pytestmark = pytest.mark.servers

USERS = (
    "-- migrate:up\nCREATE TABLE users (id int PRIMARY KEY, email text NOT NULL, state text);\n"
    "CREATE TABLE notes (id int PRIMARY KEY, user_id int REFERENCES users, body text);\n"
    "CREATE VIEW emails AS SELECT email FROM users;\n-- migrate:down\nDROP TABLE notes, users CASCADE;\n"
)
DROPS_IN_A_BLOCK = (
    "-- migrate:up\nDO $$ BEGIN EXECUTE 'DROP TABLE ' || 'notes'; END $$;\n"
    "-- migrate:down\nCREATE TABLE notes (id int PRIMARY KEY, user_id int REFERENCES users, body text);\n"
)
PYTHON = (
    'class Tidy:\n    name = "tidy"\n    version = "2"\n    dependencies = ["users"]\n{allow}\n'
    "    async def up(self, connection):\n"
    "        await connection.execute('ALTER TABLE notes ALTER body TYPE varchar(9)')\n"
    "        await connection.execute('ALTER TABLE users DROP state')\n\n"
    "    async def down(self, connection):\n"
    "        await connection.execute('ALTER TABLE users ADD state text')\n"
)


@pytest.fixture
def house(servers: Servers, folder: Path) -> Iterator[House]:
    """A locked target with two tables and a view, which Liftlock has made."""
    dsn = installed_database(servers)
    locked = {"development": Environment("development", Dsn(dsn), Protection.LOCKED)}
    with open_house(servers, folder, dsn=dsn, environments=locked) as house:
        house.write("1_users.sql", USERS)
        assert house.do().state is JobState.SUCCEEDED
        yield house


def tried(house: House) -> Job:
    job = JobId(UUID(house.http("POST", "/migrations/verify", json={}).get_json()["id"]))
    ended = house.perform(job)
    assert ended.state is JobState.SUCCEEDED, ended
    return ended


def planned(house: House) -> Any:
    return house.http("POST", "/migrations/plan", json={}).get_json()


def found(step: Any) -> set[tuple[str, str, str]]:
    every = [*step["hazards"], *(one for statement in step["statements"] for one in statement["hazards"])]
    return {(one["code"], one["object"], one["foundBy"]) for one in every}


def test_a_table_that_a_block_drops_is_found_and_asked_for(house: House) -> None:
    house.write("2_block.sql", DROPS_IN_A_BLOCK)
    (untried,) = planned(house)["steps"]
    assert untried["dryRun"] is None
    assert {one[0] for one in found(untried)} == {"UNSEEN_STATEMENTS"}

    tried(house)

    plan = planned(house)
    (step,) = plan["steps"]
    assert ("TABLE_DROPPED", "notes", "dry_run") in found(step)
    assert plan["consent"]["flag"] == "--allow-hazards UNSEEN_STATEMENTS,TABLE_DROPPED"
    assert any(one.startswith("table public.notes is dropped (") for one in step["dryRun"]["changes"])
    assert {"mode": "ACCESS EXCLUSIVE", "relation": "notes"}.items() <= step["dryRun"]["locks"][0].items()
    assert step["dryRun"]["locks"][0]["says"] == "ACCESS EXCLUSIVE on notes: stops reads and writes while held"
    assert [one["code"] for one in step["dryRun"]["hazards"]] == ["TABLE_DROPPED"]


def test_what_a_dry_run_alone_has_seen_needs_consent_and_passes_with_it(house: House) -> None:
    house.write("2_block.sql", DROPS_IN_A_BLOCK)
    tried(house)

    with pytest.raises(HazardNotAllowed) as refused:
        house.submit(allow_hazards=("UNSEEN_STATEMENTS",))
    assert refused.value.facts["flag"] == "--allow-hazards TABLE_DROPPED"
    (hazard,) = cast(list[dict[str, Any]], refused.value.facts["hazards"])
    assert (hazard["code"], hazard["object"], hazard["foundBy"]) == ("TABLE_DROPPED", "notes", "dry_run")

    done = house.do(allow_hazards=("UNSEEN_STATEMENTS", "TABLE_DROPPED"))
    assert (done.state, done.reason) == (JobState.SUCCEEDED, "applied"), done
    assert any(notice.startswith("TABLE_DROPPED notes") for notice in done.notices)


def test_python_that_narrows_and_drops_is_found(house: House) -> None:
    house.write("2_tidy.py", PYTHON.format(allow=""))
    tried(house)

    (step,) = planned(house)["steps"]

    assert found(step) == {
        ("UNSEEN_STATEMENTS", "tidy", "file"),
        ("TYPE_NARROWED", "notes.body", "dry_run"),
        ("TABLE_REWRITE", "notes", "dry_run"),
        ("COLUMN_DROPPED", "users.state", "dry_run"),
    }
    assert "column public.notes.body: type was text, is now character varying(9)" in step["dryRun"]["changes"]
    strong = {lock["relation"] for lock in step["dryRun"]["locks"] if lock["mode"] == "ACCESS EXCLUSIVE"}
    assert strong == {"notes", "users"}


def test_what_its_file_allows_is_allowed_and_of_use(house: House) -> None:
    allowed = "".join(
        f"    # liftlock: allow {code} nobody needs it\n"
        for code in ("UNSEEN_STATEMENTS", "TYPE_NARROWED", "TABLE_REWRITE", "COLUMN_DROPPED")
    )
    house.write("2_tidy.py", PYTHON.format(allow=allowed))
    tried(house)

    (step,) = planned(house)["steps"]
    assert step["unusedAllowances"] == []
    assert {one["consent"] for one in step["hazards"]} == {"file"}
    submitted = house.submit()
    assert submitted.warnings == ()
    assert house.perform(submitted.job.id).reason == "applied"


def test_a_file_that_was_changed_since_was_not_tried(house: House) -> None:
    house.write("2_block.sql", DROPS_IN_A_BLOCK)
    tried(house)
    house.write("2_block.sql", DROPS_IN_A_BLOCK + "-- changed\n")

    (step,) = planned(house)["steps"]

    assert step["dryRun"] is None and {one[0] for one in found(step)} == {"UNSEEN_STATEMENTS"}


def test_a_worker_refuses_what_was_tried_after_it_was_asked_for(house: House) -> None:
    house.write("2_block.sql", DROPS_IN_A_BLOCK)
    waiting = house.submit(allow_hazards=("UNSEEN_STATEMENTS",)).job
    tried(house)

    ended = house.perform(waiting.id)

    assert (ended.state, ended.reason) == (JobState.FAILED, "hazard_not_allowed")
    assert "TABLE_DROPPED notes" in ended.message
    assert fetch(house.dsn, "SELECT to_regclass('public.notes') IS NOT NULL AS stands")[0]["stands"]


def test_a_table_that_is_renamed_is_not_dropped(house: House) -> None:
    house.write(
        "2_rename.sql",
        "-- migrate:up\nDO $$ BEGIN EXECUTE 'ALTER TABLE users RENAME TO people'; "
        "EXECUTE 'ALTER TABLE people RENAME email TO mail'; END $$;\n"
        "-- migrate:down\nALTER TABLE people RENAME mail TO email;\nALTER TABLE people RENAME TO users;\n",
    )
    tried(house)

    (step,) = planned(house)["steps"]

    assert {one for one in found(step) if one[2] == "dry_run"} == {
        ("OBJECT_RENAMED", "users", "dry_run"),
        ("OBJECT_RENAMED", "users.email", "dry_run"),
    }
    assert "table public.users is called public.people now" in step["dryRun"]["changes"]
    # under the name that everybody knows
    assert [lock["relation"] for lock in step["dryRun"]["locks"] if lock["mode"] == "ACCESS EXCLUSIVE"] == ["users"]


def test_a_view_that_a_drop_takes_along_is_told(house: House) -> None:
    house.write(
        "2_cascade.sql",
        "-- migrate:up\nALTER TABLE users DROP COLUMN email CASCADE;\n"
        "-- migrate:down\nALTER TABLE users ADD email text;\n",
    )
    tried(house)

    (step,) = planned(house)["steps"]

    # what the statement says of itself is said once
    assert {one for one in found(step) if one[2] == "dry_run"} == {("VIEW_DROPPED", "emails", "dry_run")}
    assert ("COLUMN_DROPPED", "users.email", "file") in found(step)


def test_of_a_step_without_a_transaction_no_locks_were_seen(house: House) -> None:
    house.write(
        "2_index.sql",
        "-- migrate:up\nCREATE INDEX CONCURRENTLY users_email ON users (email);\n"
        "-- migrate:down\nDROP INDEX CONCURRENTLY users_email;\n",
    )
    tried(house)

    (step,) = planned(house)["steps"]

    assert step["dryRun"]["locks"] is None
    assert step["dryRun"]["changes"] == [
        "index public.users_email is made: CREATE INDEX users_email ON public.users USING btree (email)"
    ]
    assert step["dryRun"]["hazards"] == []


def test_a_table_that_the_plan_makes_first_is_in_nobodys_way(house: House) -> None:
    house.write("2_tags.sql", "-- migrate:up\nCREATE TABLE tags (id int, x int);\n-- migrate:down\nDROP TABLE tags;\n")
    house.write(
        "3_less.sql",
        "-- migrate:up\nDO $$ BEGIN EXECUTE 'ALTER TABLE tags DROP x'; END $$;\n"
        "-- migrate:down\nALTER TABLE tags ADD x int;\n",
    )
    tried(house)

    _, less = planned(house)["steps"]

    assert [one["code"] for one in less["dryRun"]["hazards"]] == ["COLUMN_DROPPED"]
    assert {one[0] for one in found(less)} == {"UNSEEN_STATEMENTS"}


def test_rows_and_rights_and_guards_are_looked_at_too(house: House) -> None:
    execute(house.dsn, "ALTER TABLE notes ENABLE ROW LEVEL SECURITY; GRANT SELECT ON users TO pg_monitor")
    house.write(
        "2_quiet.sql",
        "-- migrate:up\nDO $$ BEGIN\n"
        "  EXECUTE 'TRUNCATE notes'; EXECUTE 'ALTER TABLE notes DISABLE ROW LEVEL SECURITY';\n"
        "  EXECUTE 'UPDATE users SET email = email || ''!'''; EXECUTE 'GRANT SELECT ON emails TO PUBLIC';\n"
        "  EXECUTE 'REVOKE SELECT ON users FROM pg_monitor'; EXECUTE 'ALTER TABLE users ALTER state SET NOT NULL';\n"
        "END $$;\n-- migrate:down\nSELECT 1;\n",
    )
    tried(house)

    (step,) = planned(house)["steps"]

    assert {one for one in found(step) if one[2] == "dry_run"} == {
        ("ROWS_REMOVED", "notes", "dry_run"),
        ("ROW_SECURITY_WEAKENED", "notes", "dry_run"),
        ("ALL_ROWS_CHANGED", "users", "dry_run"),
        ("GRANT_TO_PUBLIC", "emails", "dry_run"),
        ("PRIVILEGE_REVOKED", "users", "dry_run"),
        ("BLOCKS_READS", "users.state", "dry_run"),
    }


def test_a_migration_shows_what_it_did_beside_its_proof(house: House) -> None:
    house.write("2_tags.sql", "-- migrate:up\nCREATE TABLE tags (id int);\n-- migrate:down\nDROP TABLE tags;\n")
    house.write("3_bad.sql", "-- migrate:up\nCREATE TABLE tags (id int);\n-- migrate:down\nDROP TABLE tags;\n")
    tried(house)

    proof = house.http("GET", "/migrations/tags").get_json()["proof"]

    assert proof["dryRun"] == {
        "changes": ["table public.tags is made (1 column)"],
        "changesTotal": 1,
        "locks": [],
        "hazards": [],
    }
    assert house.http("GET", "/migrations/bad").get_json()["proof"]["dryRun"] is None


STANDING = """
    CREATE SCHEMA shop;
    CREATE TABLE shop.old (id int);
    CREATE TYPE mood AS ENUM ('glad', 'sad');
    CREATE TYPE addr AS (street text, town text);
    CREATE DOMAIN short AS text CONSTRAINT not_long CHECK (length(VALUE) < 90);
    CREATE TABLE plain (id int PRIMARY KEY, x text, y bigint, z short, m mood, CONSTRAINT y_small CHECK (y < 1000));
    CREATE INDEX plain_x ON plain (x);
    CREATE TABLE "Odd" ("Name" text);
    CREATE SEQUENCE counter;
    CREATE MATERIALIZED VIEW summed AS SELECT 1 AS n;
    CREATE TABLE parted (id int) PARTITION BY RANGE (id);
    CREATE TABLE parted_1 PARTITION OF parted FOR VALUES FROM (0) TO (9);
    CREATE VIEW glance AS SELECT id FROM plain;
    CREATE FUNCTION twice(n int) RETURNS int LANGUAGE sql AS 'SELECT n * 2';
    CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
    CREATE TRIGGER touched BEFORE UPDATE ON plain FOR EACH ROW EXECUTE FUNCTION touch();
    ALTER TABLE plain ENABLE ROW LEVEL SECURITY;
    CREATE POLICY own ON plain USING (true);
    GRANT SELECT ON plain TO pg_monitor;
"""
Act = tuple[str, set[str]]
TOGETHER: tuple[tuple[Act, ...], ...] = (
    (
        ('DROP TABLE "Odd"', {"TABLE_DROPPED"}),
        ("DROP SCHEMA shop CASCADE", {"SCHEMA_DROPPED", "CASCADE_USED"}),
        ("DROP VIEW glance", {"VIEW_DROPPED"}),
        ("DROP FUNCTION twice(int)", {"FUNCTION_DROPPED"}),
        ("DROP SEQUENCE counter", {"OBJECT_DROPPED"}),
        ("DROP TYPE addr", {"OBJECT_DROPPED"}),
        ("ALTER TABLE plain DROP COLUMN x", {"COLUMN_DROPPED"}),
        ("ALTER TABLE plain DROP CONSTRAINT y_small", {"CONSTRAINT_DROPPED"}),
        ("DROP TRIGGER touched ON plain", {"TRIGGER_REMOVED"}),
        ("DROP POLICY own ON plain", {"ROW_SECURITY_WEAKENED"}),
    ),
    (
        ('ALTER TABLE "Odd" DROP "Name"', {"COLUMN_DROPPED"}),
        ("DROP VIEW glance", {"VIEW_CHANGED"}),
        ("CREATE VIEW glance AS SELECT id, x FROM plain", set()),
        ("DROP FUNCTION twice(int)", {"FUNCTION_CHANGED"}),
        ("CREATE FUNCTION twice(n bigint) RETURNS bigint LANGUAGE sql AS 'SELECT n'", set()),
        ("ALTER DOMAIN short DROP CONSTRAINT not_long", {"CONSTRAINT_DROPPED"}),
        ("ALTER TABLE plain DISABLE TRIGGER touched", {"TRIGGER_REMOVED"}),
        ("ALTER TABLE plain DISABLE ROW LEVEL SECURITY", {"ROW_SECURITY_WEAKENED"}),
        ("ALTER TYPE addr DROP ATTRIBUTE town", {"COLUMN_DROPPED"}),
        ("ALTER TYPE mood RENAME VALUE 'sad' TO 'blue'", {"ENUM_LABEL_CHANGED"}),
        ("DROP INDEX plain_x", {"BLOCKS_READS"}),
    ),
    (
        ("ALTER TABLE plain RENAME x TO xx", {"OBJECT_RENAMED"}),
        ("ALTER TABLE shop.old SET SCHEMA public", {"OBJECT_RENAMED"}),
        ("ALTER SCHEMA shop RENAME TO store", {"OBJECT_RENAMED"}),
        ('ALTER TABLE "Odd" RENAME TO even', {"OBJECT_RENAMED"}),
        ("ALTER TYPE mood RENAME TO humour", {"OBJECT_RENAMED"}),
        ("ALTER TYPE addr RENAME ATTRIBUTE town TO place", {"OBJECT_RENAMED"}),
        ("ALTER SEQUENCE counter RENAME TO counted", {"OBJECT_RENAMED"}),
    ),
    (
        ("ALTER TABLE plain ALTER y TYPE int", {"TYPE_NARROWED", "TABLE_REWRITE"}),
        ("ALTER TABLE plain ALTER x TYPE varchar(20)", {"TYPE_NARROWED", "TABLE_REWRITE"}),
    ),
    (("ALTER TABLE plain ALTER y TYPE numeric", {"TABLE_REWRITE"}),),
    (
        ("ALTER TABLE plain ALTER x SET NOT NULL", {"BLOCKS_READS"}),
        ("ALTER TABLE shop.old ADD CHECK (id > 0)", {"BLOCKS_READS"}),
        ('ALTER TABLE "Odd" ADD UNIQUE ("Name")', {"BLOCKS_READS"}),
        ("CREATE INDEX ON plain (y)", {"BLOCKS_WRITES"}),
    ),
    (("ALTER TABLE plain ADD a int UNIQUE", {"BLOCKS_READS"}),),
    (
        ("ALTER TABLE shop.old ADD FOREIGN KEY (id) REFERENCES plain", {"BLOCKS_WRITES"}),
        ("CREATE TRIGGER more BEFORE INSERT ON plain FOR EACH ROW EXECUTE FUNCTION touch()", {"BLOCKS_WRITES"}),
        ('ALTER TABLE "Odd" SET UNLOGGED', {"TABLE_REWRITE"}),
    ),
    (
        ("ALTER TABLE shop.old ADD a uuid DEFAULT gen_random_uuid()", {"TABLE_REWRITE"}),
        ("TRUNCATE plain", {"ROWS_REMOVED"}),
        ("GRANT SELECT ON TABLE public.plain TO PUBLIC", {"GRANT_TO_PUBLIC"}),
        ("GRANT SELECT ON ALL TABLES IN SCHEMA shop TO PUBLIC", {"GRANT_TO_PUBLIC"}),
        ("REVOKE SELECT ON plain FROM pg_monitor", {"PRIVILEGE_REVOKED"}),
        ("REVOKE EXECUTE ON FUNCTION twice(int) FROM PUBLIC", {"PRIVILEGE_REVOKED"}),
        ("CREATE FUNCTION mine() RETURNS int LANGUAGE sql SECURITY DEFINER AS 'SELECT 1'", {"UNSAFE_DEFINER"}),
    ),
    (
        ("CREATE OR REPLACE VIEW glance AS SELECT id, x FROM plain", set()),
        ("ALTER TYPE mood ADD VALUE 'calm'", set()),
        ("ALTER TABLE plain ADD a int NOT NULL DEFAULT 1", set()),
        ("ALTER TABLE plain ADD CHECK (y > 0) NOT VALID", set()),
        ("DELETE FROM plain WHERE y < 100", set()),
        ("UPDATE shop.old SET id = id + 1 WHERE id > 0", set()),
        ("CREATE TABLE fresh (id int PRIMARY KEY, x text NOT NULL UNIQUE)", set()),
        ("CREATE INDEX ON fresh (x)", set()),
        ("COMMENT ON TABLE plain IS 'plain'", set()),
    ),
    (
        ("REFRESH MATERIALIZED VIEW summed", {"BLOCKS_READS"}),
        ("ALTER TABLE parted DETACH PARTITION parted_1", {"BLOCKS_READS"}),
    ),
    # what rows a statement of the file changes is judged as it stands there
    (("DELETE FROM plain", set()), ('UPDATE "Odd" SET "Name" = 1', set())),
)


@pytest.mark.parametrize("acts", TOGETHER, ids=lambda acts: str(acts[0][0]))
def test_an_act_has_the_code_that_its_statement_has_and_is_said_once(house: House, acts: tuple[Act, ...]) -> None:
    execute(house.dsn, STANDING)
    up = "".join(f"{statement};\n" for statement, _ in acts)
    house.write("2_acts.sql", f"-- migrate:up\n{up}-- migrate:down\nSELECT 1;\n")
    tried(house)

    (step,) = planned(house)["steps"]

    assert step["dryRun"] is not None, step["reversibility"]
    assert {one["code"] for one in step["dryRun"]["hazards"]} == set().union(*(codes for _, codes in acts))
    assert {one for one in found(step) if one[2] == "dry_run"} == set()


def test_what_a_block_takes_along_works_out_anew_or_takes_out_is_seen(house: House) -> None:
    execute(house.dsn, STANDING)
    block = (
        "EXECUTE 'DROP TABLE us' || 'ers CASCADE'; EXECUTE 'REFRESH MATERIALIZED VIEW ' || 'summed';"
        "EXECUTE 'ALTER TABLE parted DETACH ' || 'PARTITION parted_1';"
    )
    house.write("2_block.sql", f"-- migrate:up\nDO $$ BEGIN {block} END $$;\n-- migrate:down\nSELECT 1;\n")
    tried(house)

    (step,) = planned(house)["steps"]

    seen = {one for one in found(step) if one[2] == "dry_run"}
    assert seen == {
        ("TABLE_DROPPED", "users", "dry_run"),
        ("CASCADE_USED", "users", "dry_run"),
        ("VIEW_DROPPED", "emails", "dry_run"),
        ("CONSTRAINT_DROPPED", "notes.notes_user_id_fkey", "dry_run"),
        ("BLOCKS_READS", "summed", "dry_run"),
        ("BLOCKS_READS", "parted", "dry_run"),
    }
    (cascade,) = (one for one in step["hazards"] if one["code"] == "CASCADE_USED")
    goes = "With users go emails, notes.notes_user_id_fkey, which the file does not name; what uses them fails."
    assert cascade["happens"] == goes


def test_what_makes_a_column_required_in_two_statements_is_seen(house: House) -> None:
    house.write(
        "2_required.sql",
        "-- migrate:up\nALTER TABLE users ADD age int NOT NULL DEFAULT 1;\nALTER TABLE users ALTER age DROP DEFAULT;\n"
        "-- migrate:down\nALTER TABLE users DROP age;\n",
    )
    tried(house)

    (step,) = planned(house)["steps"]

    assert {one for one in found(step) if one[2] == "dry_run"} == {("REQUIRED_COLUMN", "users.age", "dry_run")}
