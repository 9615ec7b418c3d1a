"""How long a target stands idle between two jobs that wait for it."""

from bench import history
from bench.caller import Caller
from bench.databases import fetch
from bench.figures import Benchmark, Row, Samples, Scale, Section, value_at_most
from bench.stack import running_stack, work_folder

MOST_MS = 50.0
_GAPS = """
    SELECT extract(epoch FROM started_at - previous_end) * 1000 AS gap_ms
    FROM (SELECT created_at, started_at, lag(finished_at) OVER (ORDER BY seq) AS previous_end
          FROM liftlock_control.jobs) AS jobs
    WHERE created_at < previous_end
"""
"""Only jobs that were there before the one in front of them ended."""


def measure(scale: Scale) -> Section:
    count, nap_s = scale.some(full=40, quick=10), scale.some(full=3, quick=2)
    with work_folder() as work:
        (work / "migrations").mkdir()
        history.write_migration(work / "migrations", 1, f"SELECT pg_sleep({nap_s});", "SELECT 0;")
        with running_stack(work / "stack", work / "migrations") as stack, Caller(stack.api_url) as caller:
            jobs = [caller.submit() for _ in range(count)]
            for job in jobs:
                caller.ended(job)
            gaps = [float(row["gap_ms"]) for row in fetch(stack.control_url, _GAPS)]
    samples = Samples(tuple(gaps), "ms")
    return Section(
        (Row("from finishedAt to startedAt", samples, targets=(value_at_most(samples.median, MOST_MS, "ms"),)),),
        (
            f"{count} runs submitted while the first one sleeps; {len(gaps)} of them were waiting when the one "
            f"before ended. Both times are the control database's own.",
        ),
    )


BENCHMARK = Benchmark("handover", "From one job of a target to the next", measure)
