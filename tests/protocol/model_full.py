"""The whole protocol as a model: claims with attempt numbers, a sticky job, and the marker `job_done`.

Three workers and one job of one step. The control row is claimed by a number that only grows; F1 takes the
fence row of the target for a newer attempt of the sticky job; F3 writes the marker and frees the fence;
only then is the control row ended. A first attempt may find that there is nothing to do and end the control row
at once. A worker may die at any moment and never comes back.
"""

from collections.abc import Iterator
from enum import StrEnum
from typing import NamedTuple

from tests.protocol.explorer import Move

WORKERS = 3
STEPS = 1
NOBODY = -1


class Variant(StrEnum):
    """The protocol, and orders of the same statements that do not keep it."""

    PROTOCOL = "job_done is read in the transaction of F1, and only a first attempt ends without F1"
    GLANCE_OF_ANY = "any attempt that finds nothing to do ends without F1"
    DONE_CHECK_BEFORE_F1 = "job_done is read before F1"
    CONTROL_ROW_FIRST = "the control row is ended before F3"
    NO_ATTEMPT = "F1 does not compare attempts"


class At(StrEnum):
    """Where a worker is; `LOOKING` is before the target is asked, `ENTERING` before F1."""

    IDLE = "idle"
    LOOKING = "looking"
    ENTERING = "entering"
    OWNER = "owner"
    IN_TRANSACTION = "in transaction"
    ENDING = "ending"
    IDLING = "idling"
    DEAD = "dead"


class Worker(NamedTuple):
    at: At = At.IDLE
    attempt: int = 0
    nonce: int = 0
    step: int = 0


class Fence(NamedTuple):
    """The fence row: `sticky` while a job has started and not ended."""

    holder: int = 0
    sticky: bool = False
    attempt: int = 0


class State(NamedTuple):
    workers: tuple[Worker, ...] = (Worker(),) * WORKERS
    job_ended: bool = False
    attempts: int = 0
    fence: Fence = Fence()
    row_lock: int = NOBODY
    ledger: frozenset[int] = frozenset()
    effects: tuple[int, ...] = (0,) * STEPS
    job_done: bool = False
    nonces: int = 0
    idle: bool = False
    """The job has ended with nothing to do."""


GONE = Worker(At.DEAD)


def violation(state: State) -> str | None:
    if max(state.effects) > 1:
        return "a step was applied twice"
    if {step for step, times in enumerate(state.effects) if times} != state.ledger:
        return "the ledger differs from the schema"
    if state.job_ended and not state.idle and state.ledger != frozenset(range(STEPS)):
        return "the job has ended and a step is missing"
    if state.job_ended and not state.idle and not state.job_done:
        return "the job has ended and the target does not know"
    at_work = any(one.at in (At.OWNER, At.IN_TRANSACTION) for one in state.workers)
    if state.job_ended and state.fence.sticky and not at_work:
        return "the target is stranded: it waits for a job that has ended"
    if any(one.at is At.OWNER and one.attempt > state.fence.attempt > 0 for one in state.workers):
        return "an older attempt took the target from a newer one"
    return None


class Model:
    """The moves of one variant."""

    def __init__(self, variant: Variant) -> None:
        self._variant = variant

    def moves(self, state: State) -> Iterator[Move[State]]:
        for number, worker in enumerate(state.workers):
            if worker.at is not At.DEAD:
                yield from _accidents(state, number, worker)
                yield from self._work(state, number, worker)

    def _work(self, state: State, number: int, worker: Worker) -> Iterator[Move[State]]:
        match worker.at:
            case At.IDLE if not state.job_ended:
                yield _claim(state, number)
            case At.LOOKING:
                yield self._look(state, number, worker)
                yield from self._glance(state, number, worker)
            case At.IDLING:
                ended = _end(state, worker)
                ended = ended._replace(idle=state.idle or (ended.job_ended and not state.job_ended))
                yield f"w{number} ends the idle job", _put(ended, number, GONE)
            case At.ENTERING if state.row_lock == NOBODY:
                yield self._enter(state, number, worker)
            case At.OWNER if state.row_lock == NOBODY:
                yield self._go_on(state, number, worker)
            case At.IN_TRANSACTION:
                yield f"w{number} commits {worker.step}", _commit(state, number, worker)
            case At.ENDING:
                yield f"w{number} ends the job", self._end_job(state, number, worker)

    def _glance(self, state: State, number: int, worker: Worker) -> Iterator[Move[State]]:
        """Whether anything is to be done is not the model's: there may be nothing, whenever nobody holds the target."""
        first = worker.attempt == 1 or self._variant is Variant.GLANCE_OF_ANY
        if first and not state.fence.sticky and not state.job_done:
            yield f"w{number} sees nothing to do", _put(state, number, worker._replace(at=At.IDLING))

    def _look(self, state: State, number: int, worker: Worker) -> Move[State]:
        entering = _put(state, number, worker._replace(at=At.ENTERING))
        if self._variant is not Variant.DONE_CHECK_BEFORE_F1:
            return f"w{number} opens the target", entering
        if state.job_done:
            return f"w{number} sees job_done", _put(state, number, worker._replace(at=At.ENDING))
        return f"w{number} sees no job_done", entering

    def _enter(self, state: State, number: int, worker: Worker) -> Move[State]:
        """F1: only the sticky job's newer attempt, or anybody where no job is sticky."""
        newer = state.fence.attempt < worker.attempt or self._variant is Variant.NO_ATTEMPT
        if state.fence.sticky and not newer:
            return f"w{number} finds it busy", _put(state, number, GONE)
        if state.job_done and self._variant is not Variant.DONE_CHECK_BEFORE_F1:
            return f"w{number} rolls F1 back", _put(state, number, worker._replace(at=At.ENDING))
        nonce = state.nonces + 1
        owned = _put(state, number, worker._replace(at=At.OWNER, nonce=nonce))
        return f"w{number} takes the fence", owned._replace(fence=Fence(nonce, True, worker.attempt), nonces=nonce)

    def _go_on(self, state: State, number: int, worker: Worker) -> Move[State]:
        if state.fence.holder != worker.nonce:
            return f"w{number} is fenced", _put(state, number, GONE)
        if worker.step < STEPS:
            entered = _put(state, number, worker._replace(at=At.IN_TRANSACTION))
            return f"w{number} begins {worker.step}", entered._replace(row_lock=number)
        if self._variant is Variant.CONTROL_ROW_FIRST and not state.job_ended:
            return f"w{number} ends the job", _end(state, worker)
        ending = _put(state, number, worker._replace(at=At.ENDING, nonce=0, step=0))
        return f"w{number} marks the job done", ending._replace(fence=Fence(), job_done=True)

    def _end_job(self, state: State, number: int, worker: Worker) -> State:
        return _put(_end(state, worker), number, GONE)


def _accidents(state: State, number: int, worker: Worker) -> Iterator[Move[State]]:
    unlocked = state._replace(row_lock=NOBODY) if state.row_lock == number else state
    if worker.at is not At.IDLE:
        yield f"w{number} dies", _put(unlocked, number, GONE)


def _claim(state: State, number: int) -> Move[State]:
    attempt = state.attempts + 1
    claimed = _put(state, number, Worker(At.LOOKING, attempt))
    return f"w{number} claims attempt {attempt}", claimed._replace(attempts=attempt)


def _commit(state: State, number: int, worker: Worker) -> State:
    times, step = state.effects, worker.step
    if step not in state.ledger:
        state = state._replace(effects=(*times[:step], times[step] + 1, *times[step + 1 :]))
    recorded = state._replace(row_lock=NOBODY, ledger=state.ledger | {step})
    return _put(recorded, number, worker._replace(at=At.OWNER, step=step + 1))


def _end(state: State, worker: Worker) -> State:
    """The control row by compare-and-set: an attempt that is not the newest ends nothing."""
    return state._replace(job_ended=state.job_ended or state.attempts == worker.attempt)


def _put(state: State, number: int, worker: Worker) -> State:
    return state._replace(workers=(*state.workers[:number], worker, *state.workers[number + 1 :]))
