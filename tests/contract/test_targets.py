"""TargetSession: the fence and the steps, in memory and in PostgreSQL."""

import uuid
from collections.abc import Awaitable, Callable, Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, TypeVar

import pytest

from app.adapters.target.connection import Patience
from app.adapters.target.targets import PostgresTargets
from app.domain.environment import Dsn, Environment, Protection
from app.domain.errors import ConflictsOpen
from app.domain.failure import Failure, FailureCode
from app.domain.job import Attempt, Ended, JobId, JobKind, JobRequest, JobState
from app.domain.ledger import LedgerEntry, Status
from app.domain.mark import step_accepted, step_marked, step_marked_back
from app.domain.signals import ConnectionLost, Fenced, StepFailed
from app.domain.step import Plan, Step, step_up
from app.domain.undo import undo_of
from app.portal import Portal
from app.ports import Acquired, DoneBefore, FenceBusy, Limits, Targets, TargetSession, TargetView
from tests.domain.literals import sql
from tests.fakes.targets import MemoryTargets
from tests.support.servers import Servers, execute

T = TypeVar("T")

LIMITS = Limits(500, 500, 5_000, 5_000)
DONE = Ended(JobState.SUCCEEDED, "applied", "done")
A, B = (step_up(sql(name, number, up="SELECT 1", down="SELECT 2")) for name, number in (("a", "1"), ("b", "2")))
FAILURE = Failure(FailureCode.SQL_ERROR, "it broke", migration="b", direction="up", file="b.sql", line=1)
JOB, OTHER_JOB = (JobId(uuid.UUID(int=number)) for number in (1, 2))


@dataclass
class Site:
    targets: Targets
    environment: Environment
    portal: Portal

    def with_session(self, work: Callable[[TargetSession], Awaitable[T]], attempt: Attempt) -> T:
        async def inside() -> T:
            async with self.targets.open(self.environment, attempt) as session:
                return await work(session)

        return self.portal.run(inside())

    def view(self) -> TargetView:
        return self.portal.run(_awaited(self.targets.read(self.environment)))


async def _awaited(work: Awaitable[T]) -> T:
    return await work


@pytest.fixture(params=["memory", pytest.param("postgresql", marks=pytest.mark.servers)])
def site(request: pytest.FixtureRequest) -> Iterator[Site]:
    portal = Portal("targets")
    if request.param == "memory":
        yield Site(MemoryTargets(), Environment("development", Dsn("")), portal)
    else:
        targets = PostgresTargets(Patience(fence_ms=300))
        portal.on_close(targets.close)
        dsn = Dsn(request.getfixturevalue("servers").new_database())
        yield Site(targets, Environment("development", dsn), portal)
    portal.close()


def attempt(number: int = 1, job_id: JobId = JOB, floor_epoch: int = 0) -> Attempt:
    return Attempt(
        job_id=job_id,
        number=number,
        request=JobRequest(JobKind.RUN, "development"),
        floor_epoch=floor_epoch,
        starts=0,
        max_starts=10,
        queued_since=datetime(2026, 1, 1, tzinfo=UTC),
        owner="worker",
    )


async def acquired(session: TargetSession, one: Attempt) -> int:
    answer = await session.acquire(one, uuid.uuid4())
    assert isinstance(answer, Acquired), answer
    return answer.epoch


async def pinned(session: TargetSession, *steps: Step) -> None:
    await session.pin(lambda _: Plan(steps))


def test_a_target_without_a_ledger_has_an_empty_history(site: Site) -> None:
    view = site.view()

    assert (view.history.entries, view.environment, view.protection) == ((), None, None)


def test_a_step_and_its_row_are_there_together(site: Site) -> None:
    async def work(session: TargetSession) -> None:
        await acquired(session, attempt())
        await pinned(session, A)
        await session.apply(0, [A], LIMITS)
        await session.finish(DONE)

    site.with_session(work, attempt())

    (entry,) = site.view().history.applied
    assert (entry.name, entry.version, entry.status, entry.job_id) == ("a", "1", Status.COMPLETED, JOB)
    assert (entry.checksum, entry.down) == (A.checksum.raw, "SELECT 2")
    assert (site.view().environment, site.view().protection) == ("development", Protection.OPEN)


def test_epochs_only_grow_and_start_above_what_is_known(site: Site) -> None:
    async def work(session: TargetSession) -> int:
        return await acquired(session, attempt(floor_epoch=41))

    first = site.with_session(work, attempt())

    async def again(session: TargetSession) -> int:
        return await acquired(session, attempt(2))

    assert first == 42
    assert site.with_session(again, attempt(2)) > first


def test_a_target_is_held_until_its_job_has_ended(site: Site) -> None:
    async def first(session: TargetSession) -> None:
        await acquired(session, attempt())

    async def second(session: TargetSession) -> Any:
        return await session.acquire(attempt(job_id=OTHER_JOB), uuid.uuid4())

    site.with_session(first, attempt())
    busy = site.with_session(second, attempt(job_id=OTHER_JOB))
    assert isinstance(busy, FenceBusy) and (busy.job_id, busy.attempt) == (JOB, 1)

    async def newer(session: TargetSession) -> None:
        await acquired(session, attempt(2))
        await session.finish(DONE)

    site.with_session(newer, attempt(2))
    assert isinstance(site.with_session(second, attempt(job_id=OTHER_JOB)), Acquired)


def test_the_same_attempt_cannot_take_the_fence_twice(site: Site) -> None:
    async def twice(session: TargetSession) -> Any:
        await acquired(session, attempt())
        return await session.acquire(attempt(), uuid.uuid4())

    assert isinstance(site.with_session(twice, attempt()), FenceBusy)


def test_a_job_that_ended_in_an_earlier_attempt_is_told_how_and_leaves_the_target_free(site: Site) -> None:
    async def ends(session: TargetSession) -> None:
        await acquired(session, attempt())
        await session.finish(DONE)

    async def comes_again(session: TargetSession) -> Any:
        return await session.acquire(attempt(2), uuid.uuid4())

    async def another(session: TargetSession) -> Any:
        return await session.acquire(attempt(job_id=OTHER_JOB), uuid.uuid4())

    site.with_session(ends, attempt())
    assert site.with_session(comes_again, attempt(2)) == DoneBefore(DONE)
    assert isinstance(site.with_session(another, attempt(job_id=OTHER_JOB)), Acquired)


def test_the_plan_is_pinned_once(site: Site) -> None:
    async def pins(session: TargetSession) -> list[str]:
        await acquired(session, attempt())
        await pinned(session, A)
        stored, _ = await session.pin(lambda _: Plan((A, B)))
        return [step.name for step in stored.steps]

    async def goes_on(session: TargetSession) -> list[str]:
        await acquired(session, attempt(2))
        stored, _ = await session.pin(lambda _: Plan((B,)))
        return [step.name for step in stored.steps]

    assert site.with_session(pins, attempt()) == ["a"]
    assert site.with_session(goes_on, attempt(2)) == ["a"]


def test_a_refused_plan_pins_nothing(site: Site) -> None:
    def refuse(_: TargetView) -> Plan:
        raise ConflictsOpen("no", ())

    async def refused_then_planned(session: TargetSession) -> list[str]:
        await acquired(session, attempt())
        with pytest.raises(ConflictsOpen):
            await session.pin(refuse)
        stored, _ = await session.pin(lambda _: Plan((B,)))
        return [step.name for step in stored.steps]

    assert site.with_session(refused_then_planned, attempt()) == ["b"]


def test_a_step_is_applied_once_however_often_it_is_asked(site: Site) -> None:
    async def work(session: TargetSession) -> None:
        await acquired(session, attempt())
        await pinned(session, A)
        await session.apply(0, [A], LIMITS)
        await session.apply(0, [A], LIMITS)

    async def next_attempt(session: TargetSession) -> None:
        await acquired(session, attempt(2))
        await session.apply(0, [A, B], LIMITS)

    site.with_session(work, attempt())
    position = site.view().history.applied[0].position
    site.with_session(next_attempt, attempt(2))

    history = site.view().history
    assert [entry.name for entry in history.applied] == ["a", "b"]
    assert history.applied[0].position == position


def test_whoever_was_superseded_writes_nothing_more(site: Site) -> None:
    async def overtaken() -> None:
        async with AsyncExitStack() as stack:
            older = await stack.enter_async_context(site.targets.open(site.environment, attempt()))
            await acquired(older, attempt())
            await pinned(older, A)
            newer = await stack.enter_async_context(site.targets.open(site.environment, attempt(2)))
            await acquired(newer, attempt(2))
            for late in (
                older.apply(0, [A], LIMITS),
                older.record_failure(0, A, FAILURE, ()),
                older.finish(DONE),
                older.pin(lambda _: Plan()),
            ):
                with pytest.raises(Fenced):
                    await late

    site.portal.run(overtaken())

    assert site.view().history.entries == ()


def test_a_failure_is_recorded_with_the_way_back(site: Site) -> None:
    async def work(session: TargetSession) -> list[tuple[str, str]]:
        await acquired(session, attempt())
        await pinned(session, A, B)
        await session.apply(0, [A], LIMITS)
        await session.record_failure(1, B, FAILURE, undo_of([A]))
        await session.record_failure(1, B, FAILURE, ())
        stored, _ = await session.pin(lambda _: Plan())
        assert (stored.failure, stored.failed_ordinal) == (FAILURE, 1)
        return [(step.name, step.direction.value) for step in stored.steps]

    assert site.with_session(work, attempt()) == [("a", "up"), ("b", "up"), ("a", "down")]
    entry = site.view().history.by_name["b"]
    assert (entry.status, entry.error_message) == (Status.FAILED, FAILURE.summary())


def test_a_step_taken_back_is_rolled_back_in_the_ledger(site: Site) -> None:
    (undo,) = undo_of([A])

    async def work(session: TargetSession) -> None:
        await acquired(session, attempt())
        await pinned(session, A)
        await session.apply(0, [A], LIMITS)
        await session.apply(1, [undo], LIMITS)

    site.with_session(work, attempt())

    entry = site.view().history.by_name["a"]
    assert entry.status is Status.ROLLED_BACK and entry.rolled_back_at is not None
    assert site.view().history.applied == ()


def test_a_marked_step_is_recorded_and_its_script_is_not_run(site: Site) -> None:
    broken = step_marked(sql("a", "1", up="SELECT no_such_column", down="SELECT 2"))

    async def work(session: TargetSession) -> None:
        await acquired(session, attempt())
        await pinned(session, broken)
        await session.apply(0, [broken], LIMITS)
        await session.apply(0, [broken], LIMITS)

    site.with_session(work, attempt())

    (entry,) = site.view().history.applied
    assert (entry.checksum, entry.down, entry.job_id) == (broken.checksum.raw, "SELECT 2", JOB)
    assert entry.applied_at is not None


def test_a_step_marked_back_is_rolled_back_in_the_ledger_and_nothing_is_run(site: Site) -> None:
    broken = step_up(sql("a", "1", up="SELECT 1", down="SELECT no_such_column"))

    async def work(session: TargetSession) -> None:
        await acquired(session, attempt())
        await pinned(session, broken)
        await session.apply(0, [broken], LIMITS)
        await session.apply(1, [step_marked_back(site_entry(await site.targets.read(site.environment)))], LIMITS)

    site.with_session(work, attempt())

    assert site.view().history.by_name["a"].status is Status.ROLLED_BACK


def test_an_accepted_file_takes_over_the_checksum_and_keeps_its_place(site: Site) -> None:
    changed = sql("a", "1", up="SELECT 'changed'", down="SELECT 'other way'")

    async def work(session: TargetSession) -> None:
        await acquired(session, attempt())
        await pinned(session, A, B)
        await session.apply(0, [A], LIMITS)
        await session.apply(1, [B], LIMITS)
        await session.apply(2, [step_accepted(changed, A.checksum.raw)], LIMITS)

    site.with_session(work, attempt())

    first, second = site.view().history.applied
    assert (first.name, second.name) == ("a", "b")
    assert (first.checksum, first.token_checksum) == (changed.checksum.raw, changed.checksum.token)
    assert first.down == "SELECT 'other way'"


def test_a_file_is_accepted_only_in_the_place_of_the_one_that_was_seen(site: Site) -> None:
    async def work(session: TargetSession) -> None:
        await acquired(session, attempt())
        await pinned(session, A)
        await session.apply(0, [A], LIMITS)
        with pytest.raises(StepFailed):
            await session.apply(1, [step_accepted(sql("a", "1", up="SELECT 3"), b"another")], LIMITS)

    site.with_session(work, attempt())

    assert site.view().history.by_name["a"].checksum == A.checksum.raw


def test_a_mark_that_fails_leaves_the_ledger_as_it_was(site: Site) -> None:
    marked = step_marked(sql("a", "1"))

    async def work(session: TargetSession) -> None:
        await acquired(session, attempt())
        await pinned(session, marked)
        await session.record_failure(0, marked, FAILURE, ())

    site.with_session(work, attempt())

    assert site.view().history.entries == ()


def test_a_released_target_is_free_and_whoever_held_it_writes_nothing_more(site: Site) -> None:
    released = Ended(JobState.NEEDS_ATTENTION, "released", "by hand")

    async def stranded(session: TargetSession) -> None:
        await acquired(session, attempt())
        await pinned(session, A)
        await site.targets.release(site.environment, JOB, released)
        with pytest.raises((Fenced, ConnectionLost)):
            await session.apply(0, [A], LIMITS)
        with pytest.raises(Fenced):
            await session.apply(0, [A], LIMITS)

    async def another(session: TargetSession) -> Any:
        answer = await session.acquire(attempt(job_id=OTHER_JOB), uuid.uuid4())
        await session.finish(DONE)
        return answer

    async def back(session: TargetSession) -> Any:
        return await session.acquire(attempt(2), uuid.uuid4())

    site.with_session(stranded, attempt())

    assert isinstance(site.with_session(another, attempt(job_id=OTHER_JOB)), Acquired)
    assert site.with_session(back, attempt(2)) == DoneBefore(released)


def test_a_target_is_not_released_from_another_job_than_the_one_that_is_meant(site: Site) -> None:
    async def holding(session: TargetSession) -> None:
        await acquired(session, attempt())
        await pinned(session, A)
        await site.targets.release(site.environment, OTHER_JOB, DONE)
        await session.apply(0, [A], LIMITS)

    site.with_session(holding, attempt())

    assert [entry.name for entry in site.view().history.applied] == ["a"]


def site_entry(view: TargetView) -> LedgerEntry:
    (entry,) = view.history.applied
    return entry


@pytest.mark.servers
def test_a_ledger_that_somebody_has_changed_by_hand_stops_the_step(request: pytest.FixtureRequest) -> None:
    dsn = request.getfixturevalue("servers").new_database()
    portal, targets = Portal("targets"), PostgresTargets(Patience())
    site = Site(targets, Environment("development", Dsn(dsn)), portal)

    async def work(session: TargetSession) -> None:
        await acquired(session, attempt())
        await session.apply(0, [A], LIMITS)

    async def again(session: TargetSession) -> None:
        await acquired(session, attempt(2))
        await session.apply(1, [A], LIMITS)

    site.with_session(work, attempt())
    with pytest.raises(StepFailed, match="not what was planned"):
        site.with_session(again, attempt(2))
    portal.close()


@pytest.mark.servers
def test_questions_stay_prepared_and_survive_a_ledger_that_is_made_anew(servers: Servers) -> None:
    dsn = Dsn(servers.new_database())
    targets = PostgresTargets(Patience())
    portal = Portal("targets")
    portal.on_close(targets.close)
    site = Site(targets, Environment("development", dsn), portal)

    async def applied(session: TargetSession) -> None:
        await acquired(session, attempt())
        await pinned(session, A)
        await session.apply(0, [A], LIMITS)
        await session.finish(DONE)

    try:
        for _ in range(2):
            site.with_session(applied, attempt())
            for _ in range(7):  # a plan for all values comes after the fifth time
                assert [one.name for one in site.view().history.entries] == ["a"]
            execute(dsn.secret, "DROP SCHEMA liftlock CASCADE")
            assert site.view().history.entries == ()
    finally:
        portal.close()
