"""What cannot be kept is not lost without consent; what is kept is nobody else's to read."""

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote, urlsplit

import asyncpg
import pytest

from app.domain.environment import Dsn, Environment, Protection
from app.domain.job import JobKind, JobState
from tests.support.house import House, open_house
from tests.support.servers import Servers, execute, fetch, value

NO_KEY = "CREATE TABLE notes (note text, n int); INSERT INTO notes SELECT 'x', n FROM generate_series(1, 9) n"
DROPS = "-- migrate:up\n{allow}ALTER TABLE notes DROP COLUMN note;\n-- migrate:down\nALTER TABLE notes ADD note text;\n"
CONSENTED = {"allow_hazards": ("COLUMN_DROPPED", "LINT")}


@pytest.fixture
def target(servers: Servers) -> str:
    return servers.new_database()


@pytest.fixture
def locked(servers: Servers, folder: Path, target: str) -> Iterator[House]:
    environments = {"development": Environment("development", Dsn(target), Protection.LOCKED)}
    with open_house(servers, folder, shortcut=False, environments=environments) as house:
        yield house


def test_what_cannot_be_kept_is_refused_with_the_reason_and_what_to_type(locked: House, target: str) -> None:
    """While it runs, where nobody could foresee it."""
    execute(target, NO_KEY)
    unseen = "DO $$ BEGIN EXECUTE 'ALTER TABLE notes DROP COLUMN note'; END $$"
    locked.write("1_drop.sql", f"-- migrate:up\n{unseen};\n-- migrate:down\nSELECT 1;\n")

    job = locked.do(JobKind.RUN, allow_hazards=("UNSEEN_STATEMENTS",))

    assert (job.state, job.reason) == (JobState.FAILED, "refused")
    assert job.error is not None
    assert job.error.message == (
        "drop: it would destroy what cannot be kept: note of notes: no primary key or unique index finds its rows again"
    )
    assert "DATA_LOSS" in job.error.next_steps[0]
    assert value(target, "SELECT count(note) FROM notes") == 9


def test_a_column_of_a_table_without_a_key_and_without_a_row_goes_without_consent(locked: House, target: str) -> None:
    execute(target, "CREATE TABLE notes (note text, n int)")
    locked.write("1_drop.sql", DROPS.format(allow=""))
    job = locked.do(JobKind.RUN, **CONSENTED)
    assert (job.state, job.steps[0].notice) == (JobState.SUCCEEDED, None), job


@pytest.mark.parametrize("by", ["request", "file"])
def test_with_consent_it_goes_and_the_job_says_so(locked: House, target: str, by: str) -> None:
    execute(target, NO_KEY)
    locked.write(
        "1_drop.sql", DROPS.format(allow="-- liftlock: allow DATA_LOSS nobody reads it\n" if by == "file" else "")
    )
    consented = (*CONSENTED["allow_hazards"], *(("DATA_LOSS",) if by == "request" else ()))

    job = locked.do(JobKind.RUN, allow_hazards=consented)

    assert job.state is JobState.SUCCEEDED, job
    assert job.steps[0].notice is not None
    assert "lost, as was consented to: note of notes" in job.steps[0].notice


@pytest.mark.parametrize(
    ("rows", "said"),
    [("(1, 'a'), (NULL, 'b')", "1 row with nothing in the key"), ("(1, 'a'), (2, 'b')", None)],
)
def test_rows_with_nothing_in_the_only_key_cannot_be_found_again(
    locked: House, target: str, rows: str, said: str | None
) -> None:
    execute(target, f"CREATE TABLE notes (id int UNIQUE, note text); INSERT INTO notes VALUES {rows}")
    locked.write("1_drop.sql", DROPS.format(allow=""))
    job = locked.do(JobKind.RUN, **CONSENTED)
    assert (said is None) == (job.state is JobState.SUCCEEDED), job
    if said is not None:
        assert job.error is not None and said in job.error.message


def test_other_roles_may_not_read_what_is_kept_whatever_default_privileges_say(
    servers: Servers, folder: Path, target: str
) -> None:
    nosy = f"nosy_{_name(target)}"
    execute(target, f"CREATE ROLE {nosy}; ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO {nosy}, PUBLIC")
    execute(target, "CREATE TABLE notes (id int PRIMARY KEY, note text); INSERT INTO notes VALUES (1, 'secret')")
    with open_house(
        servers, folder, shortcut=False, environments={"development": Environment("development", Dsn(target))}
    ) as house:
        house.write("1_drop.sql", DROPS.format(allow=""))
        assert house.do(JobKind.RUN).state is JobState.SUCCEEDED
    (kept,) = fetch(target, "SELECT id FROM liftlock.preserved")
    table = f"liftlock_preserved.kept_{kept['id'].hex}"
    assert value(target, f"SELECT c1 FROM {table}") == "secret"
    with pytest.raises(asyncpg.InsufficientPrivilegeError, match="schema"):
        execute(target, f"SET ROLE {nosy}; SELECT * FROM {table}")
    execute(target, f"GRANT USAGE ON SCHEMA liftlock_preserved TO {nosy}")
    with pytest.raises(asyncpg.InsufficientPrivilegeError, match="table"):
        execute(target, f"SET ROLE {nosy}; SELECT * FROM {table}")


def test_rows_under_forced_row_security_are_all_kept(servers: Servers, folder: Path, target: str) -> None:
    """To their owner a policy would show some of them, and a copy would be short without a word."""
    modest = f"modest_{_name(target)}"
    execute(target, f"CREATE ROLE {modest} LOGIN PASSWORD 'secret:1'; ALTER DATABASE {_name(target)} OWNER TO {modest}")
    parts = urlsplit(target)
    mine = parts._replace(netloc=f"{modest}:{quote('secret:1')}@{parts.hostname}:{parts.port}").geturl()
    execute(mine, "CREATE TABLE notes (id int PRIMARY KEY, note text)")
    execute(
        mine, "INSERT INTO notes SELECT n, 'x' FROM generate_series(1, 5) n; CREATE POLICY few ON notes USING (id < 3)"
    )
    execute(mine, "ALTER TABLE notes ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY")
    assert value(mine, "SELECT count(*) FROM notes") == 2
    made = "CREATE TABLE notes (id int PRIMARY KEY, note text)"
    with open_house(
        servers, folder, shortcut=False, environments={"development": Environment("development", Dsn(mine))}
    ) as house:
        house.write("1_drop.sql", f"-- migrate:up\nDROP TABLE notes;\n-- migrate:down\n{made};\n")
        job = house.do(JobKind.RUN)
        assert job.steps[0].notice == "kept the table notes (5 rows)", job
        assert house.do(JobKind.ROLLBACK).state is JobState.SUCCEEDED
    assert value(target, "SELECT count(*) FROM notes") == 5


def test_a_table_of_another_role_is_written_and_its_rows_are_said_to_be_lost(
    servers: Servers, folder: Path, target: str
) -> None:
    guest = f"guest_{_name(target)}"
    execute(target, f"CREATE ROLE {guest} LOGIN PASSWORD 'secret'; ALTER DATABASE {_name(target)} OWNER TO {guest}")
    execute(target, "CREATE TABLE notes (id int PRIMARY KEY, note text); INSERT INTO notes VALUES (1, 'a'), (2, 'b')")
    execute(
        target, f"ALTER TABLE notes ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY; GRANT ALL ON notes TO {guest}"
    )
    execute(target, "CREATE POLICY every ON notes USING (true)")
    parts = urlsplit(target)
    theirs = Dsn(parts._replace(netloc=f"{guest}:secret@{parts.hostname}:{parts.port}").geturl())
    with open_house(
        servers, folder, shortcut=False, environments={"development": Environment("development", theirs)}
    ) as house:
        up = "UPDATE notes SET note = 'c' WHERE id = 1; DELETE FROM notes WHERE id = 2"
        house.write("1_it.sql", f"-- migrate:up\n{up};\n-- migrate:down\nSELECT 1;\n")
        job = house.do(JobKind.RUN)
        assert job.state is JobState.SUCCEEDED, job
        assert job.steps[0].notice == "lost, as was consented to: rows of notes: it belongs to another role"


def _name(dsn: str) -> str:
    return urlsplit(dsn).path.removeprefix("/")
