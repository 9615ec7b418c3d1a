"""Hypothesis moves four workers over two targets in any order; what the model promised holds on a real PostgreSQL."""

import asyncio
import os
import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from functools import partial
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from app import failpoints
from app.domain.job import JobId, JobKind
from app.failpoints import Action, Failpoint
from tests.chaos.puppet import Phase as Step
from tests.chaos.puppet import Puppet
from tests.chaos.stage import TARGETS, Stage, staged
from tests.support.servers import Servers

pytestmark = pytest.mark.servers

FULL = os.environ.get("LIFTLOCK_CHAOS") == "full"
WORKERS = 4
MOST_JOBS = 8
numbers = st.integers(0, 1_000)
asked = st.tuples(st.sampled_from((JobKind.RUN, JobKind.ROLLBACK, JobKind.RESET)), st.sampled_from(TARGETS))


@pytest.fixture(scope="module")
def stage(servers: Servers, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    with staged(servers, tmp_path_factory.mktemp("machine")) as opened:
        yield opened


class Machine(RuleBasedStateMachine):
    """Rules pick by number from what there is; a worker whose job was taken from it goes on, knowing nothing."""

    def __init__(self, stage: Stage) -> None:
        super().__init__()
        self.stage = stage
        self.workers = [stage.puppet(f"w{number}") for number in range(WORKERS)]
        self.hung: dict[Puppet, tuple[asyncio.Event, Future[None]]] = {}

    @property
    def busy(self) -> list[Puppet]:
        return [one for one in self.workers if one.attempt is not None and one not in self.hung]

    @initialize(rest=st.lists(asked, min_size=2, max_size=4))
    def submit_some(self, rest: list[tuple[JobKind, str]]) -> None:
        self.stage.clear()
        for kind, environment in [(JobKind.RUN, one) for one in TARGETS] + rest:
            self.stage.submit(kind, environment)

    @precondition(lambda self: len(self.stage.jobs()) < MOST_JOBS)
    @rule(one=asked)
    def submit(self, one: tuple[JobKind, str]) -> None:
        self.stage.submit(*one)

    @rule(worker=numbers, moves=st.integers(1, 8))
    def work(self, worker: int, moves: int) -> None:
        """An idle one takes the next job there is; each goes on with what it has."""
        free = [one for one in self.workers if one not in self.hung]
        if not free:
            return
        one = free[worker % len(free)]
        queued = [row for row in self.stage.jobs() if row["state"] == "queued"]
        if one.attempt is None and queued:
            self.stage.run(one.claim(JobId(queued[worker % len(queued)]["id"])))
        self.stage.advance(one, moves)

    @rule(worker=numbers, job=numbers)
    def claim(self, worker: int, job: int) -> None:
        """Any job: also one that is not its turn, that runs already, that has ended."""
        idle = [one for one in self.workers if one.attempt is None]
        jobs = self.stage.jobs()
        if idle and jobs:
            self.stage.run(idle[worker % len(idle)].claim(JobId(jobs[job % len(jobs)]["id"])))

    @precondition(lambda self: self.busy)
    @rule(worker=numbers, moves=st.integers(1, 8))
    def advance(self, worker: int, moves: int) -> None:
        self.stage.advance(self.busy[worker % len(self.busy)], moves)

    @precondition(lambda self: any(one.phase is Step.PINNED for one in self.busy))
    @rule(worker=numbers)
    def hang_in_a_step(self, worker: int) -> None:
        """Its transaction is open and holds the fence's row: whoever comes must wait, or end it."""
        able = [one for one in self.busy if one.phase is Step.PINNED]
        hanging, event = able[worker % len(able)], asyncio.Event()
        hanging.before_acting(lambda: _heard(event))
        self.hung[hanging] = event, self.stage.house.services.portal.start(hanging.advance()).ended

    @precondition(lambda self: self.hung)
    @rule(worker=numbers)
    def wake(self, worker: int) -> None:
        """It finds its transaction as it left it, or ended by another."""
        self._wake(list(self.hung)[worker % len(self.hung)])

    @precondition(lambda self: self.busy)
    @rule(worker=numbers)
    def beat(self, worker: int) -> None:
        """True for the attempt that has the job, false for every older one."""
        beating = self.busy[worker % len(self.busy)]
        attempt = beating.attempt
        assert attempt is not None
        (row,) = (row for row in self.stage.jobs() if row["id"] == attempt.job_id)
        ours = row["state"] == "running" and row["attempt"] == attempt.number
        assert self.stage.run(beating.beat()) is ours

    @precondition(lambda self: any(row["state"] == "running" for row in self.stage.jobs()))
    @rule(job=numbers)
    def lapse(self, job: int) -> None:
        """Its worker is a zombie from here on."""
        running = [row for row in self.stage.jobs() if row["state"] == "running"]
        self.stage.rescue(JobId(running[job % len(running)]["id"]))

    @precondition(lambda self: any(row["state"] == "running" for row in self.stage.jobs()))
    @rule(job=numbers, worker=numbers, moves=st.integers(1, 8))
    def take_over(self, job: int, worker: int, moves: int) -> None:
        """Another has it at once; the one that had it has not noticed."""
        running = [row for row in self.stage.jobs() if row["state"] == "running"]
        idle = [one for one in self.workers if one.attempt is None]
        if idle:
            taken, heir = JobId(running[job % len(running)]["id"]), idle[worker % len(idle)]
            self.stage.rescue(taken)
            self.stage.run(heir.claim(taken))
            self.stage.advance(heir, moves)

    @precondition(lambda self: self.busy or self.hung)
    @rule(worker=numbers)
    def die(self, worker: int) -> None:
        having = [one for one in self.workers if one.attempt is not None]
        self._die(having[worker % len(having)])

    @precondition(lambda self: self.busy)
    @rule(worker=numbers)
    def lose_connection(self, worker: int) -> None:
        self.stage.run(_soon(self.busy[worker % len(self.busy)].lose_connection))

    @precondition(lambda self: self.busy)
    @rule(worker=numbers, at=st.integers(1, 3))
    def lose_a_reply_to_commit(self, worker: int, at: int) -> None:
        with tempfile.TemporaryDirectory() as markers:
            failpoints.arm((Failpoint("commit.answered", Action.DROP, at),), Path(markers))
            try:
                self.stage.advance(self.busy[worker % len(self.busy)], 4)
            finally:
                failpoints.arm((), Path(markers))

    @invariant()
    def nothing_is_seen_that_may_not_be(self) -> None:
        assert self.stage.breaches(*TARGETS) == []

    def teardown(self) -> None:
        for worker in self.workers:
            self._die(worker)
        self.stage.finish_everything()
        assert self.stage.breaches_at_the_end() == []

    def _die(self, worker: Puppet) -> None:
        self.stage.run(_soon(worker.lose_connection))
        if worker in self.hung:
            self._wake(worker)
        self.stage.run(worker.die())

    def _wake(self, worker: Puppet) -> None:
        event, advancing = self.hung.pop(worker)
        self.stage.run(_soon(event.set))
        advancing.result(20)


async def _heard(event: asyncio.Event) -> None:
    await event.wait()


async def _soon(act: Callable[[], None]) -> None:
    act()


def test_no_order_of_moves_breaks_what_was_promised(stage: Stage) -> None:
    run_state_machine_as_test(
        partial(Machine, stage),  # type: ignore[arg-type]
        settings=settings(
            max_examples=60 if FULL else 5,
            stateful_step_count=40 if FULL else 25,
            deadline=None,
            derandomize=not FULL,
            database=None,
            phases=(Phase.generate, Phase.shrink),
            suppress_health_check=list(HealthCheck),
        ),
    )
    assert stage.observer.breaches == []
