"""How long the pages of the dashboard take on the server, and how much the first one loads."""

import gzip
from pathlib import Path

import app.ui
from bench import history
from bench.caller import Caller
from bench.databases import execute
from bench.figures import Benchmark, Row, Samples, Scale, Section, Stopwatch, value_at_most
from bench.overview import environments
from bench.stack import RunningStack, running_stack, work_folder

MOST_PAGE_MS = 100.0
ENVIRONMENTS = 5
LOG_LINES = 100_000
MORE_LINES = """
    INSERT INTO liftlock_control.events (at, type, job_id, environment, said, log_end, detail)
    SELECT last.at, 'job.progress', last.job_id, last.environment, repeat('x', 50),
           last.log_end + line * (length('2030-01-31T08:00:00.000000Z') + 1 + 16 + 1 + 50 + 1), last.detail
    FROM (SELECT * FROM liftlock_control.events WHERE job_id IS NOT NULL ORDER BY id DESC LIMIT 1) AS last,
         generate_series(1, {count}) AS line
"""
STATIC = Path(app.ui.__file__).parent / "static"


def measure(scale: Scale) -> Section:
    rows, rounds = scale.some(full=500, quick=50), scale.some(full=100, quick=10)
    with work_folder() as work:
        history.write_trivial(work / "few", 1)
        history.write_trivial(work / "pages", rows)
        with (
            running_stack(work / "servers", work / "few") as servers,
            environments(work, servers, "pages", ENVIRONMENTS, ()) as caller,
        ):
            job = caller.get("/jobs?limit=1")[0]["id"]
            plan = caller.submit("/migrations/plan", environment="pages_0", kind="rollback", count=rows)["id"]
            pages = {
                f"the matrix, {ENVIRONMENTS} environments by {rows} migrations, every row": "/ui/?all=1",
                f"a job of {rows} steps": f"/ui/jobs/{job}",
                f"a plan of {rows} steps": f"/ui/plans/{plan}",
                "the newest 50 jobs": "/ui/jobs",
            }
            samples = {name: _timed(caller, path, rounds) for name, path in pages.items()}
            samples[f"a job with a log of {LOG_LINES:,} lines"] = _with_long_log(servers, rounds)
    return _section(samples)


def _with_long_log(servers: RunningStack, rounds: int) -> Samples:
    with Caller(servers.api_url) as caller:
        job = caller.perform("/migrations/run")["id"]
        execute(servers.control_url, MORE_LINES.format(count=LOG_LINES))
        return _timed(caller, f"/ui/jobs/{job}", rounds)


def _timed(caller: Caller, path: str, rounds: int) -> Samples:
    """Once before, which compiles the template."""
    caller.read(path)
    watch = Stopwatch()
    for _ in range(rounds):
        with watch.timed():
            if caller.status_of(path) != 200:
                raise RuntimeError(f"{path} is not there")
    return watch.samples


def _section(samples: dict[str, Samples]) -> Section:
    rows = tuple(
        Row(name, timed, targets=(value_at_most(timed.median, MOST_PAGE_MS, "ms"),)) for name, timed in samples.items()
    )
    kb = _first_page_kb()
    return Section(
        rows,
        (
            "Whole pages as a browser gets them, with everything that they ask the API for in the same process. "
            f"JavaScript and CSS of the first page: {kb:.1f} kB gzip.",
        ),
    )


def _first_page_kb() -> float:
    files = [*STATIC.glob("*.js"), *STATIC.glob("*.css"), *STATIC.glob("vendor/*.js")]
    return sum(len(gzip.compress(one.read_bytes())) for one in files) / 1024


BENCHMARK = Benchmark("pages", "Pages of the dashboard", measure)
