"""An environment with several targets: of each axis, and of each migration, the worst of what its targets show."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from functools import reduce

from app.domain.axes import JobsSeen, Standing, Sync, SyncState, evidence_of
from app.domain.comparison import Comparison
from app.domain.drift import DriftCheck, DriftState
from app.domain.environment import PART, Environment, stricter
from app.domain.errors import BackendUnavailable, BackendUnusable
from app.domain.job import Job
from app.domain.standing import MigrationState, MigrationStatus
from app.domain.step import count_of

SYNC_ORDER = (SyncState.DIVERGED, SyncState.UNKNOWN, SyncState.AHEAD, SyncState.BEHIND, SyncState.IN_SYNC)
DRIFT_ORDER = (DriftState.DRIFTED, DriftState.NOT_CHECKED, DriftState.CLEAN)
STATE_ORDER = (
    MigrationState.UNCERTAIN,
    MigrationState.FAILED,
    MigrationState.MODIFIED,
    MigrationState.MISSING,
    MigrationState.BLOCKED,
    MigrationState.ROLLED_BACK,
    MigrationState.PENDING,
    MigrationState.APPLIED,
)
"""From the worst on, as those of the axes."""


def counterparts(target: Environment, sources: Sequence[Environment]) -> Sequence[Environment]:
    """What one target is held against: of several the one of the same name, else all of them; never itself."""
    others = [one for one in sources if one.name != target.name]
    own = target.name.partition(PART)[2]
    return [one for one in others if own and one.name.partition(PART)[2] == own] or others


def worst_comparison(each: Sequence[Comparison]) -> Comparison:
    """The first of equals."""
    return min(each, key=lambda one: SYNC_ORDER.index(one.verdict))


def together(whole: str, errors: Mapping[str, BackendUnavailable]) -> BackendUnavailable:
    """One that names every target that cannot be used, why, and what to do about it; itself where it is but one.

    Unusable where each of them is: nothing is to be waited for.
    """
    every = list(errors.values())
    if len(every) == 1:
        return every[0]
    kind = BackendUnusable if all(isinstance(one, BackendUnusable) for one in every) else BackendUnavailable
    return kind(
        f"{count_of(len(every), 'target')} of {whole} cannot be used: {'; '.join(one.detail for one in every)}",
        next_steps=tuple(dict.fromkeys(step for one in every for step in one.next_steps)),
        facts={"backend": "postgresql", "targets": {name: one.detail for name, one in errors.items()}},
    )


def standing_of(environment: Environment, parts: Sequence[Standing], jobs: JobsSeen) -> Standing:
    """`jobs`: those of the whole, each of which has one for each target."""
    read = [one for one in parts if one.statuses is not None]
    statuses = merged(environment.name, [one.statuses or () for one in read]) if read else None
    foreign = [one.recorded_as for one in parts if not one.environment.answers_to(one.recorded_as)]
    recorded = [one.recorded for one in parts if one.recorded is not None]
    return Standing(
        environment,
        _sync(parts, statuses),
        worst_drift(environment.name, [one.drift for one in parts]),
        _jobs(parts, jobs),
        statuses,
        recorded=reduce(stricter, recorded) if recorded else None,
        recorded_as=next(iter(foreign), None if not recorded else environment.name),
        unlocked=any(one.unlocked for one in parts),
        parts=tuple(parts),
    )


def merged(environment: str, each: Sequence[Sequence[MigrationStatus]]) -> tuple[MigrationStatus, ...]:
    """Every migration once, as it stands where it stands worst, with the target named; what has no file comes first."""
    found: dict[str, list[MigrationStatus]] = {}
    for statuses in each:
        for status in statuses:
            found.setdefault(status.name, []).append(status)
    worst = [min(same, key=lambda one: STATE_ORDER.index(one.state)) for same in found.values()]
    in_order = [*(one for one in worst if one.file is None), *(one for one in worst if one.file is not None)]
    return tuple(replace(one, environment=environment, target=one.environment) for one in in_order)


def worst_drift(environment: str, checks: Sequence[DriftCheck]) -> DriftCheck:
    """`checked_at`: the longest ago. What it was held against is told of each target alone."""
    worst = min(checks, key=lambda one: DRIFT_ORDER.index(one.state))
    others = [one for one in checks if one.state is worst.state and one is not worst]
    more = f" (and {count_of(len(others), 'more target')})" if others else ""
    return DriftCheck(
        environment,
        worst.state,
        f"{worst.environment}: {worst.message}{more}",
        differences=worst.differences,
        total=sum(one.total for one in checks),
        conflict_id=worst.conflict_id,
        first_seen_at=min((one.first_seen_at for one in checks if one.first_seen_at), default=None),
        checked_at=min((one.checked_at for one in checks if one.checked_at), default=None),
    )


def _sync(parts: Sequence[Standing], statuses: Sequence[MigrationStatus] | None) -> Sync:
    worst = min((one.sync.state for one in parts), key=SYNC_ORDER.index)
    such = [one for one in parts if one.sync.state is worst]
    more = f" (and {count_of(len(such) - 1, 'more target')})" if len(such) > 1 else ""
    evidence = evidence_of(statuses) if statuses is not None else None
    return Sync(worst, f"{such[0].environment.name}: {such[0].sync.message}{more}", evidence)


def _jobs(parts: Sequence[Standing], jobs: JobsSeen) -> JobsSeen:
    seen = [jobs, *(one.jobs for one in parts)]
    ended = [one.last for one in seen if one.last is not None and one.last.request.parent is None]
    return JobsSeen(
        last=max(ended, key=lambda job: job.id, default=None),
        running=_first(one.running for one in seen),
        open=sum(one.open for one in seen),
        under_way=tuple(dict.fromkeys(name for one in seen for name in one.under_way)),
    )


def _first(jobs: Iterable[Job | None]) -> Job | None:
    return next((job for job in jobs if job is not None), None)
