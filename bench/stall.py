"""How long an application's queries stand still while a migration waits for a table that somebody holds."""

import asyncio
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import asyncpg

from bench import history
from bench.caller import Caller
from bench.databases import empty_target, execute, fresh_database
from bench.figures import Benchmark, Row, Samples, Scale, Section, value_at_most
from bench.peers import NotHere, alembic, dbmate
from bench.stack import RunningStack, running_stack, work_folder

LOCK_TIMEOUT_MS = 2_000
GRACE_MS = 200
CLIENTS = 4
ALTER = "ALTER TABLE orders ADD COLUMN note text;"
ORDERS = "CREATE TABLE orders AS SELECT n AS id, 0 AS total FROM generate_series(1, 10000) n"
_LIFTLOCK = "Liftlock"
_NOBODY = "nobody migrates"

Migrate = Callable[[str], None]


def measure(scale: Scale) -> Section:
    rounds, held_s = scale.some(full=3, quick=1), scale.some(full=8, quick=5)
    with work_folder() as work:
        folder = work / "migrations"
        folder.mkdir()
        history.write_migration(folder, 1, ALTER, "ALTER TABLE orders DROP COLUMN note;")
        with running_stack(work / "stack", folder) as stack:
            contenders, missing = _contenders(work, stack)
            worst: dict[str, list[float]] = {name: [] for name in contenders}
            for _ in range(rounds):
                for name, (dsn_of, migrate) in contenders.items():
                    with dsn_of() as dsn:
                        worst[name].append(_worst_stall_ms(dsn, migrate, held_s))
    return Section(
        (*(_row(name, Samples(tuple(values), "ms")) for name, values in worst.items()), *missing), _notes(held_s)
    )


Databases = Callable[[], AbstractContextManager[str]]
"""A database of the contender's own."""


def _contenders(work: Path, stack: RunningStack) -> tuple[dict[str, tuple[Databases, Migrate]], list[Row]]:
    def own() -> Iterator[str]:
        empty_target(stack.control_url)
        yield stack.control_url

    def fresh() -> AbstractContextManager[str]:
        return fresh_database(stack.control_url)

    found: dict[str, tuple[Databases, Migrate]] = {
        _LIFTLOCK: (contextmanager(own), lambda _: _run(stack)),
        _NOBODY: (fresh, lambda _: None),
    }
    missing: list[Row] = []
    try:
        tool = dbmate.fetch(work / "dbmate", stack.migrations)
        found[f"dbmate {tool.version}"] = (fresh, tool.run)
    except NotHere as reason:
        missing.append(Row("dbmate", note=f"not run: {reason}"))
    try:
        found["Alembic"] = (fresh, alembic.prepare(work / "alembic", [ALTER]).run)
    except NotHere as reason:
        missing.append(Row("Alembic", note=f"not run: {reason}"))
    return found, missing


def _run(stack: RunningStack) -> None:
    with Caller(stack.api_url) as caller:
        caller.perform()


def _worst_stall_ms(dsn: str, migrate: Migrate, held_s: float) -> float:
    """The slowest query of the application while a session that is idle in transaction holds the table."""
    execute(dsn, ORDERS)
    with _application(dsn) as slowest, _idle_in_transaction(dsn, held_s):
        migrate(dsn)
    return slowest()


@contextmanager
def _idle_in_transaction(dsn: str, held_s: float) -> Iterator[None]:
    """Has read the table, and holds it for `held_s` before it ends; the body begins when it holds it."""
    holding = threading.Event()

    async def hold() -> None:
        connection = await asyncpg.connect(dsn)
        await connection.execute("BEGIN; SELECT count(*) FROM orders")
        holding.set()
        await asyncio.sleep(held_s)
        await connection.execute("COMMIT")
        await connection.close()

    holder = threading.Thread(target=lambda: asyncio.run(hold()))
    holder.start()
    holding.wait()
    try:
        yield
    finally:
        holder.join()


@contextmanager
def _application(dsn: str) -> Iterator[Callable[[], float]]:
    """Clients that read and write the table without a pause; a function that ends them and gives the slowest, in ms."""
    stop, slowest_ms = threading.Event(), [0.0]

    async def client(number: int) -> None:
        connection = await asyncpg.connect(dsn)
        while not stop.is_set():
            began = time.perf_counter()
            if number % 2:
                await connection.execute("UPDATE orders SET total = total + 1 WHERE id = $1", number)
            else:
                await connection.fetchval("SELECT total FROM orders WHERE id = $1", number)
            slowest_ms[0] = max(slowest_ms[0], (time.perf_counter() - began) * 1000)
        await connection.close()

    async def all_clients() -> None:
        await asyncio.gather(*(client(number) for number in range(CLIENTS)))

    load = threading.Thread(target=lambda: asyncio.run(all_clients()))
    load.start()

    def slowest() -> float:
        stop.set()
        load.join()
        return slowest_ms[0]

    try:
        yield slowest
    finally:
        slowest()


def _row(name: str, samples: Samples) -> Row:
    if name != _LIFTLOCK:
        return Row(name, samples)
    return Row(name, samples, targets=(value_at_most(samples.most, LOCK_TIMEOUT_MS + GRACE_MS, "ms"),))


def _notes(held_s: float) -> tuple[str, ...]:
    return (
        f"{CLIENTS} clients read and write one table without a pause; another session has read it and sits idle in its "
        f"transaction for {held_s:g} s; meanwhile ALTER TABLE … ADD COLUMN is run. The slowest query of the clients.",
        f"Liftlock gives way after its lock timeout ({LOCK_TIMEOUT_MS} ms) and tries again until the table is free; "
        "every run ended with the column in place.",
    )


BENCHMARK = Benchmark("stall", "What an application feels of a migration that must wait", measure)
