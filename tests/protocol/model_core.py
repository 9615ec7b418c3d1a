"""The core of the protocol as a model: three workers, one job of two steps that must not happen twice.

What may go wrong at any moment: a worker dies; its backend is ended in the middle of a transaction; the
lease lapses (a pause, a flushed Redis, a failover); the job is delivered once more. A worker that is
paused is one that makes no move for a while, so pauses need no move of their own.
"""

from collections.abc import Iterator
from enum import StrEnum
from typing import NamedTuple

from tests.protocol.explorer import Move

WORKERS = 3
STEPS = 2
MAX_NONCES = 4
NOBODY = -1


class Variant(StrEnum):
    """The protocol, and designs that look as if they would do."""

    FENCE = "fence"
    CHECK_THEN_ACT = "check, then act"
    LEDGER_WITHOUT_FENCE = "ledger row in the step's transaction, but no fence"
    RECORD_APART = "ledger row in a transaction of its own"


class At(StrEnum):
    """Where a worker is."""

    IDLE = "idle"
    CLAIMED = "claimed"
    OWNER = "owner"
    IN_TRANSACTION = "in transaction"
    CHECKED = "checked"
    SKIPPING = "skipping"
    UNRECORDED = "unrecorded"
    FINISHED = "finished"
    DEAD = "dead"


class Worker(NamedTuple):
    at: At = At.IDLE
    nonce: int = 0
    step: int = 0


class State(NamedTuple):
    """`holder` is the nonce in the fence row, `row_lock` the worker that has that row locked."""

    workers: tuple[Worker, ...] = (Worker(),) * WORKERS
    job_done: bool = False
    holder: int = 0
    lapsed: bool = False
    row_lock: int = NOBODY
    ledger: frozenset[int] = frozenset()
    effects: tuple[int, ...] = (0,) * STEPS
    nonces: int = 0


def violation(state: State) -> str | None:
    if max(state.effects) > 1:
        return "a step was applied twice"
    if state.job_done and state.ledger != frozenset(range(STEPS)):
        return "the job is done and a step is missing"
    if _unexplained(state):
        return "the ledger differs from the schema"
    if any(one.at is At.IN_TRANSACTION and one.nonce != state.holder for one in state.workers):
        return "a superseded attempt is writing"
    return None


def _unexplained(state: State) -> frozenset[int]:
    """Steps that only one of ledger and schema has, but for those that a worker is about to record."""
    applied = frozenset(step for step, times in enumerate(state.effects) if times)
    return (applied ^ state.ledger) - {one.step for one in state.workers if one.at is At.UNRECORDED}


class Model:
    """The moves of one variant."""

    def __init__(self, variant: Variant) -> None:
        self._variant = variant

    def moves(self, state: State) -> Iterator[Move[State]]:
        if state.holder and not state.lapsed:
            yield "lease lapses", state._replace(lapsed=True)
        for number, worker in enumerate(state.workers):
            if worker.at is not At.DEAD:
                yield from _accidents(state, number, worker)
                yield from self._work(state, number, worker)

    def _work(self, state: State, number: int, worker: Worker) -> Iterator[Move[State]]:
        match worker.at:
            case At.IDLE if not state.job_done:
                yield f"w{number} is delivered", _put(state, number, Worker(At.CLAIMED))
            case At.CLAIMED:
                yield _take_fence(state, number)
            case At.OWNER if worker.step == STEPS:
                yield f"w{number} finishes", _finish(state, number, worker)
            case At.OWNER if self._variant is Variant.CHECK_THEN_ACT:
                yield _check(state, number, worker)
            case At.OWNER if state.row_lock == NOBODY:
                yield self._begin(state, number, worker)
            case At.SKIPPING:
                yield f"w{number} skips {worker.step}", _put(state, number, _next_step(worker))
            case At.CHECKED:
                applied = _record(_apply(state, worker.step), worker.step)
                yield f"w{number} applies {worker.step}", _put(applied, number, _next_step(worker))
            case At.IN_TRANSACTION:
                yield f"w{number} commits {worker.step}", self._commit(state, number, worker)
            case At.UNRECORDED:
                recorded = _record(state, worker.step)
                yield f"w{number} records {worker.step}", _put(recorded, number, _next_step(worker))

    def _begin(self, state: State, number: int, worker: Worker) -> Move[State]:
        """Lock the fence row and compare the nonce; without a fence there is nothing to compare."""
        if state.holder == worker.nonce or self._variant is Variant.LEDGER_WITHOUT_FENCE:
            entered = _put(state, number, worker._replace(at=At.IN_TRANSACTION))
            return f"w{number} begins {worker.step}", entered._replace(row_lock=number)
        return f"w{number} is fenced", _put(state, number, Worker())

    def _commit(self, state: State, number: int, worker: Worker) -> State:
        """The deed and its record become true together, and the lease with them; a recorded step is not done again."""
        free = state._replace(row_lock=NOBODY, lapsed=state.lapsed and state.holder != worker.nonce)
        applied = free if worker.step in free.ledger else _apply(free, worker.step)
        if self._variant is Variant.RECORD_APART:
            return _put(applied, number, worker._replace(at=At.UNRECORDED))
        return _put(_record(applied, worker.step), number, _next_step(worker))


def _accidents(state: State, number: int, worker: Worker) -> Iterator[Move[State]]:
    unlocked = state._replace(row_lock=NOBODY) if state.row_lock == number else state
    if worker.at not in (At.IDLE, At.FINISHED):
        yield f"w{number} dies", _put(unlocked, number, worker._replace(at=At.DEAD))
    if worker.at is At.IN_TRANSACTION:
        yield f"w{number} loses its backend", _put(unlocked, number, Worker())


def _take_fence(state: State, number: int) -> Move[State]:
    free = state.holder == 0 or state.lapsed
    if state.row_lock != NOBODY or not free or state.nonces == MAX_NONCES:
        return f"w{number} finds it busy", _put(state, number, Worker())
    nonce = state.nonces + 1
    owned = _put(state, number, Worker(At.OWNER, nonce))
    return f"w{number} takes the fence", owned._replace(holder=nonce, lapsed=False, nonces=nonce)


def _check(state: State, number: int, worker: Worker) -> Move[State]:
    """Ask the lock, then the ledger; what they said may be wrong by the time of the deed."""
    if state.holder != worker.nonce or state.lapsed:
        return f"w{number} has lost the lease", _put(state, number, Worker())
    at = At.SKIPPING if worker.step in state.ledger else At.CHECKED
    return f"w{number} checks {worker.step}", _put(state, number, worker._replace(at=at))


def _finish(state: State, number: int, worker: Worker) -> State:
    done = _put(state, number, worker._replace(at=At.FINISHED))._replace(job_done=True)
    return done._replace(holder=0, lapsed=False) if state.holder == worker.nonce else done


def _put(state: State, number: int, worker: Worker) -> State:
    return state._replace(workers=(*state.workers[:number], worker, *state.workers[number + 1 :]))


def _next_step(worker: Worker) -> Worker:
    return worker._replace(at=At.OWNER, step=worker.step + 1)


def _apply(state: State, step: int) -> State:
    times = state.effects
    return state._replace(effects=(*times[:step], times[step] + 1, *times[step + 1 :]))


def _record(state: State, step: int) -> State:
    return state._replace(ledger=state.ledger | {step})
