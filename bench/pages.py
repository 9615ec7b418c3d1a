"""How long the pages of the dashboard take on the server, and how much the first one loads."""

import gzip
from pathlib import Path

import app.ui
from bench import history
from bench.caller import Caller
from bench.databases import fetch
from bench.figures import Benchmark, Row, Samples, Scale, Section, Stopwatch, value_at_most
from bench.overview import environments
from bench.stack import RunningStack, running_stack, work_folder

MOST_PAGE_MS = 100.0
ENVIRONMENTS = 5
# of 100 bytes each: 46 for the moment and the type
_LINES = """
    INSERT INTO liftlock_control.events (type, job_id, environment, said, log_end)
    SELECT 'job.notice', e.job_id, e.environment, lpad(n::text, 54), e.log_end + n * 100
    FROM (SELECT * FROM liftlock_control.events WHERE job_id = $1 ORDER BY log_end DESC LIMIT 1) e,
         generate_series(1, $2::int) n
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
            samples |= _long_log(servers, scale.some(full=100_000, quick=1_000), rounds)
    return _section(samples)


def _long_log(stack: RunningStack, lines: int, rounds: int) -> dict[str, Samples]:
    with Caller(stack.api_url) as caller:
        job = caller.perform("/migrations/run")["id"]
        fetch(stack.control_url, _LINES, job, lines)
        log = f"a job with a log of {lines:,} lines"
        return {log: _timed(caller, f"/ui/jobs/{job}", rounds)}


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
