"""Holds the schema of a target against the one that the last job left, and puts on record what it has found."""

from collections.abc import Sequence
from dataclasses import replace
from uuid import UUID

import structlog

from app.domain.consent import call_of
from app.domain.drift import Drift, DriftCheck, Kept, Sight, as_left, checked, judged, not_checked, unseen
from app.domain.environment import Environment, OnDrift, SchemaCheck
from app.domain.errors import BackendUnavailable, DriftPresent, StillDisagrees
from app.domain.job import Attempt, JobRequest
from app.domain.problem import Problem
from app.domain.step import Plan
from app.ports import DriftLog, Schemas, TargetView
from app.services.conflict import ConflictResolutionService

log = structlog.get_logger()


class DriftGuard:
    """For one attempt at one job. Only a run is refused: to undo or to mark may be how drift is answered.

    `ignored`: fingerprints of drift that somebody has asked to leave for a while.
    """

    def __init__(self, environment: Environment, attempt: Attempt, ignored: frozenset[str]) -> None:
        self._environment = environment
        self._policy = attempt.request.on_drift or environment.on_drift
        self._may_refuse = attempt.request.kind.goes_up
        self._call = call_of(attempt.request)
        self._ignored = ignored
        settling = attempt.request.settling
        self._adopted = None if settling is None else settling.schema
        self.seen: Sight | None = None

    def judge(self, plan: Plan, view: TargetView) -> Plan:
        """The plan, with a word about drift where there is some. Raises DriftPresent, also where nobody can tell."""
        sight = view.sight
        if not plan.steps:
            return plan
        self._refuse_another_than_adopted(sight)
        if view.unread and self._policy is not OnDrift.IGNORE:
            return self._unread(plan)
        if sight is None or self._policy is OnDrift.IGNORE:
            return plan
        self.seen, drift = sight, Drift.of(self._environment.name, sight)
        if drift is None or drift.cause in self._ignored:
            return plan
        found = judged(drift, self._policy if self._may_refuse else OnDrift.WARN, self._call)
        return plan if found is None else replace(plan, remarks=(*plan.remarks, found.summary))

    def _unread(self, plan: Plan) -> Plan:
        said = f"the schema of {self._environment.name} could not be read, since somebody holds a lock on a part of it"
        if self._may_refuse and self._policy is OnDrift.REFUSE:
            raise DriftPresent(
                f"{said}; whether it has drifted nobody can tell, and nothing was run",
                (Problem("schema_not_read", said),),
                next_steps=(
                    "look in pg_locks for AccessExclusiveLock, wait for that session, then run again",
                    f'to run without looking: {self._call} {{"onDrift": "warn"}}',
                ),
                facts={"environment": self._environment.name},
            )
        return replace(plan, remarks=(*plan.remarks, f"{said}; whether it had drifted is not known"))

    def _refuse_another_than_adopted(self, sight: Sight | None) -> None:
        """A draft was made of one schema; what has been changed since would be taken over unseen."""
        if self._adopted is not None and (sight is None or sight.live.fingerprint != self._adopted):
            message = (
                f"the schema of {self._environment.name} is no longer the one that was to be adopted, or cannot be "
                f"read; nothing was recorded. The file that was written holds what was seen: remove it, and look again"
            )
            raise StillDisagrees(message, (Problem("drift_moved", message),))


class DriftRecorder:
    def __init__(self, schemas: Schemas, checks: DriftLog, conflicts: ConflictResolutionService) -> None:
        self._schemas = schemas
        self._checks = checks
        self._conflicts = conflicts

    async def last(self, environment: Environment) -> DriftCheck:
        return await self._checks.of(environment.name) or unseen(environment.name)

    async def look(self, environment: Environment) -> DriftCheck:
        """Look now, and put it on record. Raises BackendUnavailable for the control database alone."""
        if environment.schema_check is SchemaCheck.OFF:
            return await self._checks.put(
                not_checked(environment.name, f'schemaCheck = "off" for {environment.name} in liftlock.toml')
            )
        try:
            sight = await self._schemas.sight(environment)
        except BackendUnavailable as error:
            return await self._checks.put(not_checked(environment.name, error.detail))
        return await self.note(environment.name, sight)

    async def look_at_all(self, environments: Sequence[Environment]) -> tuple[DriftCheck, ...]:
        return tuple([await self.look(one) for one in environments])

    async def foresee(self, environment: Environment, sight: Sight, request: JobRequest) -> str | None:
        """What the request would be told of drift now. Raises DriftPresent where it would be refused."""
        drift = Drift.of(environment.name, sight)
        if drift is None or drift.cause in await self._conflicts.ignored(environment.name):
            return None
        found = judged(drift, environment.on_drift, call_of(request))
        return None if found is None else found.summary

    async def left(self, environment: str, job_id: UUID, kept: Kept) -> None:
        """What the job has met is a part of the record now, and no drift any more."""
        await self._conflicts.record_drift(environment, None)
        await self._checks.put(as_left(environment, job_id, kept))

    async def note(self, environment: str, sight: Sight) -> DriftCheck:
        """What has drifted by now, and nothing else: an earlier drift has become another one, or is gone."""
        drift = Drift.of(environment, sight)
        conflict = None
        if sight.says_something:
            conflict = await self._conflicts.record_drift(environment, drift)
        return await self._checks.put(checked(environment, sight, drift, conflict))
