"""What a step pays that is proven by its text to destroy nothing: beside the same step without anybody who keeps."""

import asyncio
import uuid
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime

import asyncpg

from app.adapters.target.preserve.keeper import Keeper
from app.adapters.target.records import Stamp, ensure_ledger
from app.domain.environment import Dsn, Environment
from app.domain.job import Attempt, JobId, JobKind, JobRequest
from app.domain.migration import Checksum, Direction, SqlScript
from app.domain.step import Step
from bench.databases import fresh_database
from bench.figures import Benchmark, Row, Scale, Section, Stopwatch, ratio_at_most, ratio_of, times
from bench.stack import running_stack, work_folder

MOST = 1.05
HARMLESS = "CREATE TABLE t{number} (id bigint PRIMARY KEY, note text); CREATE INDEX ON t{number} (note)"
UNSEEN = "DO $$ BEGIN EXECUTE 'CREATE TABLE t{number} (id bigint PRIMARY KEY, note text)'; END $$"
_FLOOR, _PROVEN, _WATCHED = "floor: nobody keeps anything", "proven harmless", "not proven, so looked after"

Work = Callable[[asyncpg.Connection, Step], Awaitable[None]]


def measure(scale: Scale) -> Section:
    count = scale.some(full=400, quick=60)
    with work_folder() as work:
        (work / "migrations").mkdir()
        with running_stack(work / "stack", work / "migrations") as stack, fresh_database(stack.control_url) as dsn:
            watches = asyncio.run(_contend(dsn, count))
    floor = watches[_FLOOR].samples
    rows = [Row(name, watch.samples, times(ratio_of(watch.samples, floor))) for name, watch in watches.items()]
    ratio = ratio_of(watches[_PROVEN].samples, floor)
    rows[1] = Row(_PROVEN, watches[_PROVEN].samples, times(ratio), (ratio_at_most(ratio, MOST),))
    return Section(tuple(rows), _NOTES)


async def _contend(dsn: str, count: int) -> Mapping[str, Stopwatch]:
    connection = await asyncpg.connect(dsn, statement_cache_size=0)
    await ensure_ledger(connection)
    keeper = _keeper(dsn)

    async def kept(connection: asyncpg.Connection, step: Step) -> None:
        if not keeper.looks_after(step):
            await _run(connection, step)
            return
        stamp = Stamp("bench", "", uuid.uuid4(), 1, "bench")
        await keeper.around(connection, stamp, 0, step, lambda: _run(connection, step))

    contenders: Mapping[str, tuple[str, Work]] = {
        _FLOOR: (HARMLESS, _run), _PROVEN: (HARMLESS, kept), _WATCHED: (UNSEEN, kept),
    }  # fmt: skip
    watches = {name: Stopwatch() for name in contenders}
    for number in range(count):
        for at, (name, (text, work)) in enumerate(contenders.items()):
            step = _step(text.format(number=f"{number}_{at}"))
            with watches[name].timed():
                async with connection.transaction():
                    await work(connection, step)
            await connection.execute(f"DROP TABLE t{number}_{at}")
    await connection.close()
    return watches


def _keeper(dsn: str) -> Keeper:
    request = JobRequest(JobKind.RUN, "bench")
    attempt = Attempt(JobId(uuid.uuid4()), 1, request, 0, 0, 1, datetime.now(UTC), "bench")
    return Keeper(Environment("bench", Dsn(dsn)), attempt, 10**12)


def _step(text: str) -> Step:
    """Parsed, as every file is when it is planned; nobody has asked yet what it may destroy."""
    script = SqlScript(text, "bench.sql")
    assert script.parsed.statements
    return Step("bench", "1", Direction.UP, script, Checksum(b"", b""))


async def _run(connection: asyncpg.Connection, step: Step) -> None:
    assert step.body is not None
    await connection.execute(step.body.text)


_NOTES = (
    "A table and an index, from BEGIN to COMMIT, each script new; contenders in turn. Floor: the script alone. Proven: "
    "its text is asked first whether it can destroy anything, which it says it cannot, and nothing is sent but the "
    "script.",
    "For comparison the table made by a DO block that puts the statement together: it is run behind a savepoint, and "
    "what holds rows is looked at before and after.",
)

BENCHMARK = Benchmark("harmless", "A step that can destroy nothing", measure)
