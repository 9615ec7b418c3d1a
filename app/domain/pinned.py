"""A plan as the target keeps it for its job, so that whoever goes on with the job does the same."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from uuid import UUID

from app.domain.errors import PlanStale
from app.domain.failure import Failure
from app.domain.ledger import History, LedgerEntry, Status
from app.domain.mark import step_accepted, step_baselined, step_marked, step_marked_back
from app.domain.migration import Catalog, Direction, Migration
from app.domain.retrieving import step_retrieved
from app.domain.step import Deed, Plan, Step, step_applied, step_down, step_up


@dataclass(frozen=True, slots=True)
class PinnedStep:
    """A step without its text: the file, or the ledger, must still have it. Checksums are raw, in hex."""

    name: str
    version: str
    direction: Direction
    checksum: str
    deed: Deed = Deed.EXECUTED
    replaces: str | None = None


@dataclass(frozen=True, slots=True)
class Pinned:
    """The plan as the target keeps it for its job.

    Once a step has failed for good, `failure` says why and `failed_ordinal` which: steps after it take
    back what came before it, and nothing up to it is ever run again. `retrieved`: the rows that the job was to put
    into a table are there, of which the ledger itself says nothing.
    """

    steps: tuple[PinnedStep, ...]
    notices: tuple[str, ...] = ()
    failure: Failure | None = None
    failed_ordinal: int | None = None
    retrieved: bool = False

    def failed_at(self, ordinal: int, failure: Failure, undo: Sequence[Step]) -> "Pinned":
        kept = self.steps[: ordinal + 1]
        return Pinned((*kept, *(pin_step(step) for step in undo)), self.notices, failure, ordinal)


def pin_plan(plan: Plan) -> Pinned:
    return Pinned(tuple(pin_step(step) for step in plan.steps), plan.notices)


def pin_step(step: Step) -> PinnedStep:
    replaces = step.replaces.hex() if step.replaces is not None else None
    return PinnedStep(step.name, step.version, step.direction, step.checksum.raw.hex(), step.deed, replaces)


def bind(pinned: Pinned, catalog: Catalog, history: History, job_id: UUID) -> tuple[Step, ...]:
    """The pinned steps with their texts; raises PlanStale when a file, or the ledger, is not what was planned with.

    A step that an earlier attempt of the job has applied needs its file no more.
    """
    files = catalog.by_name()
    return tuple(_bind_step(step, files, history, job_id) for step in pinned.steps)


def done_so_far(steps: Sequence[Step], history: History, job_id: UUID) -> int:
    """How many of the steps, from the first on, the ledger has as this job's doing."""
    done = 0
    for step in steps:
        entry = history.by_name.get(step.name)
        stands = Status.COMPLETED if step.direction is Direction.UP else Status.ROLLED_BACK
        if entry is None or entry.job_id != job_id or entry.status is not stands:
            break
        done += 1
    return done


def _bind_step(pinned: PinnedStep, files: Mapping[str, Migration], history: History, job_id: UUID) -> Step:
    entry = history.by_name.get(pinned.name)
    if pinned.deed is Deed.RETRIEVED:
        if entry is None:
            raise _not_in_ledger(pinned)
        return step_retrieved(entry, pinned.direction)
    if pinned.direction is Direction.DOWN:
        if entry is None:
            raise _not_in_ledger(pinned)
        return step_down(entry, files) if pinned.deed is Deed.EXECUTED else step_marked_back(entry)
    file = files.get(pinned.name)
    if file is not None and file.checksum.raw.hex() == pinned.checksum:
        return _step_of_file(pinned, file)
    if entry is not None and entry.job_id == job_id and entry.checksum.hex() == pinned.checksum:
        return _step_done(pinned, entry)
    actual = file.checksum.raw.hex()[:12] if file else "no file"
    raise PlanStale(
        f"{pinned.name} was planned with checksum {pinned.checksum[:12]}, but now there is {actual}; "
        f"put the file back, or run again",
        facts={"migration": pinned.name, "expected": pinned.checksum, "actual": actual},
        next_steps=("POST /migrations/run",),
    )


def _step_of_file(pinned: PinnedStep, file: Migration) -> Step:
    match pinned.deed:
        case Deed.EXECUTED:
            return step_up(file)
        case Deed.MARKED:
            return step_marked(file)
        case Deed.BASELINED:
            return step_baselined(file)
        case Deed.ACCEPTED:
            return step_accepted(file, bytes.fromhex(pinned.replaces or ""))
        case Deed.RETRIEVED:
            raise AssertionError("what is retrieved needs no file")


def _step_done(pinned: PinnedStep, entry: LedgerEntry) -> Step:
    return replace(step_applied(entry), deed=pinned.deed)


def _not_in_ledger(pinned: PinnedStep) -> PlanStale:
    return PlanStale(
        f"{pinned.name} was to be undone, but the ledger no longer has it; look at what is applied, then ask again",
        facts={"migration": pinned.name, "expected": pinned.checksum, "actual": None},
        next_steps=("GET /migrations",),
    )
