"""The guards that are hardly ever needed: each is made to be needed, and holds."""

import asyncio
import uuid
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import asyncpg
import pytest
from sqlalchemy import text

from app.adapters.control.claims import ControlClaims
from app.adapters.control.database import ControlDatabase
from app.adapters.control.direct import Direct
from app.adapters.target.connection import Patience
from app.adapters.target.records import ensure_ledger
from app.adapters.target.session import PostgresTargetSession
from app.adapters.target.targets import PostgresTargets
from app.domain.claim import ClaimRefusal, ClaimRefused
from app.domain.environment import Dsn, Environment, Protection
from app.domain.errors import BackendUnavailable, EnvironmentProtected
from app.domain.job import Attempt, Ended, JobId, JobKind, JobRequest, JobState, Origin
from app.domain.migration import SqlScript
from app.domain.signals import ConnectionLost, TransactionEnded
from app.domain.step import Plan, step_up
from app.ports import Acquired, Limits, NewJob
from app.services.runner import Sweeper
from tests.domain.literals import sql
from tests.fakes.clock import FakeClock
from tests.fakes.doorbell import RecordingDoorbell
from tests.fakes.idempotency import MemoryIdempotencyKeys
from tests.fakes.jobs import JobStore, MemoryJobs
from tests.fakes.sweep import MemorySweep
from tests.support.house import House, open_house
from tests.support.servers import Servers, execute, fetch, value

pytestmark = pytest.mark.servers

SETTINGS = (
    "lock_timeout",
    "statement_timeout",
    "idle_in_transaction_session_timeout",
    "client_connection_check_interval",
)
DONE = Ended(JobState.SUCCEEDED, "applied", "done")


@pytest.fixture
def house(servers: Servers, folder: Path) -> Iterator[House]:
    with open_house(servers, folder, shortcut=False) as opened:
        yield opened


def test_a_step_runs_under_every_limit_and_a_server_that_looks_for_its_client(house: House) -> None:
    shown = ", ".join(f"current_setting('{name}')" for name in SETTINGS)
    house.write("1_limits.sql", f"-- migrate:up\nCREATE TABLE seen AS SELECT ARRAY[{shown}] AS found;\n")

    assert house.do().state is JobState.SUCCEEDED
    # a dead client's statement would otherwise run on, and commit
    assert value(house.dsn, "SELECT found FROM seen") == ["200ms", "1h", "10min", "1s"]


@pytest.mark.parametrize("ending", ["COMMIT AND CHAIN", "ROLLBACK AND CHAIN"])
def test_a_transaction_that_is_another_one_than_before_the_script_is_noticed(servers: Servers, ending: str) -> None:
    """Such a script is refused when it is read; here it got past that."""
    dsn = servers.new_database()
    step = step_up(sql("sly", "1"))
    step = replace(step, body=SqlScript(f"CREATE TABLE a (); {ending}; CREATE TABLE b ();", "sly.sql"))
    attempt = Attempt(JobId(uuid.uuid4()), 1, JobRequest(JobKind.RUN, "x"), 0, 0, 10, datetime.now(UTC), "worker")

    async def work() -> None:
        async with PostgresTargets(Patience()).open(Environment("x", Dsn(dsn)), attempt) as session:
            assert isinstance(await session.acquire(attempt, uuid.uuid4()), Acquired)
            await session.pin(lambda _: Plan((step,)))
            await session.apply(0, [step], Limits(500, 500, 500, 500))

    with open_house(servers, Path("/nowhere")) as house, pytest.raises(TransactionEnded, match="ended the transaction"):
        house.run_async(work())
    assert fetch(dsn, "SELECT 1 FROM liftlock.migrations") == []


@pytest.mark.parametrize("xid", ["0", "1"])
def test_a_ledger_row_that_goes_with_its_script_is_written_in_the_steps_own_transaction_alone(
    servers: Servers, xid: str
) -> None:
    """Here somebody changes what the step had noted of its transaction, and the row must not be written."""
    dsn = servers.new_database()
    step = step_up(sql("sly", "1", up="CREATE TABLE a ()"))
    attempt = Attempt(JobId(uuid.uuid4()), 1, JobRequest(JobKind.RUN, "x"), 0, 0, 10, datetime.now(UTC), "worker")

    async def work() -> None:
        async with PostgresTargets(Patience()).open(Environment("x", Dsn(dsn)), attempt) as session:
            assert isinstance(await session.acquire(attempt, uuid.uuid4()), Acquired)
            await session.pin(lambda _: Plan((step,)))
            await session.apply(0, [step], Limits(500, 500, 500, 500))

    with open_house(servers, Path("/nowhere")) as house:
        house.run_async(_prepared(dsn))
        execute(dsn, f"ALTER TABLE liftlock.steps ALTER COLUMN xid SET DEFAULT '{xid}'::xid8")
        with pytest.raises(TransactionEnded, match="ended the transaction"):
            house.run_async(work())
    assert fetch(dsn, "SELECT 1 FROM liftlock.migrations") == []
    assert fetch(dsn, "SELECT 1 FROM pg_class WHERE relname = 'a'") == []


def test_a_connection_that_is_lost_before_a_step_has_begun_is_made_anew(servers: Servers) -> None:
    """The server's last words may come between two of ours; the driver then says that it is in another state."""
    dsn = servers.new_database()
    step = step_up(sql("late", "1", up="CREATE TABLE a ()"))
    attempt = Attempt(JobId(uuid.uuid4()), 1, JobRequest(JobKind.RUN, "x"), 0, 0, 10, datetime.now(UTC), "worker")

    async def cut(*_: object) -> None:
        raise asyncpg.InternalClientError("cannot switch to state 11; another operation (2) is in progress")

    async def work() -> None:
        async with PostgresTargets(Patience()).open(Environment("x", Dsn(dsn)), attempt) as session:
            assert isinstance(session, PostgresTargetSession)
            assert isinstance(await session.acquire(attempt, uuid.uuid4()), Acquired)
            await session.pin(lambda _: Plan((step,)))
            before = session.backend_pid
            with pytest.MonkeyPatch.context() as patch, pytest.raises(ConnectionLost):
                patch.setattr(session._fenced.prepared, "call", cut)
                await session.apply(0, [step], Limits(500, 500, 500, 500))
            await session.apply(0, [step], Limits(500, 500, 500, 500))
            assert session.backend_pid != before

    with open_house(servers, Path("/nowhere")) as house:
        house.run_async(work())
    assert value(dsn, "SELECT status FROM liftlock.migrations") == "completed"


def test_after_one_connection_was_lost_none_of_its_age_is_used_again(house: House) -> None:
    """Whoever restarts the control database is heard of by one request, and not by as many as there are connections."""
    slow = Direct(text("SELECT pg_backend_pid() AS pid FROM pg_sleep(0.2)"))

    async def used() -> set[int]:
        answers = await asyncio.gather(*(database.row(slow, {}) for _ in range(5)))
        return {answer["pid"] for answer in answers if answer is not None}

    async def work() -> None:
        before = await used()
        assert len(before) > 2
        with pytest.raises(BackendUnavailable):
            await database.row(Direct(text("SELECT pg_terminate_backend(pg_backend_pid())")), {})
        assert not before & await used()
        await database.close()

    database = ControlDatabase(Dsn(house.dsn))
    house.run_async(work())


def test_two_heads_of_one_queue_are_never_both_taken(house: House) -> None:
    """Only a hand at the queue makes two of them; the unique index lets one through."""
    first, second = (house.submit().job.id for _ in range(2))
    claims = house.services.runner._claims
    assert isinstance(house.run_async(claims.claim(first, "one", 30_000)), Attempt)
    execute(house.dsn, "UPDATE liftlock_control.jobs SET seq = 0 WHERE id = $1", second)

    refused = house.run_async(claims.claim(second, "two", 30_000))

    assert isinstance(refused, ClaimRefused) and refused.why is ClaimRefusal.NOT_HEAD
    assert refused.holder == first


def test_a_job_whose_turn_came_while_it_was_being_parked_is_taken(house: House) -> None:
    first, second = (house.submit().job.id for _ in range(2))
    claims = house.services.runner._claims
    attempt = house.run_async(claims.claim(first, "one", 30_000))
    assert isinstance(attempt, Attempt)
    ending: Attempt = attempt

    class LateClaims(ControlClaims):
        async def _park(self, job_id: JobId) -> bool:
            await self.end(ending, DONE)
            return await super()._park(job_id)

    async def claim() -> object:
        database = ControlDatabase(Dsn(house.dsn))
        try:
            return await LateClaims(database).claim(second, "two", 30_000)
        finally:
            await database.close()

    assert isinstance(house.run_async(claim()), Attempt), "nobody would ring for it again"


def test_a_database_never_gets_a_looser_protection_than_it_has_had(servers: Servers, folder: Path) -> None:
    dsn = servers.new_database()
    strict = Environment("production", Dsn(dsn), protection=Protection.LOCKED)
    for number, environment in enumerate((strict, replace(strict, protection=Protection.OPEN))):
        (folder / f"{number}_one.sql").write_text(f"-- name: n{number}\n-- migrate:up\nSELECT 1;\n")
        with open_house(servers, folder, environments={"production": environment}) as house:
            house.do(environment="production")
            with pytest.raises(EnvironmentProtected, match="locked"):
                house.submit(JobKind.RESET, environment="production")


def test_a_ring_that_did_not_get_out_is_tried_again_in_five_seconds(house: House) -> None:
    clock = FakeClock()
    store = JobStore(clock, MemoryIdempotencyKeys(clock))
    doorbell = RecordingDoorbell()
    sweeper = Sweeper(MemorySweep(store), doorbell)
    job = house.run_async(
        MemoryJobs(store).add(NewJob(JobId(clock.new_id()), JobRequest(JobKind.RUN, "x"), Origin(), "waiting"))
    )
    doorbell.reachable = False
    clock.advance(60)
    house.run_async(sweeper.sweep())

    doorbell.reachable = True
    clock.advance(5.1)
    house.run_async(sweeper.sweep())

    assert doorbell.rung == [job.id]


async def _prepared(dsn: str) -> None:
    """With a ledger, so that a test may meddle with it."""
    connection = await asyncpg.connect(dsn)
    try:
        async with connection.transaction():
            await ensure_ledger(connection)
    finally:
        await connection.close()
