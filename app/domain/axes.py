"""The three axes of an environment, each with its evidence: files and ledger, drift, and the last job."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from app.domain.drift import DriftCheck
from app.domain.environment import Environment, Protection, stricter, unlocked
from app.domain.errors import BackendUnavailable
from app.domain.job import Job
from app.domain.removed import Removed
from app.domain.standing import MigrationState, MigrationStatus
from app.domain.step import count_of
from app.domain.windows import Openness

MOST_NAMED = 50


class SyncState(StrEnum):
    IN_SYNC = "in_sync"
    BEHIND = "behind"
    AHEAD = "ahead"
    DIVERGED = "diverged"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Named:
    """How many migrations, and the first of their names in order."""

    count: int = 0
    names: tuple[str, ...] = ()

    @classmethod
    def of(cls, statuses: Iterable[MigrationStatus]) -> "Named":
        names = tuple(status.name for status in statuses)
        return cls(len(names), names[:MOST_NAMED])

    def __str__(self) -> str:
        more = f" and {self.count - 3} more" if self.count > 3 else ""
        return f"{', '.join(self.names[:3])}{more}"


@dataclass(frozen=True, slots=True)
class Evidence:
    """What files and ledger say together.

    `pending`: files that are not applied, whatever keeps them from it; `failed` and `blocked` ones are among them.
    `missing`: applied, and no file defines it. `modified`: the file is another one than the one that was applied.
    """

    applied: int
    pending: Named
    blocked: Named
    failed: Named
    missing: Named
    modified: Named
    uncertain: Named


@dataclass(frozen=True, slots=True)
class Sync:
    """Files against ledger. Where the target could not be read there is no evidence, and `message` says why."""

    state: SyncState
    message: str
    evidence: Evidence | None = None


@dataclass(frozen=True, slots=True)
class JobsSeen:
    """The jobs that change an environment, of which one at a time is at work.

    `last`: the newest that has ended. `open`: how many have not, the running one too. `under_way`: the migrations
    that it works on now.
    """

    last: Job | None = None
    running: Job | None = None
    open: int = 0
    under_way: tuple[str, ...] = ()


NO_JOBS = JobsSeen()


@dataclass(frozen=True, slots=True)
class Standing:
    """One environment at a glance. `statuses` None: its target could not be read. `parts`: each of several targets.

    `recorded`, `recorded_as`: the protection and the environment's name that the target itself has on record.
    `window`: whether it may be changed now; None where it always may. `removed`: it is no longer in liftlock.toml.
    """

    environment: Environment
    sync: Sync
    drift: DriftCheck
    jobs: JobsSeen
    statuses: tuple[MigrationStatus, ...] | None = None
    recorded: Protection | None = None
    recorded_as: str | None = None
    unlocked: bool = False
    parts: tuple["Standing", ...] = ()
    window: Openness | None = None
    removed: Removed | None = None

    @property
    def protection(self) -> Protection:
        """The one that counts: the stricter of what is configured and what is on record; less while it is unlocked."""
        strict = stricter(self.environment.protection, self.recorded or self.environment.protection)
        return unlocked(strict) if self.unlocked else strict


_PENDING = frozenset(
    {MigrationState.PENDING, MigrationState.ROLLED_BACK, MigrationState.BLOCKED, MigrationState.FAILED}
)


def sync_of(statuses: Sequence[MigrationStatus]) -> Sync:
    """Whoever lacks files and has others besides, or has applied another text than the file's, has diverged.

    What nobody knows is not claimed: with an uncertain migration the state is unknown, unless it has diverged anyway.
    """
    found = evidence_of(statuses)
    if found.modified.count or (found.missing.count and found.pending.count):
        return Sync(SyncState.DIVERGED, _said(found), found)
    if found.uncertain.count:
        return Sync(SyncState.UNKNOWN, _said(found), found)
    if found.missing.count:
        return Sync(SyncState.AHEAD, _said(found), found)
    return Sync(SyncState.BEHIND if found.pending.count else SyncState.IN_SYNC, _said(found), found)


def unread(why: BackendUnavailable) -> Sync:
    return Sync(SyncState.UNKNOWN, why.detail)


def left_out(removed: Removed, drift: DriftCheck, jobs: JobsSeen) -> Standing:
    """Where its database is may have changed since: it is not asked."""
    sync = Sync(SyncState.UNKNOWN, f"{removed.name} {removed.gone}: its database is not asked")
    return Standing(removed.environment, sync, drift, replace(jobs, open=removed.open_jobs), removed=removed)


def foreign(environment: Environment, recorded: str) -> Sync:
    """Of a database that another environment is at home in: nothing is known of this one."""
    says = f"this database was set up as {recorded}: nothing is run there as {environment.name}, or known of it"
    return Sync(SyncState.UNKNOWN, says)


def evidence_of(statuses: Sequence[MigrationStatus]) -> Evidence:
    # a row of the ledger that was taken back, or failed, and has no file any more waits for nothing
    pending = [one for one in statuses if one.state in _PENDING and one.file is not None]
    return Evidence(
        applied=len(_in(statuses, {MigrationState.APPLIED, MigrationState.MODIFIED, MigrationState.MISSING})),
        pending=Named.of(pending),
        blocked=Named.of(_in(pending, {MigrationState.BLOCKED})),
        failed=Named.of(_in(statuses, {MigrationState.FAILED})),
        missing=Named.of(_in(statuses, {MigrationState.MISSING})),
        modified=Named.of(_in(statuses, {MigrationState.MODIFIED})),
        uncertain=Named.of(_in(statuses, {MigrationState.UNCERTAIN})),
    )


def _in(statuses: Sequence[MigrationStatus], states: Collection[MigrationState]) -> list[MigrationStatus]:
    return [status for status in statuses if status.state in states]


def _said(found: Evidence) -> str:
    parts = [
        f"{named.count} {word}: {named}"
        for named, word in (
            (found.uncertain, "uncertain"),
            (found.modified, "modified"),
            (found.missing, "applied without a file"),
            (found.failed, "failed"),
            (found.pending, "pending"),
        )
        if named.count
    ]
    return "; ".join(parts) or f"{count_of(found.applied, 'migration')} applied, none pending"
