"""Where 50 environments stand, five of them away, and the matrix of 500 migrations in five."""

import json
import socket
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from urllib.parse import urlsplit

from app.embedded.children import free_port
from bench import history
from bench.caller import Caller
from bench.databases import fresh_database
from bench.figures import Benchmark, Row, Samples, Scale, Section, Stopwatch, value_at_most
from bench.stack import RunningStack, running_stack, work_folder

MOST_OVERVIEW_MS = 1_000.0
MOST_MATRIX_MS = 100.0
AWAY = 5
PAUSE_S = 0.25


def measure(scale: Scale) -> Section:
    many, rounds = scale.some(full=50, quick=10), scale.some(full=100, quick=10)
    rows = scale.some(full=500, quick=50)
    with work_folder() as work:
        history.write_trivial(work / "few", 20)
        history.write_trivial(work / "many", rows)
        with running_stack(work / "servers", work / "few") as servers, _away() as away:
            with environments(work, servers, "few", many - AWAY, away) as caller:
                overview = _timed(caller, "/environments?status=true", rounds)
            with environments(work, servers, "many", 5, ()) as caller:
                matrix = _timed(caller, "/matrix", rounds)
    return _section(many, rows, overview, matrix)


def _timed(caller: Caller, path: str, rounds: int) -> Samples:
    """With pauses, so that what is away is asked anew meanwhile."""
    watch = Stopwatch()
    for _ in range(rounds):
        time.sleep(PAUSE_S)
        with watch.timed():
            caller.read(path)
    return watch.samples


@contextmanager
def environments(work: Path, servers: RunningStack, files: str, count: int, away: Sequence[str]) -> Iterator[Caller]:
    """A service for so many environments on one server, all in sync, and for those that are `away`."""
    names, redis_url = [f"{files}_{number}" for number in range(count)], urlsplit(servers.redis_url)._replace(path="/1")
    with ExitStack() as opened:
        control, *databases = [opened.enter_context(fresh_database(servers.control_url)) for _ in range(count + 1)]
        addresses = [*zip(names, databases, strict=True), *((f"away_{place}", url) for place, url in enumerate(away))]
        config = work / f"{files}.toml"
        config.write_text("".join(f'[environments.{name}]\nurl = "{url}"\n' for name, url in addresses))
        stack = opened.enter_context(
            running_stack(
                work / f"{files}-stack",
                work / files,
                environment={"LIFTLOCK_CONFIG": str(config)},
                database_url=control,
                redis_url=redis_url.geturl(),
            )
        )
        caller = opened.enter_context(Caller(stack.api_url))
        known = [row["name"] for row in caller.get("/migrations")]
        for name in names:
            # recorded only: what a ledger says costs the same however it came to say it
            caller.perform("/migrations/mark", **{"environment": name, "names": known, "as": "applied"})
        _refuse_another_than(caller, count, len(away))
        yield caller


def _refuse_another_than(caller: Caller, in_sync: int, unknown: int) -> None:
    states = [one["status"]["sync"]["state"] for one in json.loads(caller.read("/environments?status=true"))]
    if (states.count("in_sync"), states.count("unknown")) != (in_sync, unknown):
        raise RuntimeError(f"not as it was made: {states}")


@contextmanager
def _away() -> Iterator[tuple[str, ...]]:
    """Three behind a server that takes connections and says nothing, two where nothing listens."""
    with socket.socket() as deaf:
        deaf.bind(("127.0.0.1", 0))
        deaf.listen(128)
        ports = [deaf.getsockname()[1]] * 3 + [free_port()] * 2
        # a name for each: two environments may not have one address
        yield tuple(f"postgresql://a:b@127.0.0.1:{port}/away_{place}" for place, port in enumerate(ports))


def _section(many: int, rows: int, overview: Samples, matrix: Samples) -> Section:
    return Section(
        (
            Row(
                f"GET /environments?status=true, {many} environments, {AWAY} of them away",
                overview,
                targets=(value_at_most(overview.p95, MOST_OVERVIEW_MS, "ms at the 95th percentile"),),
            ),
            Row(
                f"GET /matrix, 5 environments, {rows} migrations",
                matrix,
                targets=(value_at_most(matrix.median, MOST_MATRIX_MS, "ms"),),
            ),
        ),
        (
            f"Databases of one server. Away: three behind a socket that takes connections and never answers, two at a "
            f"port where nothing listens. A call every {PAUSE_S:g} s, so that connections to those that are away end "
            f"meanwhile and are tried again: those calls are the slow ones.",
        ),
    )


BENCHMARK = Benchmark("overview", "Environments at a glance", measure)
