"""Whatever a table looks like and whatever takes its rows: up, the application's own writes, down, and all is there."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path

import asyncpg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.domain.job import JobKind, JobState
from tests.support.house import House, open_house
from tests.support.servers import Servers, execute

VALUES: dict[str, st.SearchStrategy[str]] = {
    "integer": st.integers(-(2**31), 2**31 - 1).map(str),
    "numeric(20,4)": st.decimals(-(10**9), 10**9, allow_nan=False, allow_infinity=False, places=4).map(str),
    "double precision": st.floats(allow_infinity=True, allow_nan=True).map(repr),
    "text": st.text(st.characters(exclude_characters="\x00", exclude_categories=["Cs"]), max_size=20),
    "boolean": st.sampled_from(["t", "f"]),
    "bytea": st.binary(max_size=12).map(lambda some: "\\x" + some.hex()),
    "jsonb": st.sampled_from(['{"a": [1, null]}', '"ü"', "null", "0.10"]),
    "timestamp with time zone": st.datetimes().map(lambda at: f"{at:%Y}".rjust(4, "0") + f"{at:-%m-%d %H:%M:%S.%f}+00"),
    "integer[]": st.lists(st.integers(0, 9), max_size=3).map(lambda some: "{" + ",".join(map(str, some)) + "}"),
    "mood": st.sampled_from(["sad", "Very ok"]),
    "pair": st.sampled_from(['(1,"x,y")', "(,)"]),
}
KEYS = {
    "primary": "id integer PRIMARY KEY",
    "identity": "id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY",
    "composite": "id integer, other integer DEFAULT 3, PRIMARY KEY (other, id)",
    "unique": "id integer NOT NULL UNIQUE",
}
OWN = "CREATE TYPE mood AS ENUM ('sad', 'Very ok'); CREATE TYPE pair AS (a int, b text)"
EXAMPLES = 200 if os.environ.get("LIFTLOCK_CHAOS") == "full" else 10
_numbers = count(1)

Rows = dict[int, tuple[str | None, ...]]


@dataclass(frozen=True, slots=True)
class Loss:
    """One thing that the step does to a column of the table, or to its rows. `back`: what its down says."""

    up: str
    back: str
    takes_table: bool = False


@dataclass(frozen=True, slots=True)
class Case:
    """`types` are those of c0, c1 …; `rows` their values by key."""

    types: tuple[str, ...]
    key: str
    rows: Rows
    losses: tuple[Loss, ...]

    @property
    def table(self) -> str:
        columns = "".join(f", c{at} {name}" for at, name in enumerate(self.types))
        return f'CREATE TABLE "T" ({KEYS[self.key]}, spare integer{columns})'

    @property
    def up(self) -> str:
        return "; ".join(loss.up for loss in self.losses)

    @property
    def down(self) -> str:
        return "; ".join(loss.back for loss in reversed(self.losses))


def _of_column(draw: st.DrawFn, at: int, kind: str) -> Loss:
    return draw(
        st.sampled_from(
            (
                Loss(f'ALTER TABLE "T" DROP c{at}', f'ALTER TABLE "T" ADD c{at} {kind}'),
                Loss(f'UPDATE "T" SET c{at} = NULL', "SELECT 1"),
                Loss(f'DO $$ BEGIN UPDATE "T" SET c{at} = NULL WHERE id % 2 = 0; END $$', "SELECT 1"),
                Loss(
                    f'ALTER TABLE "T" ALTER c{at} TYPE varchar(1) USING left(c{at}::text, 1)',
                    f'ALTER TABLE "T" ALTER c{at} TYPE {kind} USING NULL',
                ),
                Loss(
                    f'ALTER TABLE "T" RENAME c{at} TO x; ALTER TABLE "T" DROP x',
                    f'ALTER TABLE "T" ADD c{at} {kind}',
                ),
            )
        )
    )


def _of_rows(draw: st.DrawFn) -> Loss:
    return draw(
        st.sampled_from(
            (
                Loss('DELETE FROM "T" WHERE id % 3 = 0', "SELECT 1"),
                Loss('DO $$ BEGIN DELETE FROM "T" WHERE id % 2 = 1; END $$', "SELECT 1"),
                Loss('TRUNCATE "T"', "SELECT 1"),
            )
        )
    )


@st.composite
def cases(draw: st.DrawFn) -> Case:
    types = tuple(draw(st.lists(st.sampled_from(sorted(VALUES)), min_size=1, max_size=4)))
    key = draw(st.sampled_from(sorted(KEYS)))
    row = st.tuples(*(st.none() | VALUES[kind] for kind in types))
    rows = draw(st.dictionaries(st.integers(1, 50), row, max_size=8))
    if draw(st.integers(0, 3)) == 0:
        case = Case(types, key, rows, ())
        return Case(types, key, rows, (Loss('DROP TABLE "T"', case.table, takes_table=True),))
    losses = [_of_column(draw, at, kind) for at, kind in enumerate(types) if draw(st.booleans())]
    if not losses or draw(st.booleans()):
        losses.insert(draw(st.integers(0, len(losses))), _of_rows(draw))
    return Case(types, key, rows, tuple(losses))


@contextmanager
def _connected(house: House) -> Iterator[asyncpg.Connection]:
    connection = house.run_async(asyncpg.connect(house.dsn))
    try:
        yield connection
    finally:
        house.run_async(connection.close())


def _fill(house: House, connection: asyncpg.Connection, case: Case) -> None:
    names = ", ".join(f"c{at}" for at, _ in enumerate(case.types))
    values = ", ".join(f"${at}::text::{kind}" for at, kind in enumerate(case.types, 2))
    insert = f'INSERT INTO "T" (id, {names}) OVERRIDING SYSTEM VALUE VALUES ($1, {values})'
    house.run_async(connection.execute(f'DROP TABLE IF EXISTS "T"; {case.table}'))
    house.run_async(connection.executemany(insert, [(key, *row) for key, row in case.rows.items()]))


def _stands(house: House, connection: asyncpg.Connection, case: Case) -> Rows:
    columns = ", ".join(f"c{at}::text" for at, _ in enumerate(case.types))
    rows = house.run_async(connection.fetch(f'SELECT id, spare::text, {columns} FROM "T"'))
    return {row[0]: tuple(row)[1:] for row in rows}


def _write_meanwhile(house: House, connection: asyncpg.Connection, case: Case, stood: Rows) -> Rows:
    """One row more, one less and one changed; what is to stand when everything is back."""
    left = sorted(row[0] for row in house.run_async(connection.fetch('SELECT id FROM "T"')))
    expected = dict(stood)
    house.run_async(connection.execute('INSERT INTO "T" (id) OVERRIDING SYSTEM VALUE VALUES (1000)'))
    expected[1000] = (None,) * (1 + len(case.types))
    if left:
        house.run_async(connection.execute('DELETE FROM "T" WHERE id = $1', left[0]))
        del expected[left[0]]
    if len(left) > 1:
        house.run_async(connection.execute('UPDATE "T" SET spare = 77 WHERE id = $1', left[1]))
        expected[left[1]] = ("77", *expected[left[1]][1:])
    return expected


def _done(house: House, kind: JobKind) -> None:
    """And nothing is lost: an open environment counts that as consented to."""
    job = house.do(kind)
    assert job.state is JobState.SUCCEEDED, job
    assert not any("lost, as was consented to" in (step.notice or "") for step in job.steps), job.steps


@pytest.fixture
def house(servers: Servers, folder: Path) -> Iterator[House]:
    with open_house(servers, folder, shortcut=False) as house:
        execute(house.dsn, OWN)
        yield house


@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(case=cases(), writes=st.booleans())
def test_down_after_up_leaves_every_row_as_it_was_but_for_what_others_have_changed(
    house: House, case: Case, writes: bool
) -> None:
    file = house.write(f"{next(_numbers)}_it.sql", f"-- migrate:up\n{case.up};\n-- migrate:down\n{case.down};\n")
    with _connected(house) as connection:
        try:
            _fill(house, connection, case)
            expected = _stands(house, connection, case)
            for _ in range(2):
                _done(house, JobKind.RUN)
                if writes and not case.losses[0].takes_table:
                    expected = _write_meanwhile(house, connection, case, expected)
                    writes = False
                _done(house, JobKind.ROLLBACK)
                assert _stands(house, connection, case) == expected
        finally:
            _forget(house, file)


def _forget(house: House, file: Path) -> None:
    """The next example begins with nothing applied, also after one that failed."""
    file.unlink()
    execute(house.dsn, "DELETE FROM liftlock.migrations; DELETE FROM liftlock.preserved")
