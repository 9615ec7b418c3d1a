"""The ordered decision of a run: which migrations, and why not.

The procedure: refuse files that contradict each other; order them; hold them against the history; refuse
what disagrees; everything that is not applied is a step. Nothing here reads a clock, a file or a database.
"""

from collections.abc import Sequence

from app.domain import divergence, graph
from app.domain.divergence import Divergence, Severity
from app.domain.environment import OutOfOrder
from app.domain.errors import ConflictsOpen, MigrationsInvalid, NotFound
from app.domain.ledger import History, LedgerEntry, settle_uncertain
from app.domain.migration import Catalog, Migration
from app.domain.problem import Problem
from app.domain.step import Plan, count_of, step_up


def plan_run(catalog: Catalog, history: History, policy: OutOfOrder, to: str | None = None) -> Plan:
    """What is pending, in order, up to and with `to` (a name or a version) and what that needs.

    Raises MigrationsInvalid, ConflictsOpen or NotFound, each with every problem found.
    """
    ordered = ordered_or_refused(catalog)
    found = refuse_disagreements(ordered, history, policy)
    pending = [migration for migration in ordered if not history.is_applied(migration.name)]
    if to is not None:
        pending = needed_for(ordered, pending, to)
    return Plan(tuple(step_up(migration) for migration in pending), found)


def refuse_disagreements(ordered: Sequence[Migration], history: History, policy: OutOfOrder) -> tuple[Divergence, ...]:
    """What files and history disagree about without harm. Raises ConflictsOpen for the rest."""
    found = divergence.of_history(ordered, history, policy)
    _refuse_divergences(found)
    refuse_uncertain(history.entries)
    return found


def ordered_or_refused(catalog: Catalog) -> Sequence[Migration]:
    """The files in order; raises MigrationsInvalid with every problem of every file.

    A file that is broken *and* applied counts as broken, not as missing.
    """
    contradictions = divergence.of_files(catalog)
    if catalog.problems or contradictions:
        problems = (*catalog.problems, *(found.as_problem() for found in contradictions))
        raise MigrationsInvalid(
            f"{count_of(len(problems), 'problem')} in the migration files; nothing was run: {problems[0].message}",
            problems,
            next_steps=("correct the files named here, then POST /migrations/run again",),
        )
    return graph.arrange(catalog).ordered


def refuse_uncertain(entries: Sequence[LedgerEntry]) -> None:
    """Nothing is built on what nobody knows. Raises ConflictsOpen."""
    found = tuple(
        Problem("uncertain", f"{entry.name}: {entry.error_message}", migration=entry.name)
        for entry in entries
        if entry.uncertain
    )
    if found:
        raise ConflictsOpen(
            f"{found[0].message}; look at the database, then mark it as applied or as rolled back",
            found,
            next_steps=settle_uncertain(found[0].migration or ""),
        )


def _refuse_divergences(found: Sequence[Divergence]) -> None:
    refused = [divergence for divergence in found if divergence.severity is Severity.REFUSE]
    if refused:
        raise ConflictsOpen(
            f"{count_of(len(refused), 'disagreement')} between files and history; nothing was run: "
            f"{refused[0].message}",
            tuple(divergence.as_problem() for divergence in refused),
            next_steps=("GET /migrations/conflicts?state=open",),
        )


def _target_of(ordered: Sequence[Migration], to: str) -> Migration:
    for migration in ordered:
        if to in (migration.name, migration.version):
            return migration
    raise NotFound(f"no migration has the name or version {to!r}", next_steps=("GET /migrations",))


def needed_for(ordered: Sequence[Migration], pending: Sequence[Migration], to: str) -> list[Migration]:
    """Pending migrations up to and with `to` (a name or a version) in the total order. Raises NotFound."""
    last = _target_of(ordered, to)
    place = {migration.name: i for i, migration in enumerate(ordered)}
    return [migration for migration in pending if place[migration.name] <= place[last.name]]
