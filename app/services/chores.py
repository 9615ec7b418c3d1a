"""Chores: jobs that work on the control database alone. They wait for no target, and only for their own kind."""

import structlog

from app.domain.job import Attempt, Ended, JobKind, JobState, Outcome, Superseded
from app.domain.step import count_of
from app.ports import Doorbell, JobClaims, JobSweep
from app.services.outcomes import crashed

SWEEP_LIMIT = 100

log = structlog.get_logger()


class Chores:
    def __init__(self, claims: JobClaims, sweep: JobSweep, doorbell: Doorbell) -> None:
        self._claims = claims
        self._sweep = sweep
        self._doorbell = doorbell

    async def carry_out(self, attempt: Attempt) -> Outcome:
        """One statement or a few, each harmless to repeat: a worker that dies here is simply followed by another."""
        starts = await self._claims.started(attempt, 0)
        if starts is None:
            return Superseded(f"attempt {attempt.number} of job {attempt.job_id} is over")
        if starts > attempt.max_starts:
            return crashed(starts)
        if attempt.request.kind is JobKind.PURGE:
            return _ended(await self._sweep.purge(), "idempotency key", "deleted whose time was over")
        return _ended(await self._rescue(), "job", "given back whose worker had stopped answering")

    async def _rescue(self) -> int:
        rescued = await self._sweep.rescue(SWEEP_LIMIT)
        for job_id in rescued:
            log.warning("job.rescued", job=str(job_id))
        for job_id in await self._sweep.due(SWEEP_LIMIT):
            if not await self._doorbell.ring(job_id):
                await self._sweep.unrung(job_id)
                break
        return len(rescued)


def _ended(count: int, noun: str, what: str) -> Ended:
    if count == 0:
        return Ended(JobState.SUCCEEDED, "nothing_to_do", f"nothing to do: no {noun} had to be {what}")
    return Ended(JobState.SUCCEEDED, "done", f"{count_of(count, noun)} {what}")
