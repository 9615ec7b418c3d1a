"""Where every migration of an environment stands: files and ledger side by side."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from app.domain import graph
from app.domain.divergence import Divergence, Severity
from app.domain.environment import Environment
from app.domain.ledger import History, LedgerEntry, Status, ledger_id
from app.domain.migration import Catalog, Migration
from app.domain.problem import Problem
from app.domain.proof import Proof, Verdict


class MigrationState(StrEnum):
    """Finer than the four statuses: what files and ledger say together."""

    APPLIED = "applied"
    PENDING = "pending"
    BLOCKED = "blocked"
    FAILED = "failed"
    ROLLED_BACK = "rolled_back"
    MODIFIED = "modified"
    MISSING = "missing"
    UNCERTAIN = "uncertain"


class Undo(StrEnum):
    """Whether a migration can be taken back; `proven` only for the file as it is now."""

    PROVEN = "proven"
    NOT_PROVEN = "not_proven"
    NO = "no"


@dataclass(frozen=True, slots=True)
class MigrationStatus:
    """One migration in one environment. Times are None until its row exists. `target`: of several, whose this is."""

    id: UUID
    name: str
    version: str
    environment: str
    status: Status
    state: MigrationState
    dependencies: tuple[str, ...]
    reversible: bool
    irreversible: str | None
    applied_at: datetime | None
    rolled_back_at: datetime | None
    created_at: datetime | None
    updated_at: datetime | None
    error_message: str | None
    checksum: str | None
    applied_checksum: str | None
    source_format: str
    file: str | None
    job_id: UUID | None
    blocked_by: tuple[str, ...] = ()
    proof: Proof | None = None
    target: str | None = None

    @property
    def undo(self) -> Undo:
        if not self.reversible:
            return Undo.NO
        proven = self.proof is not None and self.proof.verdict is Verdict.PROVEN
        return Undo.PROVEN if proven else Undo.NOT_PROVEN


def statuses_of(
    environment: Environment, catalog: Catalog, history: History, divergences: Sequence[Divergence]
) -> tuple[MigrationStatus, ...]:
    """In the order they run; what no file defines any more comes first, files that cannot be read come last."""
    ordered = listed(catalog)
    known = {migration.name for migration in ordered}
    missing = [entry for entry in history.entries if entry.name not in known]
    refused = _refusals(divergences)
    return (
        *(_missing(environment, entry) for entry in missing),
        *(_one(environment, one, history.by_name.get(one.name), refused) for one in ordered),
        *(_broken(environment, file, problems) for file, problems in broken_files(catalog).items()),
    )


def listed(catalog: Catalog) -> Sequence[Migration]:
    """In order; what is on a cycle, or bears a name twice, is listed after the rest all the same."""
    ordered = graph.arrange(catalog).ordered
    if len(ordered) == len(catalog.migrations):
        return ordered
    placed = {migration.name for migration in ordered}
    rest = {one.name: one for one in catalog.migrations if one.name not in placed}
    return (*ordered, *sorted(rest.values(), key=lambda one: one.sort_key))


def broken_files(catalog: Catalog) -> dict[str, list[Problem]]:
    """Files that gave no migration: whoever looks must see that they are there."""
    found: dict[str, list[Problem]] = {}
    for problem in catalog.problems:
        found.setdefault(problem.file or "", []).append(problem)
    return found


def _refusals(divergences: Sequence[Divergence]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for one in divergences:
        if one.severity is Severity.REFUSE:
            for name in one.migrations:
                found.setdefault(name, []).append(one.message)
    return found


def _one(
    environment: Environment, file: Migration, entry: LedgerEntry | None, refused: dict[str, list[str]]
) -> MigrationStatus:
    state = _state(file, entry, refused)
    return MigrationStatus(
        id=entry.id if entry else ledger_id(environment.name, environment.scope, file.name),
        name=file.name,
        version=file.version,
        environment=environment.name,
        status=_status(entry),
        state=state,
        dependencies=tuple(file.dependencies),
        reversible=file.reversible,
        irreversible=file.irreversible,
        applied_at=entry.applied_at if entry else None,
        rolled_back_at=entry.rolled_back_at if entry else None,
        created_at=entry.created_at if entry else None,
        updated_at=entry.updated_at if entry else None,
        error_message=entry.error_message if entry else None,
        checksum=file.checksum.raw.hex(),
        applied_checksum=entry.checksum.hex() if entry and entry.status is Status.COMPLETED else None,
        source_format=file.source_format,
        file=file.file,
        job_id=entry.job_id if entry else None,
        blocked_by=tuple(refused.get(file.name, ())) if state is MigrationState.BLOCKED else (),
    )


def _missing(environment: Environment, entry: LedgerEntry) -> MigrationStatus:
    state = MigrationState.MISSING if entry.status is Status.COMPLETED else MigrationState(entry.status.value)
    return MigrationStatus(
        id=entry.id,
        name=entry.name,
        version=entry.version,
        environment=environment.name,
        status=_status(entry),
        state=state,
        dependencies=entry.dependencies,
        reversible=bool(entry.down),
        irreversible=entry.irreversible,
        applied_at=entry.applied_at,
        rolled_back_at=entry.rolled_back_at,
        created_at=entry.created_at,
        updated_at=entry.updated_at,
        error_message=entry.error_message,
        checksum=None,
        applied_checksum=entry.checksum.hex() if entry.status is Status.COMPLETED else None,
        source_format=entry.source_format,
        file=None,
        job_id=entry.job_id,
    )


def _broken(environment: Environment, file: str, problems: Sequence[Problem]) -> MigrationStatus:
    """Its name is the file's until the file can be read; the version is not known."""
    said = tuple(f"{problem.place}: {problem.message}" for problem in problems)
    return MigrationStatus(
        id=ledger_id(environment.name, environment.scope, f"\x00{file}"),
        name=problems[0].migration or file,
        version="",
        environment=environment.name,
        status=Status.PENDING,
        state=MigrationState.BLOCKED,
        dependencies=(),
        reversible=False,
        irreversible=None,
        applied_at=None,
        rolled_back_at=None,
        created_at=None,
        updated_at=None,
        error_message=said[0],
        checksum=None,
        applied_checksum=None,
        source_format="python" if file.lower().endswith(".py") else "sql",
        file=file,
        job_id=None,
        blocked_by=said,
    )


def _status(entry: LedgerEntry | None) -> Status:
    """One of the four; what nobody knows has failed."""
    if entry is None:
        return Status.PENDING
    return Status.FAILED if entry.uncertain else entry.status


def _state(file: Migration, entry: LedgerEntry | None, refused: dict[str, list[str]]) -> MigrationState:
    if entry is not None and entry.uncertain:
        return MigrationState.UNCERTAIN
    if entry is not None and entry.status is Status.COMPLETED:
        changed = entry.token_checksum != file.checksum.token
        return MigrationState.MODIFIED if changed else MigrationState.APPLIED
    if entry is not None and entry.status is Status.FAILED:
        return MigrationState.FAILED
    if file.name in refused:
        return MigrationState.BLOCKED
    if entry is not None and entry.status is Status.ROLLED_BACK:
        return MigrationState.ROLLED_BACK
    return MigrationState.PENDING
