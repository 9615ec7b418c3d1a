"""What keeping costs: what a step destroys, beside `INSERT … SELECT` of the same into a plain table."""

import asyncio
import time
import uuid
from collections import defaultdict
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

import asyncpg

from app.adapters.target.preserve.keeping import KeepPolicy
from app.adapters.target.preserve.preserving import Preserver
from app.adapters.target.records import Stamp, ensure_ledger
from app.domain.migration import Checksum, Direction, SqlScript
from app.domain.step import Step
from bench.databases import fresh_database
from bench.figures import Benchmark, Row, Samples, Scale, Section, ratio_at_least, times
from bench.stack import running_stack, work_folder

LEAST = 0.6
MAKE = """
    DROP TABLE IF EXISTS notes, copy;
    CREATE TABLE notes (id bigint, author int, at timestamptz, note text) WITH (autovacuum_enabled = off);
    INSERT INTO notes SELECT n, n % 1000, '2026-01-01'::timestamptz + n * interval '1 s', repeat(md5(n::text), 3)
        FROM generate_series(1, {rows}) n;
    ALTER TABLE notes ADD PRIMARY KEY (id);
"""
_WHOLE = "CREATE TABLE copy (id bigint, author int, at timestamptz, note text)"
_PART = "CREATE TABLE copy (id bigint, note text)"


@dataclass(frozen=True, slots=True)
class Case:
    """`script`: what destroys. The floor is `copied`, into the table `copy` that stands as `made` says."""

    name: str
    script: str
    made: str = _WHOLE
    copied: str = "INSERT INTO copy SELECT * FROM notes"


CASES = (
    # in a block, so that whoever could move the table has to copy it
    Case("a table is dropped", "DO $$ BEGIN EXECUTE 'DROP TABLE notes'; END $$"),
    Case("a column is dropped", "ALTER TABLE notes DROP note", _PART, "INSERT INTO copy SELECT id, note FROM notes"),
    Case("all rows are deleted", "DELETE FROM notes"),
    Case("the table is truncated", "TRUNCATE notes"),
)

Work = Callable[[asyncpg.Connection, Case], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Taken:
    """In ms, one of each a round."""

    floor: tuple[float, ...]
    plain: tuple[float, ...]
    kept: tuple[float, ...]

    @property
    def ratio(self) -> float:
        """Of the three that were measured one after the other: whatever else the machine does, it does to all."""
        rounds = zip(self.floor, self.plain, self.kept, strict=True)
        return Samples(tuple(floor / max(kept - plain, 0.001) for floor, plain, kept in rounds), "").median


def measure(scale: Scale) -> Section:
    rows, rounds = 300_000, scale.some(full=9, quick=3)
    with work_folder() as work:
        (work / "migrations").mkdir()
        with running_stack(work / "stack", work / "migrations") as stack, fresh_database(stack.control_url) as dsn:
            taken, size = asyncio.run(_contend(dsn, rows, rounds))
    return Section(tuple(row for case in CASES for row in _rows(case, taken[case.name])), _notes(rows, size))


async def _contend(dsn: str, rows: int, rounds: int) -> tuple[Mapping[str, Taken], int]:
    """What each case takes, and how large the table is, in bytes."""
    connection = await asyncpg.connect(dsn, statement_cache_size=0)
    await ensure_ledger(connection)
    taken: dict[str, list[tuple[float, ...]]] = defaultdict(list)
    for _ in range(rounds + 1):
        for case in CASES:
            taken[case.name].append(
                tuple([await _timed(connection, rows, case, one) for one in (_copy, _plain, _keep)])
            )
    await connection.execute(MAKE.format(rows=rows))
    size = await connection.fetchval("SELECT pg_table_size('notes')")
    await connection.close()
    # the first round warms the server up
    return {name: Taken(*zip(*measured[1:], strict=True)) for name, measured in taken.items()}, size


async def _timed(connection: asyncpg.Connection, rows: int, case: Case, work: Work) -> float:
    """From BEGIN to COMMIT in ms, on a table that is made anew and has nothing left to be written."""
    await connection.execute(MAKE.format(rows=rows))
    await connection.execute(case.made)
    await connection.execute("VACUUM ANALYZE notes")
    await connection.execute("CHECKPOINT")
    began = time.perf_counter()
    async with connection.transaction():
        await work(connection, case)
    taken = (time.perf_counter() - began) * 1000
    for row in await connection.fetch("DELETE FROM liftlock.preserved RETURNING id"):
        await connection.execute(f"DROP TABLE liftlock_preserved.kept_{row['id'].hex}")
    return taken


async def _copy(connection: asyncpg.Connection, case: Case) -> None:
    await connection.execute(case.copied)


async def _plain(connection: asyncpg.Connection, case: Case) -> None:
    await connection.execute(case.script)


async def _keep(connection: asyncpg.Connection, case: Case) -> None:
    step = Step("bench", "1", Direction.UP, SqlScript(case.script, "bench.sql"), Checksum(b"", b""))
    stamp = Stamp("bench", "", uuid.uuid4(), 1, "bench")

    async def carried_out() -> None:
        await _plain(connection, case)

    said = await Preserver(connection, stamp, 0, step, KeepPolicy(10**12, may_lose=False)).run(carried_out)
    if not said or not said[0].startswith("kept"):
        raise RuntimeError(f"nothing was kept: {said}")


def _rows(case: Case, taken: Taken) -> tuple[Row, ...]:
    ratio = taken.ratio
    return (
        Row(f"{case.name}: kept", Samples(taken.kept, "ms"), times(ratio), (ratio_at_least(ratio, LEAST),)),
        Row(f"{case.name}: not kept", Samples(taken.plain, "ms")),
        Row(f"{case.name}: the floor", Samples(taken.floor, "ms"), times(1)),
    )


def _notes(rows: int, size: int) -> tuple[str, ...]:
    return (
        f"{rows:,} rows, {size / 1_000_000:.0f} MB, with a primary key. The table is made anew each time, vacuumed, "
        "and a CHECKPOINT done; from BEGIN to COMMIT, contenders in turn.",
        "Floor: INSERT … SELECT of the same rows (of a column: key and value) into a plain table.",
        "The ratio is the floor ÷ (kept - not kept), round by round, so more is better: how fast rows are kept, with "
        "count and checksum, the looks at the catalog and the second run of the script.",
    )


BENCHMARK = Benchmark("preserve", "Keeping what a step destroys", measure)
