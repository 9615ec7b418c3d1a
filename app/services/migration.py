"""MigrationService: run what is pending, and say where every migration stands."""

from dataclasses import replace
from uuid import UUID

from app.domain.errors import NotFound
from app.domain.job import Job, JobId, JobKind, JobRequest, Origin
from app.domain.step import Atomicity
from app.ports import JobBoard, JobQuery, KeyClaim
from app.services.submission import Dedupe, Submission, Submitted


class MigrationService:
    def __init__(self, submission: Submission, board: JobBoard) -> None:
        self._submission = submission
        self._board = board

    async def submit(
        self,
        request: JobRequest,
        origin: Origin,
        idempotency: KeyClaim | None = None,
        dedupe: Dedupe | None = None,
    ) -> Submitted:
        """Raises the refusals of a run (see `planning.plan_job`), or BackendUnavailable."""
        return await self._submission.submit(replace(request, kind=JobKind.RUN), origin, idempotency, dedupe)

    async def mark(self, request: JobRequest, origin: Origin, idempotency: KeyClaim | None = None) -> Submitted:
        """Record `request.names` as applied or rolled back without running them, all or none.

        Raises NotFound, CannotMark, NewerDependents or MigrationsInvalid.
        """
        return await self._submission.submit(
            replace(request, kind=JobKind.MARK, atomic=Atomicity.RUN), origin, idempotency
        )

    async def job(self, job_id: UUID) -> Job:
        """With its steps. Raises NotFound."""
        job = await self._board.get(JobId(job_id))
        if job is None:
            raise NotFound(f"there is no job {job_id}", next_steps=("GET /jobs",))
        return job

    async def jobs(self, query: JobQuery) -> tuple[Job, ...]:
        return await self._board.find(query)
