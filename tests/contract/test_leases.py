"""Leases: polite and forgetful, whether kept in memory, in a faked Redis or in a real Valkey."""

import uuid
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime

import fakeredis
import pytest
from redis import Redis as SyncRedis

from app.adapters.lease import RedisLeases, connect_redis
from app.domain.job import Attempt, JobId, JobKind, JobRequest
from app.portal import Portal
from app.ports import Held, HeldElsewhere, Leases
from tests.fakes.clock import FakeClock
from tests.fakes.leases import MemoryLeases

TTL_MS = 30_000


@dataclass
class Desk:
    leases: Leases
    portal: Portal


@pytest.fixture(params=["memory", "fakeredis", pytest.param("valkey", marks=pytest.mark.servers)])
def desk(request: pytest.FixtureRequest) -> Iterator[Desk]:
    portal = Portal("leases")
    match request.param:
        case "memory":
            yield Desk(MemoryLeases(FakeClock(), TTL_MS), portal)
        case "fakeredis":
            yield Desk(RedisLeases(fakeredis.FakeAsyncRedis(decode_responses=True), TTL_MS), portal)
        case _:
            url = request.getfixturevalue("servers").valkey.url
            SyncRedis.from_url(url).flushall()
            redis = connect_redis(url)
            leases = RedisLeases(redis, TTL_MS)
            portal.on_close(leases.close)
            yield Desk(leases, portal)
    portal.close()


def attempt(number: int = 1, job: int = 1) -> Attempt:
    return Attempt(
        job_id=JobId(uuid.UUID(int=job)),
        number=number,
        request=JobRequest(JobKind.RUN, "development"),
        floor_epoch=0,
        starts=0,
        max_starts=10,
        queued_since=datetime(2026, 1, 1, tzinfo=UTC),
        owner="worker",
    )


def holding(desk: Desk, first: Attempt, second: Attempt) -> tuple[Held | HeldElsewhere, Held | HeldElsewhere]:
    """What `first` and, while it holds on, `second` are told."""

    async def both() -> tuple[Held | HeldElsewhere, Held | HeldElsewhere]:
        async with (
            desk.leases.hold("development", first, uuid.uuid4()) as one,
            desk.leases.hold("development", second, uuid.uuid4()) as other,
        ):
            return one, other

    return desk.portal.run(both())


def test_one_job_holds_a_target_and_the_other_is_told_who_and_for_how_long(desk: Desk) -> None:
    first, second = holding(desk, attempt(), attempt(job=2))

    assert first == Held()
    assert isinstance(second, HeldElsewhere)
    assert (second.job_id, second.attempt) == (str(attempt().job_id), 1)
    assert 0 < second.ttl_ms <= TTL_MS


def test_a_newer_attempt_of_the_same_job_takes_over_at_once_and_an_older_one_does_not(desk: Desk) -> None:
    assert holding(desk, attempt(1), attempt(2)) == (Held(), Held())

    newer, older = holding(desk, attempt(4), attempt(3))
    assert newer == Held() and isinstance(older, HeldElsewhere)


def test_a_lease_is_free_after_its_bracket(desk: Desk) -> None:
    holding(desk, attempt(), attempt())

    assert holding(desk, attempt(job=3), attempt(job=4))[0] == Held()


def test_who_does_not_hold_the_lease_cannot_free_it(desk: Desk) -> None:
    async def three() -> object:
        async with desk.leases.hold("development", attempt(), uuid.uuid4()):
            async with desk.leases.hold("development", attempt(job=2), uuid.uuid4()):
                pass
            async with desk.leases.hold("development", attempt(job=3), uuid.uuid4()) as third:
                return third

    assert isinstance(desk.portal.run(three()), HeldElsewhere)


def test_a_lease_is_renewed_by_its_holder_only(desk: Desk) -> None:
    nonce = uuid.uuid4()

    async def renew() -> tuple[bool, bool]:
        async with desk.leases.hold("development", attempt(), nonce):
            return (
                await desk.leases.renew("development", attempt(), nonce),
                await desk.leases.renew("development", replace(attempt(), number=2), uuid.uuid4()),
            )

    assert desk.portal.run(renew()) == (True, False)


def test_redis_away_means_go_on(desk: Desk) -> None:
    away = RedisLeases(connect_redis("redis://127.0.0.1:1/0"), TTL_MS)

    async def hold() -> tuple[object, bool]:
        async with away.hold("development", attempt(), uuid.uuid4()) as held:
            return held, await away.renew("development", attempt(), uuid.uuid4())

    assert desk.portal.run(hold()) == (Held(reachable=False), True)
