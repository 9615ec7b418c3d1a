"""`GET /migrations` with 10,000 files and 10,000 rows in the ledger."""

import json

from bench import history
from bench.caller import Caller
from bench.figures import Benchmark, Row, Samples, Scale, Section, Stopwatch, value_at_most
from bench.stack import running_stack, work_folder

MOST_MS = 300.0
PAGE = 50


def measure(scale: Scale) -> Section:
    count, rounds = scale.some(full=10_000, quick=1_000), 10
    with work_folder() as work:
        history.write_trivial(work / "migrations", count)
        with running_stack(work / "stack", work / "migrations") as stack, Caller(stack.api_url) as caller:
            filling, whole, page = Stopwatch(), Stopwatch(), Stopwatch()
            with filling.timed():
                caller.perform(atomic="run")
            body = caller.read("/migrations")
            _refuse_incomplete(body, count)
            for _ in range(rounds):
                with whole.timed():
                    caller.read("/migrations")
                with page.timed():
                    caller.read(f"/migrations?limit={PAGE}")
    return _section(count, len(body), whole.samples, page.samples, filling.samples)


def _refuse_incomplete(body: bytes, count: int) -> None:
    statuses = [row["status"] for row in json.loads(body)]
    if statuses.count("completed") != count:
        raise RuntimeError(f"{statuses.count('completed')} of {count} migrations are listed as completed")


def _section(count: int, size_bytes: int, whole: Samples, page: Samples, filling: Samples) -> Section:
    return Section(
        (
            Row("GET /migrations", whole, targets=(value_at_most(whole.median, MOST_MS, "ms"),)),
            Row(f"GET /migrations?limit={PAGE}", page),
            Row("for orientation: applying them all in one transaction", filling),
        ),
        (f"{count:,} files, all applied; the whole list has {size_bytes / 1e6:.1f} MB. The files are known already.",),
    )


BENCHMARK = Benchmark("list10000", "Listing 10,000 migrations", measure)
