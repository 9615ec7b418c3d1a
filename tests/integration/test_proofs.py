"""Up, down and up again on a scratch database of the real server: the verdicts, and that nothing else is touched."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from app.domain.job import Job, JobId, JobState
from tests.support.house import House, open_house
from tests.support.servers import Servers, execute, fetch

pytestmark = pytest.mark.servers

USERS = (
    "-- migrate:up\nCREATE TABLE users (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, email text NOT NULL UNIQUE,\n"
    "  state text NOT NULL DEFAULT 'new' CHECK (state IN ('new', 'old')));\n-- migrate:down\nDROP TABLE users;\n"
)
ORDERS = (
    "-- migrate:up\nCREATE TABLE orders (id int PRIMARY KEY, user_id int NOT NULL REFERENCES users, note varchar(2));\n"
    "-- migrate:down\nDROP TABLE orders;\n"
)
MORE = "-- migrate:up\nALTER TABLE tags ADD x int;\n-- migrate:down\nALTER TABLE tags DROP x;\n"


def scratches(house: House) -> list[str]:
    found = fetch(house.dsn, "SELECT datname FROM pg_database WHERE datname LIKE 'liftlock_scratch_%'")
    return [row["datname"] for row in found]


def catalog(house: House) -> list[Any]:
    """What stands in the target outside Liftlock's own schemas, with the numbers that a change would move."""
    return fetch(
        house.dsn,
        "SELECT c.oid, c.relname, c.xmin::text, c.relnatts, n.nspname FROM pg_class c JOIN pg_namespace n ON"
        " n.oid = c.relnamespace WHERE n.nspname NOT LIKE 'liftlock%' AND n.nspname NOT LIKE 'pg\\_%' ORDER BY 1",
    )


def proven(house: House, **body: Any) -> Job:
    """Ask for a proof and carry it out; whatever comes of it, the target is as before and nothing is left over."""
    before = catalog(house)
    answered = house.http("POST", "/migrations/verify", json=body)
    assert answered.status_code == 202, answered.get_json()
    job = house.job(JobId(UUID(answered.get_json()["id"])))
    job = job if job.state.final else house.perform(job.id)
    assert scratches(house) == []
    assert catalog(house) == before
    return job


def shown(house: House, name: str) -> Any:
    return house.http("GET", f"/migrations/{name}").get_json()


@pytest.fixture
def house(servers: Servers, folder: Path) -> Iterator[House]:
    """A target with one table, which Liftlock has made."""
    with open_house(servers, folder) as house:
        house.write("1_users.sql", USERS)
        assert house.do().state is JobState.SUCCEEDED
        yield house


def test_a_migration_whose_down_restores_is_proven(house: House) -> None:
    house.write("2_orders.sql", ORDERS)
    house.write("3_more.sql", MORE.replace("tags", "orders"))

    job = proven(house)

    assert (job.state, job.reason) == (JobState.SUCCEEDED, "proven"), job
    assert [(step.name, step.state.value, step.notice) for step in job.steps] == [
        ("orders", "applied", "proven: up, down and up again: schema and rows are restored"),
        ("more", "applied", "proven: up, down and up again: schema and rows are restored"),
    ]
    assert "a dump of its schema" in job.notices[0]
    one = shown(house, "orders")
    assert (one["undo"], one["reversibility"]["verdict"], one["status"]) == ("proven", "proven", "pending")
    assert one["reversibility"]["jobId"] == str(job.id) and one["proof"]["differences"] == []
    assert shown(house, "users")["undo"] == "not_proven"


def judged(house: House, name: str) -> tuple[str, str]:
    reversibility = shown(house, name)["reversibility"]
    return reversibility["verdict"], reversibility["text"]


def test_a_down_that_leaves_something_is_reported_with_the_difference(house: House) -> None:
    house.write(
        "2_tags.sql",
        "-- migrate:up\nCREATE TABLE tags (id int);\nCREATE INDEX users_state ON users (state);\n"
        "-- migrate:down\nDROP TABLE tags;\n",
    )

    job = proven(house)

    assert (job.state, job.reason) == (JobState.SUCCEEDED, "not_proven")
    verdict, text = judged(house, "tags")
    assert verdict == "not_restored" and "index public.users_state was not expected" in text
    assert "it cannot be applied again" in text and "already exists" in text
    proof = shown(house, "tags")["proof"]
    assert [(one["kind"], one["object"], one["change"]) for one in proof["differences"]] == [
        ("index", "public.users_state", "unexpected")
    ]
    assert (proof["differencesTotal"], proof["failure"]["line"]) == (1, 3)
    (step,) = job.steps
    assert step.state.value == "failed" and step.notice is not None and step.notice.startswith("not_restored: ")
    assert "tags is not (not_restored)" in job.message


def test_a_blank_down_over_a_real_change_is_no_way_back(house: House) -> None:
    house.write("2_tags.sql", "-- migrate:up\nCREATE TABLE tags (id int);\n-- migrate:down\n-- nothing to do\n")
    house.write("3_more.sql", "-- migrate:up\nALTER TABLE tags ADD x int;\n-- migrate:down\nSELECT 1;\n")

    proven(house)

    verdict, text = judged(house, "tags")
    assert verdict == "irreversible" and "no down, or an empty one" in text and "table public.tags" in text
    assert shown(house, "tags")["undo"] == "no"
    verdict, text = judged(house, "more")
    assert verdict == "not_restored" and "column public.tags.x was not expected" in text


def test_a_down_that_fails_is_told_with_its_line_and_the_next_one_is_tried_all_the_same(house: House) -> None:
    house.write(
        "2_tags.sql", "-- migrate:up\nCREATE TABLE tags (id int);\n-- migrate:down\nSELECT 1;\nDROP TABLE tag;\n"
    )
    house.write("3_more.sql", MORE)

    proven(house)

    assert judged(house, "tags")[0] == "down_fails"
    failure = shown(house, "tags")["proof"]["failure"]
    assert (failure["line"], failure["statement"], failure["sqlstate"]) == (5, "DROP TABLE tag", "42P01")
    assert failure["direction"] == "down" and failure["file"].endswith("2_tags.sql")
    assert judged(house, "more")[0] == "proven"


def test_an_up_that_fails_leaves_what_comes_after_it_unchecked(house: House) -> None:
    house.write("2_tags.sql", "-- migrate:up\nCREATE TABLE tags (id nonsense);\n-- migrate:down\nDROP TABLE tags;\n")
    house.write("3_more.sql", MORE)

    job = proven(house)

    assert judged(house, "tags")[0] == "up_fails" and "2_tags.sql:2:" in judged(house, "tags")[1]
    assert judged(house, "more") == ("not_checked", "tags before it did not leave what it builds on")
    assert [step.state.value for step in job.steps] == ["failed", "skipped"]


def test_a_python_migration_is_proven_by_its_own_code(house: House) -> None:
    house.write(
        "2_audit.py",
        'class Audit:\n    name = "audit"\n    version = "2"\n    dependencies = ["users"]\n\n'
        "    async def up(self, connection):\n        await connection.execute('CREATE TABLE audit (id int)')\n\n"
        "    async def down(self, connection):\n        await connection.execute('DROP TABLE audit')\n",
    )

    job = proven(house)

    assert judged(house, "audit")[0] == "proven", job


def test_statements_outside_a_transaction_are_proven_too(house: House) -> None:
    house.write(
        "2_index.sql",
        "-- migrate:up\nCREATE INDEX CONCURRENTLY users_state ON users (state);\n"
        "-- migrate:down\nDROP INDEX CONCURRENTLY users_state;\n",
    )

    proven(house)

    assert judged(house, "index")[0] == "proven"


def test_rows_that_can_be_kept_come_back_and_others_are_told(house: House) -> None:
    execute(house.dsn, "CREATE TABLE log (at int, note text)")
    house.write(
        "2_drop.sql",
        "-- migrate:up\nALTER TABLE users DROP state;\n-- migrate:down\n"
        "ALTER TABLE users ADD state text NOT NULL DEFAULT 'new' CHECK (state IN ('new', 'old'));\n",
    )
    house.write(
        "3_delete.sql", "-- migrate:up\nDELETE FROM users WHERE email = '1 seed';\n-- migrate:down\nSELECT 1;\n"
    )
    house.write(
        "4_note.sql", "-- migrate:up\nALTER TABLE log DROP note;\n-- migrate:down\nALTER TABLE log ADD note text;\n"
    )
    house.write("5_at.sql", "-- migrate:up\nUPDATE log SET at = 0;\n-- migrate:down\nSELECT 1;\n")

    job = proven(house)

    assert [judged(house, name)[0] for name in ("drop", "delete")] == ["proven", "proven"]
    verdict, text = judged(house, "note")
    assert (verdict, text) == ("rows_lost", "after its down 3 of 3 rows of public.log are gone or changed")
    assert shown(house, "note")["proof"]["losses"] == [{"table": "public.log", "before": 3, "lost": 3, "added": 3}]
    assert judged(house, "at")[0] == "rows_lost"
    assert job.reason == "not_proven"


def test_rows_that_a_down_forgets_to_take_back_are_told(house: House) -> None:
    house.write("2_root.sql", "-- migrate:up\nINSERT INTO users (email) VALUES ('root');\n-- migrate:down\nSELECT 1;\n")

    proven(house)

    verdict, text = judged(house, "root")
    assert verdict == "not_restored" and text.startswith("after its down public.users has 1 row more than before")


def test_chosen_ones_are_proven_on_what_those_before_them_leave(house: House) -> None:
    house.write("2_tags.sql", "-- migrate:up\nCREATE TABLE tags (id int);\n")
    house.write("3_more.sql", MORE)
    house.write("4_last.sql", "-- migrate:up\nCREATE TABLE last ();\n-- migrate:down\nDROP TABLE last;\n")

    job = proven(house, names=["more", "users"])

    assert [(step.name, step.state.value) for step in job.steps] == [("tags", "skipped"), ("more", "applied")]
    assert shown(house, "tags")["reversibility"] is None
    assert any("users is applied already" in one for one in job.notices)
    assert proven(house, names=["users"]).reason == "nothing_to_do"
    assert house.http("POST", "/migrations/verify", json={"names": ["nobody"]}).status_code == 404


def test_what_belongs_to_the_whole_server_is_not_tried_beside_the_target(house: House) -> None:
    house.write("2_role.sql", "-- migrate:up\nCREATE ROLE proof_reader;\n-- migrate:down\nDROP ROLE proof_reader;\n")
    house.write("3_do.sql", "-- migrate:up\nDO $$ BEGIN EXECUTE 'CREATE ROLE x'; END $$;\n")

    job = proven(house)

    verdict, text = judged(house, "role")
    assert verdict == "not_checked" and text.startswith("CREATE ROLE") and "scratchUrl" in text
    assert judged(house, "do")[0] == "not_checked"
    assert job.reason == "not_proven"
    assert fetch(house.dsn, "SELECT 1 FROM pg_roles WHERE rolname IN ('proof_reader', 'x')") == []


def test_a_changed_file_needs_a_new_proof(house: House) -> None:
    file = house.write("2_orders.sql", ORDERS)
    proven(house)
    assert shown(house, "orders")["undo"] == "proven"

    file.write_text(ORDERS + "SELECT 1;\n")

    assert (shown(house, "orders")["undo"], shown(house, "orders")["reversibility"]) == ("not_proven", None)
    file.write_text(ORDERS)
    assert shown(house, "orders")["undo"] == "proven"


def test_triggers_see_no_seeded_row_and_are_as_before(house: House) -> None:
    execute(
        house.dsn,
        "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'a trigger was called'; END $$;"
        "CREATE TRIGGER refuses BEFORE INSERT ON users FOR EACH ROW EXECUTE FUNCTION refuse();"
        "CREATE TRIGGER always AFTER INSERT ON users FOR EACH ROW EXECUTE FUNCTION refuse();"
        "ALTER TABLE users ENABLE ALWAYS TRIGGER always",
    )
    house.write("2_drop.sql", "-- migrate:up\nDELETE FROM users;\n-- migrate:down\nSELECT 1;\n")

    job = proven(house)

    assert judged(house, "drop")[0] == "proven"
    assert not [one for one in job.notices if "copy_differs" in one or "has no rows" in one]


def test_the_tables_of_a_key_the_labels_of_a_type_and_a_partition_are_seeded_as_far_as_they_can_be(
    house: House,
) -> None:
    execute(
        house.dsn,
        "CREATE TYPE mood AS ENUM ('ok', 'bad'); CREATE DOMAIN email AS text CHECK (VALUE IN ('a@b', 'c@d'));"
        "CREATE TABLE child (user_id int NOT NULL REFERENCES users, mood mood NOT NULL, email email NOT NULL,"
        " code char(1) NOT NULL UNIQUE, made timestamptz NOT NULL, ids uuid[] NOT NULL, n numeric(3,2) NOT NULL,"
        " doubled int GENERATED ALWAYS AS (user_id * 2) STORED, at point NOT NULL, j jsonb NOT NULL, b bytea NOT NULL);"
        "CREATE TABLE parts (n int NOT NULL) PARTITION BY RANGE (n);"
        "CREATE TABLE first_part PARTITION OF parts FOR VALUES FROM (0) TO (10);"
        "CREATE TABLE empty_parts (n int NOT NULL) PARTITION BY RANGE (n)",
    )
    house.write("2_clear.sql", "-- migrate:up\nSELECT 1;\n-- migrate:down\nDELETE FROM child; DELETE FROM parts;\n")

    proven(house)

    losses = shown(house, "clear")["proof"]["losses"]
    assert [(one["table"], one["before"], one["lost"]) for one in losses] == [
        ("public.child", 3, 3),
        ("public.parts", 3, 3),
    ]
    (said,) = (one for one in shown(house, "clear")["proof"]["notices"] if "has no rows" in one)
    assert said.startswith("public.empty_parts") and "no partition" in said
