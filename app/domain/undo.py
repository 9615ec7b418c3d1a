"""The way back: which migrations are undone, newest first, and what forbids it."""

from collections.abc import Sequence

from app.domain.errors import Irreversible, NewerDependents, NotFound, RollbackTooDeep
from app.domain.ledger import History, LedgerEntry
from app.domain.migration import Catalog, Direction
from app.domain.plan import refuse_uncertain
from app.domain.problem import Problem
from app.domain.step import Plan, Step, count_of, step_down


def plan_rollback(catalog: Catalog, history: History, count: int | None) -> Plan:
    """Undo the newest `count` applied migrations (None: the newest one, if there is one), newest first.

    Raises RollbackTooDeep, Irreversible, NewerDependents or ConflictsOpen.
    """
    applied = history.applied
    if count is not None and count > len(applied):
        raise RollbackTooDeep(
            f"{count} asked, but {count_of(len(applied), 'migration')} applied; ask for at most that many",
            facts={"requested": count, "applied": len(applied)},
            next_steps=(f"POST /migrations/rollback/{len(applied)}",) if applied else ("GET /migrations",),
        )
    undone = applied[len(applied) - min(1 if count is None else count, len(applied)) :]
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
    return Plan(tuple(step_down(entry, files) for entry in reversed(history.applied)))


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


def _plan_undo(catalog: Catalog, history: History, undone: Sequence[LedgerEntry]) -> Plan:
    refused = [_no_way_back(entry) for entry in undone if not entry.down]
    if refused:
        raise _irreversible(refused)
    _refuse_dependents(history, undone)
    refuse_uncertain(undone)
    files = catalog.by_name()
    return Plan(tuple(step_down(entry, files) for entry in reversed(undone)))


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
    found = [
        (len(history.applied) - place, entry.name, needed)
        for place, entry in enumerate(history.applied)
        if entry.name not in names
        for needed in entry.dependencies
        if needed in names
    ]
    if found:
        problems = tuple(
            Problem("newer_dependent", f"{name} is applied and depends on {needed}", migration=name)
            for _, name, needed in found
        )
        raise NewerDependents(
            f"{problems[0].message}; roll that one back too",
            problems,
            next_steps=(f"POST /migrations/rollback/{found[0][0]}",),
        )
