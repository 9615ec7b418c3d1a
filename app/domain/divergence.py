"""Files against history: changed, missing, out of order, and files that contradict each other."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from app.domain import graph
from app.domain.conflict import Collision, ConflictKind
from app.domain.environment import OutOfOrder
from app.domain.ledger import History, LedgerEntry
from app.domain.migration import Catalog, Migration, SqlScript
from app.domain.overlap import Overlap, overlaps
from app.domain.problem import Problem


class Severity(StrEnum):
    REFUSE = "refuse"
    NOTICE = "notice"


@dataclass(frozen=True, slots=True)
class Divergence:
    """One disagreement with both sides in `evidence`; `severity` decides whether anything may run."""

    kind: ConflictKind
    severity: Severity
    message: str
    migrations: tuple[str, ...]
    file: str | None = None
    evidence: dict[str, object] = field(default_factory=dict)

    def as_problem(self) -> Problem:
        return Problem(self.kind.value, self.message, migration=self.migrations[0], file=self.file)

    def as_collision(self, environment: str) -> Collision:
        return Collision(
            kind=self.kind,
            message=self.message,
            fingerprint=":".join((environment, self.kind, *self.migrations, *map(str, self.evidence.values()))),
            environment=environment,
            migrations=self.migrations,
            evidence=self.evidence,
            answer="refused before anything ran" if self.severity is Severity.REFUSE else "noted, and went on",
        )


def of_files(catalog: Catalog) -> tuple[Divergence, ...]:
    """What the files alone disagree about; `graph.problems` words it."""
    return tuple(_of_file(problem, catalog) for problem in graph.arrange(catalog).problems)


def of_history(ordered: Sequence[Migration], history: History, policy: OutOfOrder) -> tuple[Divergence, ...]:
    """What `ordered` files and the history disagree about; a difference in comments alone is a notice."""
    return (
        *_changed(ordered, history),
        *_missing(ordered, history),
        *_out_of_order(ordered, history, policy),
        *(_overlapping(one) for one in overlaps([one for one in ordered if not history.is_applied(one.name)])),
    )


_KIND_OF_PROBLEM = {
    "duplicate_name": ConflictKind.VERSION_COLLISION,
    "version_collision": ConflictKind.VERSION_COLLISION,
    "missing_dependency": ConflictKind.MISSING_DEPENDENCY,
    "cycle": ConflictKind.CYCLE,
}


def _of_file(problem: Problem, catalog: Catalog) -> Divergence:
    evidence: dict[str, object] = {"problem": problem.message, "file": problem.file}
    names: tuple[str, ...] = (problem.migration or "",)
    concerned = [one for one in catalog.migrations if one.name == problem.migration]
    if problem.code == "version_collision":
        concerned = [one for one in catalog.migrations if one.version == concerned[0].version]
    elif problem.code == "cycle":
        concerned = list(graph.cycle_of(catalog.migrations))
    if concerned:
        names = tuple(dict.fromkeys(str(one.name) for one in concerned))
    if _KIND_OF_PROBLEM[problem.code] is ConflictKind.VERSION_COLLISION:
        evidence["files"] = {one.file: {"name": one.name, "version": one.version} for one in concerned}
    else:
        evidence["dependencies"] = {one.name: list(one.dependencies) for one in concerned}
    return Divergence(_KIND_OF_PROBLEM[problem.code], Severity.REFUSE, problem.message, names, problem.file, evidence)


def _changed(ordered: Sequence[Migration], history: History) -> list[Divergence]:
    applied = {entry.name: entry for entry in history.applied}
    return [
        _changed_file(migration, applied[migration.name])
        for migration in ordered
        if migration.name in applied and applied[migration.name].checksum != migration.checksum.raw
    ]


def _changed_file(migration: Migration, entry: LedgerEntry) -> Divergence:
    evidence: dict[str, object] = {
        "appliedChecksum": entry.checksum.hex(),
        "fileChecksum": migration.checksum.raw.hex(),
        "appliedAt": entry.applied_at.isoformat() if entry.applied_at else None,
        "file": migration.file,
    }
    sums = f"applied {entry.checksum.hex()[:12]}, file {migration.checksum.raw.hex()[:12]}"
    if entry.token_checksum == migration.checksum.token:
        severity, message = (
            Severity.NOTICE,
            f"{migration.name} differs only in comments or white space ({sums})",
        )
    else:
        severity, message = (
            Severity.REFUSE,
            (
                f"{migration.name} has changed since it was applied ({sums}); "
                f"put the file back and write the change as a new migration"
            ),
        )
    return Divergence(ConflictKind.CHECKSUM_MISMATCH, severity, message, (migration.name,), migration.file, evidence)


def _missing(ordered: Sequence[Migration], history: History) -> list[Divergence]:
    names = {migration.name for migration in ordered}
    return [
        Divergence(
            ConflictKind.MISSING_FILE,
            Severity.REFUSE,
            f"{entry.name} ({entry.version}) is applied, but no file defines it; "
            f"put the file back, or roll the migration back",
            (entry.name,),
            evidence={"appliedChecksum": entry.checksum.hex(), "version": entry.version, "file": None},
        )
        for entry in history.applied
        if entry.name not in names
    ]


def _out_of_order(ordered: Sequence[Migration], history: History, policy: OutOfOrder) -> list[Divergence]:
    """A pending file that sorts before the newest applied one would have run earlier on an empty target."""
    if policy is OutOfOrder.ALLOW:
        return []
    newest = _newest_applied(ordered, history)
    severity = Severity.REFUSE if policy is OutOfOrder.REFUSE else Severity.NOTICE
    return [
        Divergence(
            ConflictKind.OUT_OF_ORDER,
            severity,
            f"{migration.name} ({migration.version}) is pending but sorts before {ordered[newest].name} "
            f"({ordered[newest].version}), which is applied; give it a later version, or allow it with outOfOrder",
            (migration.name,),
            migration.file,
            {
                "pendingVersion": migration.version,
                "newestApplied": ordered[newest].name,
                "newestAppliedVersion": ordered[newest].version,
            },
        )
        for migration in ordered[: max(newest, 0)]
        if not history.is_applied(migration.name)
    ]


def _newest_applied(ordered: Sequence[Migration], history: History) -> int:
    """Its place among `ordered`, -1 when none is applied."""
    places = range(len(ordered) - 1, -1, -1)
    return next((place for place in places if history.is_applied(ordered[place].name)), -1)


def _overlapping(found: Overlap) -> Divergence:
    """Only a notice: they run in the order of their versions, and usually that is what was meant."""
    names = tuple(str(migration.name) for migration, _ in found.touches)
    statements = [
        {
            "migration": migration.name,
            "file": migration.file,
            "line": migration.up.line + touch.line - 1 if isinstance(migration.up, SqlScript) else touch.line,
            "statement": touch.text,
            "checksum": migration.checksum.raw.hex(),
        }
        for migration, touch in found.touches
    ]
    return Divergence(
        ConflictKind.OBJECT_OVERLAP,
        Severity.NOTICE,
        f"{' and '.join(names)} are pending and alter {found.table}, and no dependency says which goes first; "
        f"they run in the order of their versions",
        names,
        found.touches[0][0].file,
        {"table": found.table, "statements": statements},
    )
