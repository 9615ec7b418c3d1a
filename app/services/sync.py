"""EnvironmentSyncService: where every migration stands in an environment, files and ledger side by side."""

import asyncio
import difflib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from app.domain import graph
from app.domain.divergence import Divergence, Severity
from app.domain.environment import Environment
from app.domain.errors import BackendUnavailable, NotFound
from app.domain.ledger import LedgerEntry, Status, ledger_id
from app.domain.migration import Catalog, Migration
from app.domain.problem import Problem
from app.domain.proof import NO_PROOFS, KnownProofs, Proof, Verdict
from app.ports import Proofs, TargetView
from app.services.environments import Environments
from app.services.validation import Examination, SchemaValidationService


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
    """One migration in one environment. Times are None until its row exists."""

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

    @property
    def undo(self) -> Undo:
        if not self.reversible:
            return Undo.NO
        proven = self.proof is not None and self.proof.verdict is Verdict.PROVEN
        return Undo.PROVEN if proven else Undo.NOT_PROVEN


class EnvironmentSyncService:
    def __init__(self, environments: Environments, validation: SchemaValidationService, proofs: Proofs) -> None:
        self._environments = environments
        self._validation = validation
        self._proofs = proofs
        self._last: dict[str, tuple[Catalog, TargetView, KnownProofs, tuple[MigrationStatus, ...]]] = {}

    async def migrations(self, environment_name: str) -> tuple[MigrationStatus, ...]:
        """Every migration, in the order it runs; what no file defines any more comes first.

        Raises NotFound for the environment, BackendUnavailable when its target cannot be read.
        """
        environment = self._environments.named(environment_name)
        examined, proofs = await asyncio.gather(
            self._validation.look(environment), self._known_proofs(environment.name)
        )
        if examined.view is None:
            assert examined.unreachable is not None
            raise examined.unreachable
        return self._kept(environment, examined, examined.view, proofs)

    async def _known_proofs(self, environment: str) -> KnownProofs:
        """While the control database is away, those that were known before: files and ledger can still be shown."""
        try:
            return await self._proofs.of(environment)
        except BackendUnavailable:
            last = self._last.get(environment)
            return NO_PROOFS if last is None else last[2]

    def _kept(
        self, environment: Environment, examined: Examination, view: TargetView, proofs: KnownProofs
    ) -> tuple[MigrationStatus, ...]:
        """The same answer for the same files, the same ledger and the same proofs, as the same object."""
        last = self._last.get(environment.name)
        if last is not None and last[0] is examined.catalog and last[1] is view and last[2] is proofs:
            return last[3]
        statuses = tuple(_with_proof(one, proofs) for one in _statuses(environment, examined))
        self._last[environment.name] = (examined.catalog, view, proofs, statuses)
        return statuses

    async def migration(self, environment_name: str, name: str) -> MigrationStatus:
        """Raises NotFound with the nearest names."""
        every = await self.migrations(environment_name)
        for status in every:
            if status.name == name:
                return status
        near = difflib.get_close_matches(name, [status.name for status in every], n=3)
        meant = f"; did you mean {' or '.join(near)}?" if near else ""
        raise NotFound(
            f"there is no migration {name!r} in {environment_name}{meant}",
            facts={"didYouMean": near},
            next_steps=("GET /migrations",),
        )


def _with_proof(status: MigrationStatus, proofs: KnownProofs) -> MigrationStatus:
    """Of the file where there is one, else of the text that was applied."""
    proof = proofs.of(status.name, status.checksum or status.applied_checksum)
    return status if proof is None else replace(status, proof=proof)


def _statuses(environment: Environment, examined: Examination) -> tuple[MigrationStatus, ...]:
    assert examined.view is not None
    history = examined.view.history
    ordered = _listed(examined)
    known = {migration.name for migration in ordered}
    missing = [entry for entry in history.entries if entry.name not in known]
    refused = _refusals(examined.divergences)
    return (
        *(_missing(environment, entry) for entry in missing),
        *(_one(environment, one, history.by_name.get(one.name), refused) for one in ordered),
        *(_broken(environment, file, problems) for file, problems in _broken_files(examined).items()),
    )


def _listed(examined: Examination) -> Sequence[Migration]:
    """In order; what is on a cycle, or bears a name twice, is listed after the rest all the same."""
    ordered = graph.arrange(examined.catalog).ordered
    if len(ordered) == len(examined.catalog.migrations):
        return ordered
    placed = {migration.name for migration in ordered}
    rest = {one.name: one for one in examined.catalog.migrations if one.name not in placed}
    return (*ordered, *sorted(rest.values(), key=lambda one: one.sort_key))


def _refusals(divergences: tuple[Divergence, ...]) -> dict[str, list[str]]:
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


def _broken_files(examined: Examination) -> dict[str, list[Problem]]:
    """Files that gave no migration: whoever looks must see that they are there."""
    found: dict[str, list[Problem]] = {}
    for problem in examined.catalog.problems:
        found.setdefault(problem.file or "", []).append(problem)
    return found


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
        source_format="python" if file.endswith(".py") else "sql",
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
