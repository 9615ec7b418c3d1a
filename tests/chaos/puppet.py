"""A worker moved by hand, one exchange of the protocol at a time: so that a late one can be made to come late."""

from collections.abc import Awaitable, Callable
from enum import StrEnum
from typing import Any
from uuid import UUID, uuid4

from app.adapters.control.claims import ControlClaims
from app.adapters.control.database import ControlDatabase
from app.adapters.control.sweep import ControlSweep
from app.adapters.target.connection import Patience
from app.adapters.target.session import PostgresTargetSession
from app.domain.environment import Environment
from app.domain.errors import BackendUnavailable, Refusal
from app.domain.failure import Failure, FailureCode
from app.domain.job import Attempt, Ended, JobId, JobState
from app.domain.migration import Catalog
from app.domain.pinned import bind
from app.domain.promotion import Surroundings
from app.domain.signals import ConnectionLost, Fenced, StepFailed
from app.domain.step import Step
from app.ports import Acquired, DoneBefore, Limits
from app.services.outcomes import ended_badly, refused
from app.services.planning import plan_job
from tests.domain.literals import NOON

TTL_MS = 600_000
PATIENCE = Patience(fence_ms=200)
LIMITS = Limits(200, 500, 10_000, 10_000)


class Phase(StrEnum):
    IDLE = "idle"
    CLAIMED = "claimed"
    ACQUIRED = "acquired"
    STARTED = "started"
    PINNED = "pinned"
    DONE = "done"
    FINISHED = "finished"


class Control:
    """The statements of the control database, on connections of their own."""

    def __init__(self, database: ControlDatabase) -> None:
        self.claims = ControlClaims(database)
        self.sweep = ControlSweep(database)


class Puppet:
    """Call `advance` again and again and it does a job as a worker does; leave it alone and it is a zombie."""

    def __init__(self, name: str, control: Control, environments: dict[str, Environment], catalog: Catalog) -> None:
        self.name = name
        self.phase = Phase.IDLE
        self.attempt: Attempt | None = None
        self._control, self._environments, self._catalog = control, environments, catalog
        self._nonce = UUID(int=0)
        self._session: PostgresTargetSession | None = None
        self._epoch, self._at = 0, 0
        self._steps: tuple[Step, ...] = ()
        self._outcome: Ended | None = None

    async def claim(self, job_id: JobId) -> bool:
        claimed = await self._control.claims.claim(job_id, self.name, TTL_MS)
        if not isinstance(claimed, Attempt):
            return False
        self.attempt, self.phase, self._nonce = claimed, Phase.CLAIMED, uuid4()
        return True

    async def beat(self) -> bool:
        assert self.attempt is not None
        return await self._control.claims.beat(self.attempt, TTL_MS)

    async def advance(self) -> None:
        """One exchange. What a worker would give the job back for ends this puppet's work on it."""
        moves: dict[Phase, Callable[[], Awaitable[Phase]]] = {
            Phase.CLAIMED: self._acquire,
            Phase.ACQUIRED: self._start,
            Phase.STARTED: self._pin,
            Phase.PINNED: self._step,
            Phase.DONE: self._finish,
            Phase.FINISHED: self._end,
        }
        try:
            self.phase = await moves[self.phase]()
        except StepFailed as failed:
            self.phase, self._outcome = Phase.DONE, ended_badly(failed.failure)
        except (Fenced, ConnectionLost, BackendUnavailable):
            await self.die()

    def give_up(self) -> None:
        """As after a step that failed for good."""
        failure = Failure(FailureCode.LOCK_TIMEOUT, "gave up")
        self.phase, self._outcome = Phase.DONE, ended_badly(failure)

    def before_acting(self, first: Callable[[], Awaitable[None]]) -> None:
        """In the next step's transaction, between its first message and its work, `first` happens."""
        assert self._session is not None
        session, act = self._session, self._session._apply_one

        async def late(*args: Any) -> None:
            session._apply_one = act  # type: ignore[method-assign]
            await first()
            await act(*args)

        session._apply_one = late  # type: ignore[method-assign, assignment]

    def lose_connection(self) -> None:
        if self._session is not None:
            self._session._fenced.terminate()

    async def die(self) -> None:
        self.lose_connection()
        self._session, self.attempt, self.phase = None, None, Phase.IDLE

    @property
    def target(self) -> str | None:
        return self.attempt.request.environment if self.attempt else None

    async def _acquire(self) -> Phase:
        assert self.attempt is not None
        self._session = PostgresTargetSession(self._environment, self.attempt, PATIENCE)
        await self._session.open()
        match await self._session.acquire(self.attempt, self._nonce):
            case Acquired(epoch):
                self._epoch = epoch
                return Phase.ACQUIRED
            case DoneBefore(outcome):
                self._outcome = outcome
                return Phase.FINISHED
        raise Fenced("busy")

    async def _start(self) -> Phase:
        assert self.attempt is not None
        if await self._control.claims.started(self.attempt, self._epoch) is None:
            raise Fenced("over")
        return Phase.STARTED

    async def _pin(self) -> Phase:
        assert self.attempt is not None and self._session is not None
        attempt, environment = self.attempt, self._environment
        try:
            pinned, history = await self._session.pin(
                lambda view: plan_job(attempt.request, environment, self._catalog, view, Surroundings(NOON))
            )
            self._steps = bind(pinned, self._catalog, history, attempt.job_id)
        except Refusal as refusal:
            self._outcome = refused(refusal, attempt)
            return Phase.DONE
        self._at = 0
        self._outcome = Ended(JobState.SUCCEEDED, "applied", "by hand")
        return Phase.PINNED if self._steps else Phase.DONE

    async def _step(self) -> Phase:
        assert self._session is not None
        try:
            await self._session.apply(self._at, [self._steps[self._at]], LIMITS)
        except ConnectionLost:
            # as a worker does: again, and `steps` knows
            return Phase.PINNED
        self._at += 1
        return Phase.PINNED if self._at < len(self._steps) else Phase.DONE

    async def _finish(self) -> Phase:
        assert self._session is not None and self._outcome is not None
        await self._session.finish(self._outcome)
        return Phase.FINISHED

    async def _end(self) -> Phase:
        assert self.attempt is not None and self._outcome is not None and self._session is not None
        await self._control.claims.end(self.attempt, self._outcome)
        await self._session.close()
        self._session, self.attempt = None, None
        return Phase.IDLE

    @property
    def _environment(self) -> Environment:
        assert self.attempt is not None
        return self._environments[self.attempt.request.environment]
