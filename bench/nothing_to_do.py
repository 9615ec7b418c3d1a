"""A job that has nothing to do, from the request to `succeeded`, beside an empty Celery task on the same broker."""

from collections.abc import Callable
from urllib.parse import urlsplit

from bench import history
from bench.caller import Caller
from bench.databases import fresh_database
from bench.empty_task import answering_worker
from bench.figures import Benchmark, Row, Samples, Scale, Section, Stopwatch, ratio_at_most, ratio_of, times
from bench.stack import running_stack, work_folder

MOST = 3.0


def measure(scale: Scale) -> Section:
    count = scale.some(full=150, quick=30)
    with work_folder() as work:
        history.write_small_schema(work / "migrations", 10)
        no_shortcut = {"LIFTLOCK_NO_SHORTCUT": "1"}
        with (
            running_stack(work / "queued", work / "migrations", environment=no_shortcut) as queued,
            answering_worker(work, queued.redis_url) as empty,
        ):
            with Caller(queued.api_url) as caller:
                job, task = _in_turns(count, caller, empty.whole)
            with (
                fresh_database(queued.control_url) as other,
                running_stack(
                    work / "short", work / "migrations", database_url=other, redis_url=_other_redis(queued.redis_url)
                ) as stack,
                Caller(stack.api_url) as caller,
            ):
                short, least = _in_turns(count, caller, empty.least)
    return _section(job, task, short, least)


def _in_turns(count: int, caller: Caller, floor: Callable[[], None]) -> tuple[Samples, Samples]:
    """Each as often as the other: a worker that has two of them in a round has them warmer than one that has one."""
    jobs, floors = Stopwatch(), Stopwatch()
    for _ in range(10):
        caller.perform()
    for _ in range(count):
        with jobs.timed():
            caller.perform()
        with floors.timed():
            floor()
    return jobs.samples, floors.samples


def _other_redis(url: str) -> str:
    """The second database of the same server."""
    return urlsplit(url)._replace(path="/1").geturl()


def _section(job: Samples, task: Samples, short: Samples, least: Samples) -> Section:
    ratio = ratio_of(job, task)
    return Section(
        (
            Row("Liftlock, through queue and worker", job, times(ratio), (ratio_at_most(ratio, MOST),)),
            Row("floor: empty Celery task, delay().get()", task, times(1)),
            Row("empty task that pushes to a list", least, times(ratio_of(least, task))),
            Row("Liftlock, answered at once", short, times(ratio_of(short, task))),
        ),
        (
            "Ten migrations, all applied. The first row has the answer at once switched off (LIFTLOCK_NO_SHORTCUT=1), "
            "and with it the look at the target that such an answer is made from: the job is committed, queued, "
            "claimed, planned from what the target says then, and ended, durably.",
            "Floor: an empty task sent, carried out by a worker on the same broker, and its result waited for, as "
            "Celery does it with its result backend; nothing is durable. Below it the same without a result: the task "
            "pushes to a list, and the client waits on that list.",
        ),
    )


BENCHMARK = Benchmark("nothing_to_do", "A job with nothing to do", measure)
