"""A server that restarts as after a crash, a worker that is told to stop or is killed: its job is done, and once."""

import signal
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from app.domain.job import Job, JobId, JobKind, JobState
from tests.chaos.harbour import TIMING, Crew, Harbour
from tests.chaos.load import nap
from tests.support.eventually import eventually
from tests.support.house import House
from tests.support.servers import ASLEEP, fetch, is_asleep

pytestmark = [pytest.mark.servers, pytest.mark.stack]

RECOVERED_S = 20
AGAIN_S = 40


@pytest.fixture
def house(port: Harbour) -> Iterator[House]:
    with port.office() as opened:
        yield opened
    port.heal()


def sleeping_job(port: Harbour, house: House, seconds: float) -> JobId:
    """A job that is in the middle of a step, and sleeps there."""
    dsn = port.targets["north"]
    nap(dsn, 0)
    first = house.submit(JobKind.RESET, environment="north").job.id
    eventually(lambda: ended(house, first), within_s=60)
    nap(dsn, seconds)
    job_id = house.submit(JobKind.RUN, environment="north").job.id
    eventually(lambda: is_asleep(dsn), within_s=30)
    return job_id


def ended(house: House, job_id: JobId) -> Job | None:
    job = house.job(job_id)
    return job if job.state.final else None


@pytest.mark.parametrize("which", ["control", "target"])
def test_a_crash_of_postgresql_in_the_middle_of_a_step_is_recovered_from(
    port: Harbour, house: House, which: str
) -> None:
    with port.worker(f"crash-{which}"):
        job_id = sleeping_job(port, house, 1.5)
        port.restart_at_once(port.control if which == "control" else port.target)
        nap(port.targets["north"], 0)
        job = eventually(lambda: _asked_again(house, job_id), within_s=RECOVERED_S)

    assert job.state is JobState.SUCCEEDED, port.logs()
    assert port.breaches() == []


@pytest.mark.parametrize("whom", [*(pytest.param(one, marks=pytest.mark.long) for one in ("child", "parent")), "group"])
def test_a_killed_worker_s_job_is_taken_over(port: Harbour, house: House, whom: str) -> None:
    with port.worker(f"killed-{whom}") as crew:
        job_id = sleeping_job(port, house, 4)
        with port.worker(f"heir-{whom}"):
            _kill(crew, whom, house.job(job_id))
            nap(port.targets["north"], 0)
            job = eventually(lambda: ended(house, job_id), within_s=AGAIN_S)
            crew.end()

    assert job.state is JobState.SUCCEEDED, port.logs()
    assert port.breaches() == []


@pytest.mark.long
def test_a_worker_that_is_told_to_stop_finishes_its_job(port: Harbour, house: House) -> None:
    with port.worker("stopping") as crew:
        job_id = sleeping_job(port, house, 2)
        crew.process.terminate()
        crew.process.wait(25)
        job = house.job(job_id)

    assert (job.state, job.attempt) == (JobState.SUCCEEDED, 1), port.logs()
    assert port.breaches() == []


@pytest.mark.long
def test_a_worker_that_cannot_finish_in_time_gives_its_job_up(port: Harbour, house: House) -> None:
    with port.worker("stopping-long") as crew:
        job_id = sleeping_job(port, house, 60)
        crew.process.terminate()
        crew.process.wait(40)
        nap(port.targets["north"], 0)
        with port.worker("stopping-heir"):
            job = eventually(lambda: ended(house, job_id), within_s=AGAIN_S)

    assert job.state is JobState.SUCCEEDED and job.attempt > 1, port.logs()
    assert port.breaches() == []


@pytest.mark.long
def test_with_the_default_lease_a_killed_worker_s_job_runs_again_within_forty_seconds(
    port: Harbour, house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in TIMING:
        if name.endswith("_MS"):
            monkeypatch.delitem(port.environ, name)
    with port.worker("default-lease") as crew, ExitStack() as stack:
        job_id = sleeping_job(port, house, 90)
        # only now: else it may be the heir who has the job
        stack.enter_context(port.worker("default-heir"))
        crew.signal_group(signal.SIGKILL)
        crew.process.wait(5)
        job = eventually(lambda: _started_again(house, job_id), within_s=AGAIN_S)
        fetch(port.targets["north"], f"SELECT pg_terminate_backend(pid) FROM ({ASLEEP}) AS asleep")
        nap(port.targets["north"], 0)
        eventually(lambda: ended(house, job_id), within_s=AGAIN_S)

    assert job.attempt > 1
    assert port.breaches() == []


def _kill(crew: Crew, whom: str, job: Job) -> None:
    match whom:
        case "child":
            # both: which of them has the job is not asked for
            for number in range(len(crew.children)):
                crew.signal_child(number, signal.SIGKILL)
        case "parent":
            crew.signal_parent(signal.SIGKILL)
        case _:
            crew.signal_group(signal.SIGKILL)


def _asked_again(house: House, job_id: JobId) -> Job | None:
    """This process's own connections are broken too."""
    try:
        return ended(house, job_id)
    except Exception:
        return None


def _started_again(house: House, job_id: JobId) -> Job | None:
    job = house.job(job_id)
    return job if (job.state is JobState.RUNNING and job.attempt > 1) or job.state.final else None
