"""What is recorded of a migration without running it: as applied, as rolled back, or with its changed file."""

import difflib
from collections.abc import Sequence
from dataclasses import replace

from app.domain.errors import CannotMark, NewerDependents, NotFound, PlanStale
from app.domain.ledger import History, LedgerEntry, Status
from app.domain.migration import Catalog, Checksum, Direction, Migration
from app.domain.plan import needed_for, ordered_or_refused
from app.domain.problem import Problem
from app.domain.settling import MarkAs, Resolution, Settling
from app.domain.step import Deed, Plan, Step, step_up


def plan_marks(catalog: Catalog, history: History, names: Sequence[str], mark_as: MarkAs) -> Plan:
    """Ledger-only steps; what is recorded so already is left out. Raises NotFound, CannotMark or NewerDependents."""
    match mark_as:
        case MarkAs.APPLIED:
            return _plan_applied(catalog, history, names)
        case MarkAs.ROLLED_BACK:
            return _plan_rolled_back(catalog, history, names)
        case MarkAs.BASELINE:
            return plan_baseline(catalog, history, None)


def plan_baseline(catalog: Catalog, history: History, to: str | None) -> Plan:
    """History starts here: everything up to and with `to` is in the schema already, and nothing of it was run by us.

    Raises MigrationsInvalid, NotFound, or CannotMark where there is a history.
    """
    ordered = ordered_or_refused(catalog)
    if history.applied:
        newest = history.applied[-1].name
        raise CannotMark(
            f"this database has a history already (the newest is {newest}), so it cannot start here; "
            f"mark single migrations as applied instead",
            (Problem("has_history", f"{newest} is applied", migration=newest),),
            next_steps=("GET /migrations",),
        )
    taken = list(ordered) if to is None else needed_for(ordered, ordered, to)
    return Plan(tuple(step_baselined(migration) for migration in taken))


def plan_settling(catalog: Catalog, history: History, settling: Settling) -> Plan:
    """The ledger-only steps of an answer to a conflict."""
    if settling.resolution is Resolution.RELEASE_TARGET:
        return Plan()
    assert settling.migration is not None
    match settling.resolution:
        case Resolution.MARK_APPLIED:
            return plan_marks(catalog, history, (settling.migration,), MarkAs.APPLIED)
        case Resolution.MARK_ROLLED_BACK:
            return plan_marks(catalog, history, (settling.migration,), MarkAs.ROLLED_BACK)
        case _:
            return _plan_accepted(catalog, history, settling.migration, settling.checksum or "")


def step_marked(migration: Migration) -> Step:
    return replace(step_up(migration), deed=Deed.MARKED)


def step_baselined(migration: Migration) -> Step:
    return replace(step_up(migration), deed=Deed.BASELINED)


def step_marked_back(entry: LedgerEntry) -> Step:
    return Step(
        name=entry.name,
        version=entry.version,
        direction=Direction.DOWN,
        body=None,
        checksum=Checksum(entry.checksum, entry.token_checksum),
        source_format=entry.source_format,
        deed=Deed.MARKED,
    )


def step_accepted(migration: Migration, replaces: bytes) -> Step:
    return replace(step_up(migration), deed=Deed.ACCEPTED, replaces=replaces)


def _plan_applied(catalog: Catalog, history: History, names: Sequence[str]) -> Plan:
    ordered = ordered_or_refused(catalog)
    _refuse_unknown(names, [one.name for one in ordered], "no file defines")
    marked = [one for one in ordered if one.name in names and _is_open(history, one.name)]
    missing = tuple(
        Problem("dependency_not_applied", f"{one.name} depends on {needed}, which is not applied", migration=one.name)
        for one in marked
        for needed in one.dependencies
        if needed not in names and not history.is_applied(needed)
    )
    if missing:
        raise CannotMark(f"{missing[0].message}; mark that one too, or run it first", missing)
    return Plan(tuple(step_marked(one) for one in marked))


def _is_open(history: History, name: str) -> bool:
    """Not applied, or nobody can tell: then a mark says how it is."""
    entry = history.by_name.get(name)
    return entry is None or entry.status is not Status.COMPLETED or entry.uncertain


def _plan_rolled_back(catalog: Catalog, history: History, names: Sequence[str]) -> Plan:
    known = {*history.by_name, *(one.name for one in catalog.migrations)}
    _refuse_unknown(names, sorted(known), "neither a file nor the ledger knows")
    dependents = tuple(
        Problem("newer_dependent", f"{entry.name} is applied and depends on {needed}", migration=entry.name)
        for entry in history.applied
        if entry.name not in names
        for needed in entry.dependencies
        if needed in names and history.is_applied(needed)
    )
    if dependents:
        raise NewerDependents(f"{dependents[0].message}; mark that one too", dependents)
    standing = (Status.COMPLETED, Status.FAILED)
    undone = [entry for entry in reversed(history.entries) if entry.name in names and entry.status in standing]
    return Plan(tuple(step_marked_back(entry) for entry in undone))


def _plan_accepted(catalog: Catalog, history: History, name: str, checksum: str) -> Plan:
    """Only the very file that was looked at; nothing is left to do when the ledger has it already."""
    entry, file = history.by_name.get(name), catalog.by_name().get(name)
    actual = file.checksum.raw.hex() if file is not None else None
    if file is None or actual != checksum:
        raise PlanStale(
            f"{name} was to be accepted with checksum {checksum[:12]}, but now there is "
            f"{actual[:12] if actual else 'no file'}; look at it again",
            facts={"migration": name, "expected": checksum, "actual": actual},
            next_steps=("GET /migrations/conflicts?state=open",),
        )
    if entry is None or not history.is_applied(name):
        raise PlanStale(
            f"{name} is no longer applied, so there is nothing to accept; a run takes the file as it is",
            facts={"migration": name, "expected": "applied", "actual": "not applied"},
            next_steps=("POST /migrations/run",),
        )
    return Plan() if entry.checksum == file.checksum.raw else Plan((step_accepted(file, entry.checksum),))


def _refuse_unknown(names: Sequence[str], known: Sequence[str], what: str) -> None:
    unknown = [name for name in names if name not in known]
    if unknown:
        near = difflib.get_close_matches(unknown[0], known, n=3)
        meant = f"; did you mean {' or '.join(near)}?" if near else ""
        raise NotFound(
            f"{what} {unknown[0]!r}{meant}",
            facts={"didYouMean": near, "names": unknown},
            next_steps=("GET /migrations",),
        )
