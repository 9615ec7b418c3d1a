"""A schema for each tenant: what one tenant's turn takes, beside few others and beside many."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import asyncpg

from bench import history
from bench.caller import Caller
from bench.databases import execute, fresh_database
from bench.figures import Benchmark, Row, Samples, Scale, Section, Stopwatch, ratio_of, times
from bench.stack import RunningStack, running_stack, work_folder

TABLES = 30
TURNS = 10
UP, DOWN = "ALTER TABLE t1 ADD COLUMN note text DEFAULT 'x';", "ALTER TABLE t1 DROP COLUMN note;"
TENANT = """
    CREATE SCHEMA {schema}; SET search_path = {schema};
    DO $$ BEGIN FOR n IN 1..{tables} LOOP
        EXECUTE format('CREATE TABLE t%s (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, name text NOT NULL,'
            ' amount numeric(10, 2) DEFAULT 0 CHECK (amount >= 0), placed timestamptz DEFAULT now(), about text)', n);
        EXECUTE format('CREATE INDEX ON t%s (name)', n);
    END LOOP; INSERT INTO t1 (name) SELECT 'a name' FROM generate_series(1, 100); END $$
"""
LEDGER = "CREATE TABLE public.bare_ledger (schema text, name text, at timestamptz DEFAULT now())"


def measure(scale: Scale) -> Section:
    many = scale.some(full=200, quick=20)
    rows: list[Row] = []
    with work_folder() as work:
        (work / "migrations").mkdir()
        history.write_migration(work / "migrations", 1, UP, DOWN)
        with running_stack(work / "servers", work / "migrations") as servers:
            for count in (TURNS, many):
                rows += _turns(work / f"of_{count}", servers, count)
    return Section(
        tuple(rows),
        (
            f"Schemas of {TABLES} tables in one database; an environment of {TURNS} of them as its targets, which take "
            f"their turns. A run adds a column to one table of each, a rollback drops it and keeps its 100 values; the "
            f"figures are a whole job ÷ {TURNS}.",
            "Floor: a loop that sends the same statement and an INSERT into a ledger, one transaction a schema.",
        ),
    )


def _turns(folder: Path, servers: RunningStack, count: int) -> Iterator[Row]:
    folder.mkdir()
    schemas = [f"tenant_{number}" for number in range(count)]
    with fresh_database(servers.control_url) as target:
        execute(target, *(TENANT.format(schema=schema, tables=TABLES) for schema in schemas), LEDGER, "VACUUM ANALYZE")
        run, rollback, loop = Stopwatch(), Stopwatch(), Stopwatch()
        with _service(folder, servers, target, schemas[:TURNS]) as caller:
            for _ in range(3):
                with run.timed():
                    caller.perform("/migrations/run")
                with rollback.timed():
                    caller.perform("/migrations/rollback", allowHazards=["COLUMN_DROPPED"], confirm="tenants")
                with loop.timed():
                    asyncio.run(_bare(target, schemas[:TURNS]))
                execute(target, *(f"ALTER TABLE {schema}.t1 DROP COLUMN bare" for schema in schemas[:TURNS]))
    floor = _each(loop)
    yield Row(f"run of one of {count} tenants", _each(run), times(ratio_of(_each(run), floor)))
    yield Row(f"rollback of one of {count} tenants", _each(rollback), times(ratio_of(_each(rollback), floor)))
    yield Row(f"floor: bare loop over {count} tenants", floor, times(1))


def _each(watch: Stopwatch) -> Samples:
    return Samples(tuple(value / TURNS for value in watch.taken_ms), "ms")


@contextmanager
def _service(folder: Path, servers: RunningStack, target: str, schemas: list[str]) -> Iterator[Caller]:
    config = folder / "liftlock.toml"
    listed = ",\n".join(f'    {{ name = "{schema}", url = "{target}", scope = "{schema}" }}' for schema in schemas)
    config.write_text(f'[environments.tenants]\nprotection = "open"\ntargets = [\n{listed},\n]\n')
    with (
        fresh_database(servers.control_url) as control,
        running_stack(
            folder / "stack",
            servers.migrations,
            environment={"LIFTLOCK_CONFIG": str(config)},
            database_url=control,
            redis_url=urlsplit(servers.redis_url)._replace(path="/1").geturl(),
        ) as stack,
        Caller(stack.api_url) as caller,
    ):
        yield caller


async def _bare(target: str, schemas: list[str]) -> None:
    connection = await asyncpg.connect(target)
    for schema in schemas:
        async with connection.transaction():
            await connection.execute(f"SET LOCAL search_path = {schema}; {UP.replace('note', 'bare')}")
            await connection.execute("INSERT INTO public.bare_ledger (schema, name) VALUES ($1, $2)", schema, "1")
    await connection.close()


BENCHMARK = Benchmark("tenants", "A schema for each tenant", measure)
