"""Submitting a run and reading a job, beside an empty Flask route served the same way."""

from bench import history
from bench.caller import Caller
from bench.empty_route import empty_route
from bench.figures import (
    Benchmark,
    Row,
    Samples,
    Scale,
    Section,
    Stopwatch,
    Target,
    ratio_at_least,
    times,
    value_at_most,
)
from bench.stack import running_stack, work_folder

STEPS = 10
MOST_MS = 10.0
LEAST_SUBMIT = 0.1
LEAST_READ = 0.5


def measure(scale: Scale) -> Section:
    count = scale.some(full=200, quick=30)
    with work_folder() as work:
        history.write_small_schema(work / "migrations", STEPS)
        no_shortcut = {"LIFTLOCK_NO_SHORTCUT": "1"}
        with (
            running_stack(work / "stack", work / "migrations", environment=no_shortcut) as stack,
            empty_route(work, stack) as empty_url,
            Caller(stack.api_url) as caller,
            Caller(empty_url) as empty,
        ):
            submits, with_steps, without, floor = Stopwatch(), Stopwatch(), Stopwatch(), Stopwatch()
            first = caller.perform()
            for _ in range(20):
                caller.perform()
                empty.read("/")
            for _ in range(count):
                with submits.timed():
                    job = caller.submit()
                caller.ended(job)
                for path, watch in ((f"/jobs/{first['id']}", with_steps), (f"/jobs/{job['id']}", without)):
                    with watch.timed():
                        caller.read(path)
                with floor.timed():
                    empty.read("/")
    return _section(submits.samples, with_steps.samples, without.samples, floor.samples)


def _section(submits: Samples, with_steps: Samples, without: Samples, floor: Samples) -> Section:
    targets = (value_at_most(submits.median, MOST_MS, "ms"), _throughput(submits, floor, LEAST_SUBMIT))
    return Section(
        (
            Row("POST /migrations/run", submits, _relative(submits, floor), targets),
            Row(
                f"GET /jobs/ID, {STEPS} steps",
                with_steps,
                _relative(with_steps, floor),
                (_throughput(with_steps, floor, LEAST_READ),),
            ),
            Row("GET /jobs/ID, no step", without, _relative(without, floor)),
            Row("floor: empty Flask route", floor, times(1)),
        ),
        (
            "One client, one connection kept alive, one request at a time; the ratio is throughput against the floor "
            "(1 ÷ median), so more is better. The submitted job is queued; it has ended before the next is submitted.",
        ),
    )


def _throughput(samples: Samples, floor: Samples, least: float) -> Target:
    return ratio_at_least(floor.median / samples.median, least)


def _relative(samples: Samples, floor: Samples) -> str:
    return times(floor.median / samples.median)


BENCHMARK = Benchmark("submit", "Submitting a run, reading a job", measure)
