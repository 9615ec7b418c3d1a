"""Redis is only a doorbell: it may be away, forget everything, fall silent or refuse writes, and no job is lost."""

from collections.abc import Iterator, Sequence

import pytest
from redis import Redis

from app.domain.job import JobId, JobKind
from tests.chaos.conftest import FULL
from tests.chaos.harbour import ENVIRONMENTS, Harbour
from tests.chaos.load import nap
from tests.support.eventually import eventually
from tests.support.house import House
from tests.support.servers import fetch, value

pytestmark = [pytest.mark.servers, pytest.mark.stack]

RECOVERED_S = 20
WAITING = 100 if FULL else 20
RUNNING = "SELECT count(*) FROM liftlock_control.jobs WHERE state = 'running'"
OPEN = "SELECT id FROM liftlock_control.jobs WHERE state NOT IN ('succeeded', 'failed')"


@pytest.fixture
def house(port: Harbour) -> Iterator[House]:
    with port.office() as opened:
        yield opened
    port.heal()


def submit(house: House, number: int) -> Sequence[JobId]:
    """Runs and resets in turns, over all targets."""
    asked = []
    for one in range(number):
        kind = JobKind.RUN if one // len(ENVIRONMENTS) % 2 == 0 else JobKind.RESET
        asked.append(house.submit(kind, environment=ENVIRONMENTS[one % len(ENVIRONMENTS)]).job.id)
    return asked


def all_ended(port: Harbour) -> bool:
    return not fetch(port.control_dsn, OPEN)


def redis(port: Harbour) -> "Redis":
    """Past the proxy."""
    return Redis.from_url(port.valkey.url)


def test_jobs_accepted_while_redis_is_stopped_run_when_it_is_back(port: Harbour, house: House) -> None:
    with port.worker("stopped"):
        submit(house, 3)
        eventually(lambda: all_ended(port), within_s=30)
        port.valkey.stop()
        warned = house.submit(JobKind.RESET, environment="north").warnings
        submit(house, 6)
        port.valkey.folder.mkdir(exist_ok=True)
        port.valkey.start()
        eventually(lambda: all_ended(port), within_s=RECOVERED_S)

    assert any("Redis cannot be reached" in warning for warning in warned)
    assert port.breaches() == []


def test_a_queue_of_a_hundred_and_three_running_jobs_outlive_a_flush(port: Harbour, house: House) -> None:
    for dsn in port.targets.values():
        nap(dsn, 2)
    with port.worker("flushed-1"), port.worker("flushed-2"):
        asked = submit(house, WAITING + 3)
        eventually(lambda: value(port.control_dsn, RUNNING) == 3, within_s=30)
        redis(port).flushall()
        for dsn in port.targets.values():
            nap(dsn, 0)
        eventually(lambda: all_ended(port), within_s=120, every_s=0.2)

    assert len(asked) == WAITING + 3
    assert port.breaches() == []


@pytest.mark.parametrize(
    "fault", [*(pytest.param(one, marks=pytest.mark.long) for one in ("frozen", "dropped", "killed")), "readonly"]
)
def test_a_worker_finds_back_to_redis_by_itself(port: Harbour, house: House, fault: str) -> None:
    with port.worker(fault):
        submit(house, 3)
        eventually(lambda: all_ended(port), within_s=30)
        _disturb(port, fault)
        submit(house, 6)
        eventually(lambda: all_ended(port), within_s=RECOVERED_S)

    assert port.breaches() == []


def _disturb(port: Harbour, fault: str) -> None:
    """Each is over when this returns: what is left of it is in the worker's connections."""
    match fault:
        case "frozen":
            port.redis_proxy.freeze_connections()
        case "dropped":
            port.redis_proxy.drop_connections()
        case "killed":
            redis(port).client_kill_filter(_type="normal", skipme=True)
        case "readonly":
            redis(port).replicaof("127.0.0.1", 1)
            redis(port).client_kill_filter(_type="normal", skipme=True)
            eventually(lambda: int(redis(port).info("clients")["connected_clients"]) > 1)
            redis(port).replicaof("NO", "ONE")
