"""The ordered decision: which migrations, in which direction, and why not.

The procedure, for a run: refuse files that contradict each other; order them; hold them against the
history; refuse what disagrees; everything that is not applied is a step. For a rollback or a reset: take
what is applied, newest first; refuse what has no way back or is still needed; each is a step with the
down it was applied with. Nothing here reads a clock, a file or a database.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from app.domain import divergence, graph
from app.domain.divergence import Divergence, Severity
from app.domain.environment import OutOfOrder
from app.domain.errors import (
    ConflictsOpen,
    Irreversible,
    MigrationsInvalid,
    NewerDependents,
    NotFound,
    PlanStale,
    RollbackTooDeep,
)
from app.domain.failure import Failure
from app.domain.ledger import History, LedgerEntry
from app.domain.migration import Body, Catalog, Checksum, Direction, Migration, SqlScript
from app.domain.problem import Problem


class Atomicity(StrEnum):
    """What commits together: each migration, or the whole run."""

    MIGRATION = "migration"
    RUN = "run"


@dataclass(frozen=True, slots=True)
class Step:
    """One migration in one direction. `body` None means nothing is executed, only recorded."""

    name: str
    version: str
    direction: Direction
    body: Body | None
    checksum: Checksum
    verify: SqlScript | None = None
    down: Body | None = None
    dependencies: tuple[str, ...] = ()
    irreversible: str | None = None
    source_format: str = "sql"
    notice: str | None = None


@dataclass(frozen=True, slots=True)
class PinnedStep:
    """A step without its text: the file, or the ledger, must still have it. `checksum` is raw, in hex."""

    name: str
    version: str
    direction: Direction
    checksum: str


@dataclass(frozen=True, slots=True)
class Pinned:
    """The plan as the target keeps it for its job.

    Once a step has failed for good, `failure` says why and `failed_ordinal` which: steps after it take
    back what came before it, and nothing up to it is ever run again.
    """

    steps: tuple[PinnedStep, ...]
    notices: tuple[str, ...] = ()
    failure: Failure | None = None
    failed_ordinal: int | None = None

    def failed_at(self, ordinal: int, failure: Failure, undo: Sequence[Step]) -> "Pinned":
        kept = self.steps[: ordinal + 1]
        return Pinned((*kept, *(pin_step(step) for step in undo)), self.notices, failure, ordinal)


@dataclass(frozen=True, slots=True)
class Plan:
    steps: tuple[Step, ...] = ()
    divergences: tuple[Divergence, ...] = ()

    @property
    def notices(self) -> tuple[str, ...]:
        said = [found.message for found in self.divergences]
        return (*said, *(step.notice for step in self.steps if step.notice))


def plan_run(catalog: Catalog, history: History, policy: OutOfOrder, to: str | None = None) -> Plan:
    """What is pending, in order, up to and with `to` (a name or a version) and what that needs.

    Raises MigrationsInvalid, ConflictsOpen or NotFound, each with every problem found.
    """
    ordered = ordered_or_refused(catalog, history)
    found = divergence.of_history(ordered, history, policy)
    _refuse_divergences(found)
    pending = [migration for migration in ordered if not history.is_applied(migration.name)]
    if to is not None:
        pending = _needed_for(_target_of(ordered, to), ordered, pending)
    return Plan(tuple(step_up(migration) for migration in pending), found)


def ordered_or_refused(catalog: Catalog, history: History | None = None) -> list[Migration]:
    """The files in order; raises MigrationsInvalid with every problem of every file.

    A file that is broken *and* applied counts as broken, not as missing.
    """
    contradictions = divergence.of_files(catalog.migrations)
    if catalog.problems or contradictions:
        problems = (*catalog.problems, *(found.as_problem() for found in contradictions))
        raise MigrationsInvalid(
            f"{_count(len(problems), 'problem')} in the migration files; nothing was run: {problems[0].message}",
            problems,
            next_steps=("correct the files named here, then POST /migrations/run again",),
        )
    return graph.in_order(catalog.migrations)


def plan_rollback(catalog: Catalog, history: History, count: int | None) -> Plan:
    """Undo the newest `count` applied migrations (None: the newest one, if there is one), newest first.

    Raises RollbackTooDeep, Irreversible, NewerDependents or ConflictsOpen.
    """
    applied = history.applied
    if count is not None and count > len(applied):
        raise RollbackTooDeep(
            f"{count} asked, but {_count(len(applied), 'migration')} applied; ask for at most that many",
            facts={"requested": count, "applied": len(applied)},
            next_steps=(f"POST /migrations/rollback/{len(applied)}",) if applied else ("GET /migrations",),
        )
    undone = applied[len(applied) - min(count or 1, len(applied)) :]
    return _plan_undo(catalog, history, undone)


def plan_rollback_to(catalog: Catalog, history: History, to: str) -> Plan:
    """Undo everything applied after `to` (a name or a version), which itself stays."""
    applied = history.applied
    at = next((i for i, entry in enumerate(applied) if to in (entry.name, entry.version)), None)
    if at is None:
        raise NotFound(f"no applied migration has the name or version {to!r}", next_steps=("GET /migrations",))
    return _plan_undo(catalog, history, applied[at + 1 :])


def plan_reset(catalog: Catalog, history: History) -> Plan:
    """Undo everything, newest first. A migration that says why it cannot be undone is passed over and named."""
    files = catalog.by_name()
    refused = [_no_way_back(entry) for entry in history.applied if not entry.down and entry.irreversible is None]
    if refused:
        raise _irreversible(refused)
    return Plan(tuple(_step_down(entry, files) for entry in reversed(history.applied)))


def undo_of(done: Sequence[Step]) -> tuple[Step, ...]:
    """The steps that take back `done`, newest first; those without a way back are left as they are."""
    return tuple(
        Step(
            name=step.name,
            version=step.version,
            direction=Direction.DOWN,
            body=step.down,
            checksum=step.checksum,
            source_format=step.source_format,
        )
        for step in reversed(done)
        if step.direction is Direction.UP and step.down is not None
    )


def pin_plan(plan: Plan) -> Pinned:
    return Pinned(tuple(pin_step(step) for step in plan.steps), plan.notices)


def pin_step(step: Step) -> PinnedStep:
    return PinnedStep(step.name, step.version, step.direction, step.checksum.raw.hex())


def bind(pinned: Pinned, catalog: Catalog, history: History) -> tuple[Step, ...]:
    """The pinned steps with their texts; raises PlanStale when a file is no longer what was planned."""
    files = catalog.by_name()
    return tuple(_bind_step(step, files, history) for step in pinned.steps)


def _bind_step(pinned: PinnedStep, files: Mapping[str, Migration], history: History) -> Step:
    entry = history.by_name.get(pinned.name)
    if pinned.direction is Direction.DOWN and entry is not None:
        return _step_down(entry, files)
    file = files.get(pinned.name)
    if file is not None and file.checksum.raw.hex() == pinned.checksum:
        return step_up(file)
    actual = file.checksum.raw.hex()[:12] if file else "no file"
    raise PlanStale(
        f"{pinned.name} was planned with checksum {pinned.checksum[:12]}, but now there is {actual}; "
        f"put the file back, or run again",
        facts={"migration": pinned.name, "expected": pinned.checksum, "actual": actual},
        next_steps=("POST /migrations/run",),
    )


def step_up(migration: Migration) -> Step:
    return Step(
        name=migration.name,
        version=migration.version,
        direction=Direction.UP,
        body=migration.up,
        checksum=migration.checksum,
        verify=migration.verify,
        down=migration.down,
        dependencies=migration.dependencies,
        irreversible=migration.irreversible,
        source_format=migration.source_format,
    )


def _plan_undo(catalog: Catalog, history: History, undone: Sequence[LedgerEntry]) -> Plan:
    refused = [_no_way_back(entry) for entry in undone if not entry.down]
    if refused:
        raise _irreversible(refused)
    _refuse_dependents(history, undone)
    files = catalog.by_name()
    return Plan(tuple(_step_down(entry, files) for entry in reversed(undone)))


def _step_down(entry: LedgerEntry, files: Mapping[str, Migration]) -> Step:
    """SQL is undone with the text it was applied with; Python only with the unchanged file."""
    file = files.get(entry.name)
    notice = None
    body: Body | None = None
    if not entry.down:
        notice = (
            f"{entry.name} cannot be undone ({entry.irreversible}); it is recorded as rolled back, its effects stay"
        )
    elif entry.source_format == "python":
        body = _python_down(entry, file)
    elif file is not None and file.checksum.raw == entry.checksum:
        body = file.down
    else:
        body = SqlScript(entry.down, file=f"(ledger) {entry.name}")
        notice = f"{entry.name}: the file is gone or has changed; undone with the text it was applied with"
    return Step(
        name=entry.name,
        version=entry.version,
        direction=Direction.DOWN,
        body=body,
        checksum=Checksum(entry.checksum, entry.token_checksum),
        source_format=entry.source_format,
        notice=notice,
    )


def _python_down(entry: LedgerEntry, file: Migration | None) -> Body | None:
    """The ledger's copy of a Python file is never executed: whoever may write the target may not run code here."""
    if file is not None and file.checksum.token == entry.token_checksum:
        return file.down
    what = "is missing" if file is None else "has changed since it was applied"
    code = "missing_file" if file is None else "checksum_mismatch"
    message = (
        f"the Python file of {entry.name} {what}; put it back as it was applied "
        f"(checksum {entry.checksum.hex()[:12]}), since only the file can undo it"
    )
    raise ConflictsOpen(message, (Problem(code, message, migration=entry.name),))


def _no_way_back(entry: LedgerEntry) -> Problem:
    why = entry.irreversible or "it has no down, or an empty one"
    return Problem("irreversible", f"{entry.name} ({entry.version}) cannot be undone: {why}", migration=entry.name)


def _irreversible(refused: Sequence[Problem]) -> Irreversible:
    return Irreversible(
        f"{refused[0].message}; nothing was undone",
        tuple(refused),
        next_steps=("write a new migration that takes the change back, then POST /migrations/run",),
    )


def _refuse_dependents(history: History, undone: Sequence[LedgerEntry]) -> None:
    names = {entry.name for entry in undone}
    problems = tuple(
        Problem("newer_dependent", f"{entry.name} is applied and depends on {needed}", migration=entry.name)
        for entry in history.applied
        if entry.name not in names
        for needed in entry.dependencies
        if needed in names
    )
    if problems:
        raise NewerDependents(
            f"{problems[0].message}; roll that one back too",
            problems,
            next_steps=(f"POST /migrations/rollback/{len(undone) + len(problems)}",),
        )


def _refuse_divergences(found: Sequence[Divergence]) -> None:
    refused = [divergence for divergence in found if divergence.severity is Severity.REFUSE]
    if refused:
        raise ConflictsOpen(
            f"{_count(len(refused), 'disagreement')} between files and history; nothing was run: {refused[0].message}",
            tuple(divergence.as_problem() for divergence in refused),
            next_steps=("GET /migrations/conflicts?state=open",),
        )


def _target_of(ordered: Sequence[Migration], to: str) -> Migration:
    for migration in ordered:
        if to in (migration.name, migration.version):
            return migration
    raise NotFound(f"no migration has the name or version {to!r}", next_steps=("GET /migrations",))


def _needed_for(last: Migration, ordered: Sequence[Migration], pending: Sequence[Migration]) -> list[Migration]:
    """Pending migrations up to and with `last` in the total order."""
    place = {migration.name: i for i, migration in enumerate(ordered)}
    return [migration for migration in pending if place[migration.name] <= place[last.name]]


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
