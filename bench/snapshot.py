"""Reading the schema of 500 tables, against `pg_dump --schema-only` of the same database."""

import asyncio
import gc
import os
import subprocess
from collections.abc import Sequence
from pathlib import Path

import asyncpg

from app.adapters.target.incremental import SchemaReader
from app.adapters.target.introspect import read_snapshot
from app.embedded.binaries import find_postgres
from bench.databases import execute, fresh_database
from bench.figures import Benchmark, Row, Scale, Section, Stopwatch, ratio_at_most, ratio_of, times, value_at_most
from bench.stack import running_stack, work_folder

MOST_FULL_MS = 500.0
MOST_INCREMENTAL_MS = 80.0
MOST_RATIO = 1.0

TABLES = """
    DO $$ BEGIN FOR n IN 1..{count} LOOP
        EXECUTE format('CREATE TABLE t%s (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, name text NOT NULL,'
            ' amount numeric(10, 2) DEFAULT 0, placed timestamptz DEFAULT now(), note jsonb,'
            ' parent bigint REFERENCES t%s (id), CHECK (amount >= 0))', n, greatest(n - 1, 1));
        EXECUTE format('CREATE INDEX ON t%s (name)', n);
        EXECUTE format('CREATE INDEX ON t%s (parent)', n);
    END LOOP; END $$
"""


def measure(scale: Scale) -> Section:
    count, rounds = 500, scale.some(full=20, quick=5)
    with work_folder() as work:
        (work / "migrations").mkdir()
        with running_stack(work / "stack", work / "migrations") as stack, fresh_database(stack.control_url) as dsn:
            execute(dsn, TABLES.format(count=count), "ANALYZE")
            dump, whole, changed = Stopwatch(), Stopwatch(), Stopwatch()
            asyncio.run(_contend(dsn, rounds, dump, whole, changed))
    return _section(dump, whole, changed)


async def _contend(dsn: str, rounds: int, dump: Stopwatch, whole: Stopwatch, changed: Stopwatch) -> None:
    command = [
        str(find_postgres(os.environ).bindir / "pg_dump"),
        "--schema-only",
        "--dbname",
        dsn,
        "--file",
        os.devnull,
    ]
    connection = await asyncpg.connect(dsn, statement_cache_size=0)
    reader = SchemaReader(connection)
    await reader.read()
    # as every process that serves does before it works
    gc.collect()
    gc.freeze()
    for number in range(rounds):
        _dump(command, dump)
        with whole.timed():
            snapshot = await read_snapshot(connection)
            assert snapshot.fingerprint
        await connection.execute(f"CREATE TABLE fresh_{number} (id serial PRIMARY KEY, t integer)")
        await connection.execute(f"ALTER TABLE t{number + 1} ADD COLUMN fresh text DEFAULT 'x'")
        with changed.timed():
            snapshot = await reader.read()
            assert snapshot.fingerprint
        if reader.last_was_whole or snapshot.fingerprint != (await read_snapshot(connection)).fingerprint:
            raise RuntimeError("the incremental snapshot is not what it should be")
    await connection.close()


def _dump(command: Sequence[str], stopwatch: Stopwatch) -> None:
    if not Path(command[0]).is_file():
        raise RuntimeError(f"there is no {command[0]}")
    with stopwatch.timed():
        subprocess.run(command, check=True)


def _section(dump: Stopwatch, whole: Stopwatch, changed: Stopwatch) -> Section:
    full, floor, incremental = whole.samples, dump.samples, changed.samples
    ratio = ratio_of(full, floor)
    return Section(
        (
            Row(
                "full snapshot and its fingerprint",
                full,
                times(ratio),
                (value_at_most(full.median, MOST_FULL_MS, "ms"), ratio_at_most(ratio, MOST_RATIO)),
            ),
            Row("pg_dump --schema-only", floor, note="the floor"),
            Row(
                "incremental, after one CREATE TABLE and one ALTER TABLE",
                incremental,
                times(ratio_of(incremental, floor)),
                (value_at_most(incremental.median, MOST_INCREMENTAL_MS, "ms"),),
            ),
        ),
        (
            "500 tables with primary key, CHECK, foreign key, identity and two more indexes each; contenders in turn. "
            "Each incremental snapshot is compared with a full one, outside the time. pg_dump starts a process and "
            "connects; the snapshot has a connection.",
        ),
    )


BENCHMARK = Benchmark("snapshot", "Reading a schema of 500 tables", measure)
