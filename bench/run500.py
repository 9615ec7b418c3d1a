"""500 small migrations from the request to `succeeded`, beside the floor, dbmate and Alembic."""

import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

from bench import history
from bench.caller import Caller
from bench.databases import empty_target, fresh_database
from bench.figures import Benchmark, Row, Samples, Scale, Section, ratio_at_most, ratio_of, times
from bench.peers import NotHere, alembic, dbmate, floor
from bench.stack import RunningStack, running_stack, work_folder

MOST = {"Liftlock": 1.25, "Liftlock, schema before and after": 1.4}
CHECK = "LIFTLOCK_SCHEMA_CHECK"
_FLOOR = "floor: asyncpg"
_LIFTLOCK, _CHECKED = MOST
_EACH_STEP = "Liftlock, schema after each step"
_NEW_FILES = "Liftlock, files never seen"

Contender = Callable[[], float]
"""One run on an empty database; how long it took, in s."""


def measure(scale: Scale) -> Section:
    count, rounds = scale.some(full=500, quick=60), scale.some(full=4, quick=2)
    with work_folder() as work:
        scripts = history.write_small_schema(work / "migrations", count)
        history.write_small_schema(work / "changing", count)
        with (
            running_stack(work / "stack", work / "migrations", environment={CHECK: "off"}) as stack,
            _another(stack, work, 1, "job", stack.migrations) as by_job,
            _another(stack, work, 2, "step", stack.migrations) as by_step,
            _another(stack, work, 3, "off", work / "changing") as changing,
        ):
            contenders = {
                _LIFTLOCK: _liftlock(stack, lambda: None),
                _FLOOR: _on_fresh(stack, scripts),
                _CHECKED: _liftlock(by_job, lambda: None),
                _EACH_STEP: _liftlock(by_step, lambda: None),
                _NEW_FILES: _liftlock(changing, lambda: history.rewrite_all(changing.migrations)),
            }
            peers, missing = _peers(work, scripts, stack)
            taken = _interleaved(contenders | peers, rounds)
    return Section((*_rows(taken), *missing), _notes(count))


def _interleaved(contenders: dict[str, Contender], rounds: int) -> dict[str, Samples]:
    for name in (_LIFTLOCK, _CHECKED, _EACH_STEP, _NEW_FILES):
        contenders[name]()  # the first run of a worker imports and connects; a service is warm
    taken: dict[str, list[float]] = {name: [] for name in contenders}
    turns = deque(contenders.items())
    for _ in range(rounds):
        for name, run in turns:
            taken[name].append(run())
        # nobody always comes after the same one, whose databases are still being removed
        turns.rotate(2)
    return {name: Samples(tuple(values), "s") for name, values in taken.items()}


def _rows(taken: dict[str, Samples]) -> list[Row]:
    rows = []
    for name, samples in taken.items():
        ratio = ratio_of(samples, taken[_FLOOR])
        targets = (ratio_at_most(ratio, MOST[name]),) if name in MOST else ()
        rows.append(Row(name, samples, times(ratio), targets))
    return rows


@contextmanager
def _another(stack: RunningStack, work: Path, number: int, check: str, migrations: Path) -> Iterator[RunningStack]:
    """On a database of its own on the same servers, with the schema looked at so often."""
    with (
        fresh_database(stack.control_url) as dsn,
        running_stack(
            work / f"stack{number}",
            migrations,
            environment={CHECK: check},
            database_url=dsn,
            redis_url=urlsplit(stack.redis_url)._replace(path=f"/{number}").geturl(),
        ) as other,
    ):
        yield other


def _liftlock(stack: RunningStack, prepare: Callable[[], None]) -> Contender:
    def run() -> float:
        empty_target(stack.control_url)
        prepare()
        with Caller(stack.api_url) as caller:
            began = time.perf_counter()
            caller.perform()
            return time.perf_counter() - began

    return run


def _on_fresh(stack: RunningStack, scripts: Sequence[str]) -> Contender:
    return _timed_on_fresh(stack, lambda dsn: floor.run(dsn, scripts))


def _timed_on_fresh(stack: RunningStack, migrate: Callable[[str], None]) -> Contender:
    def run() -> float:
        with fresh_database(stack.control_url) as dsn:
            began = time.perf_counter()
            migrate(dsn)
            return time.perf_counter() - began

    return run


def _peers(work: Path, scripts: Sequence[str], stack: RunningStack) -> tuple[dict[str, Contender], list[Row]]:
    found: dict[str, Contender] = {}
    missing: list[Row] = []
    try:
        tool = dbmate.fetch(work / "dbmate", stack.migrations)
        found[f"dbmate {tool.version}"] = _timed_on_fresh(stack, tool.run)
    except NotHere as reason:
        missing.append(Row("dbmate", note=f"not run: {reason}"))
    try:
        found["Alembic"] = _timed_on_fresh(stack, alembic.prepare(work / "alembic", scripts).run)
    except NotHere as reason:
        missing.append(Row("Alembic", note=f"not run: {reason}"))
    return found, missing


def _notes(count: int) -> tuple[str, ...]:
    return (
        f"{count} migrations on one PostgreSQL server, each run on an empty database, one transaction a migration.",
        "Liftlock: from POST /migrations/run to `succeeded`, over HTTP, queue and worker, in a service that has "
        "been up for some seconds: each process reads new files when they appear. Files never seen: all of them were "
        "changed a moment before, and are parsed within the time measured, by the API and by the worker.",
        "The first row has the schema check off (LIFTLOCK_SCHEMA_CHECK); others read the whole schema before and after "
        "the job, or what has changed of it after each step, and store it.",
        "Floor: BEGIN, the script in one message, INSERT of a ledger row, COMMIT; scripts in memory, nothing parsed.",
        "dbmate and Alembic: the whole program from start to end; Alembic with transaction_per_migration and psycopg.",
    )


BENCHMARK = Benchmark("run500", "500 small migrations", measure)
