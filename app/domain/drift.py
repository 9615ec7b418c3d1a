"""Drift: a schema that is no longer as the last job left it, though no job has touched it since."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from app.domain.conflict import Collision, Conflict, ConflictKind
from app.domain.environment import OnDrift
from app.domain.errors import DriftPresent
from app.domain.problem import Problem
from app.domain.schema import Snapshot
from app.domain.schema_diff import Difference, diff
from app.domain.step import count_of

MOST_SHOWN = 50


class DriftState(StrEnum):
    CLEAN = "clean"
    DRIFTED = "drifted"
    NOT_CHECKED = "not_checked"


@dataclass(frozen=True, slots=True)
class RecordedSchema:
    """The schema at the end of the last job that changed it. `is_newest`: nothing was recorded after it.

    `canonical`: its text, read only when it is needed: most of the time the fingerprints are equal.
    """

    fingerprint: str
    canonical: str
    job_id: UUID
    at: datetime
    is_newest: bool = True

    @property
    def snapshot(self) -> Snapshot:
        return Snapshot.parse(self.canonical)


@dataclass(frozen=True, slots=True)
class Sight:
    """What was recorded of a schema, and what is there; `recorded` None: nothing yet that it can be held against.

    `holder`: another job that is at work on it; what that one does is no drift.
    """

    live: Snapshot
    recorded: RecordedSchema | None = None
    holder: UUID | None = None

    @property
    def says_something(self) -> bool:
        return self.state is not DriftState.NOT_CHECKED

    @property
    def state(self) -> DriftState:
        if self.recorded is None or not self.recorded.is_newest or self.holder is not None:
            return DriftState.NOT_CHECKED
        same = self.recorded.fingerprint == self.live.fingerprint
        return DriftState.CLEAN if same else DriftState.DRIFTED

    @property
    def differences(self) -> tuple[Difference, ...]:
        """What makes it another schema; none unless it has drifted."""
        if self.recorded is None or self.state is not DriftState.DRIFTED:
            return ()
        return tuple(one for one in diff(self.recorded.snapshot, self.live) if not one.soft)


@dataclass(frozen=True, slots=True)
class Drift:
    """A schema that has drifted, of one environment."""

    environment: str
    recorded: RecordedSchema
    found: str
    differences: tuple[Difference, ...]

    @classmethod
    def of(cls, environment: str, sight: Sight) -> "Drift | None":
        if sight.recorded is None or sight.state is not DriftState.DRIFTED:
            return None
        return cls(environment, sight.recorded, sight.live.fingerprint, sight.differences)

    @property
    def summary(self) -> str:
        count = count_of(len(self.differences), "object")
        first = f": {self.differences[0].text}" if self.differences else ""
        more = f", and {len(self.differences) - 1} more" if len(self.differences) > 1 else ""
        return f"{count} of {self.environment} changed since job {self.recorded.job_id} left it{first}{more}"

    @property
    def cause(self) -> str:
        """The same as long as neither side moves: one record, and one answer."""
        return f"{self.environment}:drift:{self.recorded.fingerprint}:{self.found}"

    def as_collision(self) -> Collision:
        return Collision(
            kind=ConflictKind.SCHEMA_DRIFT,
            message=self.summary,
            fingerprint=self.cause,
            environment=self.environment,
            job_id=None,
            other_job_id=self.recorded.job_id,
            evidence={
                "expectedFingerprint": self.recorded.fingerprint,
                "foundFingerprint": self.found,
                "recordedAt": self.recorded.at.isoformat(),
                "differences": shown(self.differences),
                "differencesTotal": len(self.differences),
            },
            answer="the run goes on or is refused as `onDrift` of the environment or the request says",
        )

    def refusal(self, call: str) -> DriftPresent:
        """`call`: what was refused, to be sent again with the drift taken as it is."""
        problems = tuple(Problem("drift", one.text) for one in self.differences[:MOST_SHOWN])
        return DriftPresent(
            f"{self.summary}; nothing was run",
            problems,
            next_steps=(
                f"GET /environments/{self.environment}/drift",
                f'to take the schema as it is: {call} {{"onDrift": "warn"}}',
            ),
            facts={"environment": self.environment, "expected": self.recorded.fingerprint, "found": self.found},
        )


@dataclass(frozen=True, slots=True)
class DriftCheck:
    """The last look at an environment's schema. `differences` as `shown` gives them: the first of `total`.

    `checked_at` is set by who keeps it. `first_seen_at`, `conflict_id`: of this very drift.
    """

    environment: str
    state: DriftState
    message: str
    expected: str | None = None
    found: str | None = None
    recorded_at: datetime | None = None
    recorded_by_job: UUID | None = None
    differences: tuple[Mapping[str, object], ...] = ()
    total: int = 0
    conflict_id: UUID | None = None
    first_seen_at: datetime | None = None
    checked_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Kept:
    """The schema that a job has left, as it was recorded with the job's end."""

    fingerprint: str
    at: datetime


def as_left(environment: str, job_id: UUID, kept: Kept) -> DriftCheck:
    return DriftCheck(
        environment,
        DriftState.CLEAN,
        _as_left(environment, job_id),
        expected=kept.fingerprint,
        found=kept.fingerprint,
        recorded_at=kept.at,
        recorded_by_job=job_id,
    )


def not_checked(environment: str, why: str) -> DriftCheck:
    return DriftCheck(environment, DriftState.NOT_CHECKED, why)


def unseen(environment: str) -> DriftCheck:
    """Before the first look."""
    return not_checked(environment, f"nobody has looked yet; POST /environments/{environment}/drift/scan looks")


def checked(environment: str, sight: Sight, drift: Drift | None, conflict: Conflict | None) -> DriftCheck:
    recorded = sight.recorded
    return DriftCheck(
        environment,
        sight.state,
        _said(environment, sight, drift),
        expected=recorded.fingerprint if recorded else None,
        found=sight.live.fingerprint,
        recorded_at=recorded.at if recorded else None,
        recorded_by_job=recorded.job_id if recorded else None,
        differences=tuple(shown(drift.differences)) if drift else (),
        total=len(drift.differences) if drift else 0,
        conflict_id=conflict.id if conflict else None,
        first_seen_at=conflict.first_seen_at if conflict else None,
    )


def _said(environment: str, sight: Sight, drift: Drift | None) -> str:
    if drift is not None:
        return drift.summary
    if sight.holder is not None:
        return f"job {sight.holder} is at work on {environment}; what it changes is no drift"
    if sight.recorded is None:
        return f"no job has changed {environment} yet, so there is nothing to hold its schema against"
    if not sight.recorded.is_newest:
        return f"the schema of {environment} could not be read when the last job ended; the next one records it"
    return _as_left(environment, sight.recorded.job_id)


def _as_left(environment: str, job_id: UUID) -> str:
    return f"the schema of {environment} is as job {job_id} left it"


def judged(drift: Drift | None, on_drift: OnDrift, call: str) -> Drift | None:
    """The drift that is to be mentioned. Raises DriftPresent where the answer to it is to refuse."""
    if drift is None or on_drift is OnDrift.IGNORE:
        return None
    if on_drift is OnDrift.REFUSE:
        raise drift.refusal(call)
    return drift


def shown(differences: Sequence[Difference]) -> list[Mapping[str, object]]:
    """As JSON says it; the first of them where there are very many."""
    return [
        {
            "kind": one.kind,
            "object": one.identity,
            "change": one.how.value,
            "text": one.text,
            "expected": one.expected,
            "found": one.found,
        }
        for one in differences[:MOST_SHOWN]
    ]
