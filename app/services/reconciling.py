"""Whether targets still have what the control database says was done in them: a failover may have lost it."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from app.domain.environment import Environment
from app.domain.errors import BackendUnavailable
from app.domain.job import Job
from app.ports import JobBoard, JobQuery, Targets
from app.services.conflict import ConflictResolutionService

LOOK_BACK = 50
AT_ONCE = 8


@dataclass(frozen=True, slots=True)
class Reconciled:
    """`unread`: why the target could not be asked. `lost`: jobs that it has no end of, newest first."""

    environment: str
    lost: tuple[Job, ...] = ()
    unread: str | None = None


class Reconciler:
    def __init__(self, board: JobBoard, targets: Targets, conflicts: ConflictResolutionService) -> None:
        self._board = board
        self._targets = targets
        self._conflicts = conflicts

    async def reconcile(self, environments: Sequence[Environment]) -> tuple[Reconciled, ...]:
        """Hold the newest 50 jobs of each environment against its target; what is lost is put on record.

        A target that cannot be read is passed over, and keeps nobody waiting but itself. Raises BackendUnavailable
        for the control database.
        """
        places = asyncio.Semaphore(AT_ONCE)

        async def one(environment: Environment) -> Reconciled:
            async with places:
                return await self._one(environment)

        return tuple(await asyncio.gather(*(one(environment) for environment in environments)))

    async def _one(self, environment: Environment) -> Reconciled:
        found = await self._board.find(JobQuery(environment=environment.name, limit=LOOK_BACK))
        # a job that never took its target left nothing in it
        ended = [job for job in found if job.state.final and job.starts > 0 and job.request.kind.writes_target]
        try:
            there = await self._targets.ended(environment, [job.id for job in ended])
        except BackendUnavailable as error:
            return Reconciled(environment.name, unread=error.detail)
        lost = tuple(job for job in ended if job.id not in there)
        await self._conflicts.record_lost(environment.name, lost)
        return Reconciled(environment.name, lost)
