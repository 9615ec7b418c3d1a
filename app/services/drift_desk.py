"""What people ask about drift: the last look, a new one, and a file that takes it over or back."""

import asyncio

from app.domain.conflict import Conflict
from app.domain.drift import Drift, DriftCheck
from app.domain.drift_draft import Draft, draft_of, version_among, version_for
from app.domain.errors import LiftlockError, StillDisagrees, ValidationFailed
from app.domain.job import JobId, JobKind, JobRequest, Origin
from app.domain.problem import Problem
from app.domain.settling import MarkAs, Resolution, Settling
from app.domain.step import Atomicity
from app.ports import Clock, Drafts, JobBoard, KeyClaim, NewJob, Schemas, Source, Targets
from app.services.drift import DriftRecorder
from app.services.environments import Environments
from app.services.submission import Submission, Submitted


class DriftDesk:
    def __init__(
        self,
        environments: Environments,
        schemas: Schemas,
        recorder: DriftRecorder,
        source: Source,
        targets: Targets,
        drafts: Drafts,
        submission: Submission,
        board: JobBoard,
        clock: Clock,
    ) -> None:
        self._environments = environments
        self._schemas = schemas
        self._recorder = recorder
        self._source = source
        self._targets = targets
        self._drafts = drafts
        self._submission = submission
        self._board = board
        self._clock = clock

    async def last(self, environment: str) -> tuple[DriftCheck, ...]:
        """Of each target. Raises NotFound."""
        return tuple([await self._recorder.last(one) for one in self._environments.each(environment)])

    async def scan(
        self, environment: str, note: str | None, origin: Origin, idempotency: KeyClaim | None = None
    ) -> Submitted:
        """A job that looks now; it waits for no other job. Raises NotFound or ReadOnly."""
        self._submission.refuse_when_read_only()
        self._environments.configured(environment)
        new = NewJob(
            id=JobId(self._clock.new_id()),
            request=JobRequest(JobKind.SCAN, environment, note=note),
            origin=origin,
            message=f"the look at the schema of {environment} is waiting for a worker",
            idempotency=idempotency,
        )
        job = await self._board.add(new)
        return Submitted(job, await self._submission.ring(job))

    async def adopt(
        self, conflict: Conflict, note: str | None, origin: Origin, idempotency: KeyClaim | None
    ) -> Submitted:
        """Write the file, and the job that records it as applied; neither, when the job is refused.

        Raises StillDisagrees when the schema has moved since, FolderNotWritable, or what submitting raises.
        """
        draft, found = await self._write(conflict, Resolution.ADOPT_DRIFT)
        request = JobRequest(
            kind=JobKind.MARK,
            environment=conflict.collision.environment or "",
            atomic=Atomicity.RUN,
            note=note or f"adopts what has drifted; written to {draft.file}",
            names=(draft.name,),
            mark_as=MarkAs.APPLIED,
            settling=Settling(conflict.id, Resolution.ADOPT_DRIFT, draft.name, schema=found, draft=draft.file),
        )
        try:
            submitted = await self._submission.submit(request, origin, idempotency)
        except LiftlockError:
            await self._drafts.remove(draft.file)
            raise
        return Submitted(submitted.job, (*submitted.warnings, *_said(draft)))

    async def revert(self, conflict: Conflict) -> str:
        """Write the file that takes the drift back; what to say of it. Raises as `adopt`."""
        draft, _ = await self._write(conflict, Resolution.REVERT_DRIFT)
        left = f"; there is no SQL for {', '.join(draft.left)}" if draft.left else ""
        return f"written to {draft.file}; look at it, then run it with onDrift: warn{left}"

    async def _write(self, conflict: Conflict, resolution: Resolution) -> tuple[Draft, str]:
        """And the fingerprint of the schema that it was made of."""
        environment = self._environments.named(conflict.collision.environment or "")
        sight = await self._schemas.sight(environment)
        drift = Drift.of(environment.name, sight)
        if drift is None or drift.cause != conflict.collision.fingerprint:
            await self._recorder.note(environment.name, sight)
            message = (
                f"the schema of {environment.name} is no longer as the conflict describes it; "
                f"look at what has drifted by now"
            )
            problem = Problem("drift_moved", message)
            raise StillDisagrees(message, (problem,), next_steps=(f"GET /environments/{environment.name}/drift",))
        catalog, now = await self._source.read(), self._clock.now()
        version = version_for(catalog, now)
        if resolution is Resolution.ADOPT_DRIFT:
            version = version_among(catalog, (await self._targets.read(environment)).history, now)
        # diffing a large schema takes a while: the loop belongs to every request of this process
        draft = await asyncio.to_thread(draft_of, drift, resolution, now, version)
        if len(draft.left) == len(drift.differences):
            message = (
                f"there is no SQL for {', '.join(draft.left)}; write the migration yourself, and mark it as applied"
            )
            raise ValidationFailed(message, (Problem("no_sql", message, pointer="/resolution"),))
        await self._drafts.add(draft.file, draft.text)
        return draft, drift.found


def _said(draft: Draft) -> tuple[str, ...]:
    said = (f"{draft.file} was written; put it under version control",)
    return (*said, f"there is no SQL for {', '.join(draft.left)}: add it to the file") if draft.left else said
