"""What asking for a token costs: submitting a run and listing jobs, with LIFTLOCK_AUTH off and on, side by side."""

from urllib.parse import urlsplit

from bench import history
from bench.caller import Caller
from bench.databases import fresh_database
from bench.figures import Benchmark, Row, Samples, Scale, Section, Stopwatch, ratio_at_most, ratio_of, times
from bench.stack import running_stack, work_folder

ADMIN = "an-admins-token-for-this-benchmark-alone"
MOST = 1.25
LISTED = "/jobs?limit=50"


def measure(scale: Scale) -> Section:
    count = scale.some(full=200, quick=40)
    with work_folder() as work:
        history.write_small_schema(work / "migrations", 10)
        settings = {"LIFTLOCK_NO_SHORTCUT": "1"}
        asking = settings | {"LIFTLOCK_AUTH": "token", "LIFTLOCK_ADMIN_TOKEN": ADMIN, "LIFTLOCK_RATE_LIMIT": "0"}
        with (
            running_stack(work / "off", work / "migrations", environment=settings) as off,
            fresh_database(off.control_url) as other,
            running_stack(
                work / "on",
                work / "migrations",
                environment=asking,
                database_url=other,
                redis_url=urlsplit(off.redis_url)._replace(path="/1").geturl(),
            ) as on,
            Caller(off.api_url) as bare,
            Caller(on.api_url, _token(on.api_url)) as known,
        ):
            watches = Stopwatch(), Stopwatch(), Stopwatch(), Stopwatch()
            for caller in (bare, known) * 50:
                caller.perform()
            for _ in range(count):
                for caller, submits, lists in ((bare, *watches[:2]), (known, *watches[2:])):
                    with submits.timed():
                        job = caller.submit()
                    caller.ended(job)
                    with lists.timed():
                        caller.read(LISTED)
    return _section(*(watch.samples for watch in watches))


def _token(api_url: str) -> str:
    """One as people have it; the admin's own is known without a look at the database."""
    with Caller(api_url, ADMIN) as admin:
        return str(admin.submit("/tokens", name="bench", role="operator")["token"])


def _section(submits: Samples, lists: Samples, known_submits: Samples, known_lists: Samples) -> Section:
    submit, listing = ratio_of(known_submits, submits), ratio_of(known_lists, lists)
    return Section(
        (
            Row("POST /migrations/run, with a token", known_submits, times(submit), (ratio_at_most(submit, MOST),)),
            Row("floor: the same, LIFTLOCK_AUTH=off", submits, times(1)),
            Row("GET /jobs, 50 of them, with a token", known_lists, times(listing), (ratio_at_most(listing, MOST),)),
            Row("floor: the same, LIFTLOCK_AUTH=off", lists, times(1)),
        ),
        (
            "Two stacks on the same servers, asked in turns by one client each; the token is an operator's, looked up "
            "once in 5 s by each process of the API.",
        ),
    )


BENCHMARK = Benchmark("access", "Asking for a token", measure)
