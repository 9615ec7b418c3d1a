"""ConflictResolutionService: what collided is put on record, explained, and settled when its cause is gone."""

from collections.abc import Sequence
from uuid import UUID

from app.domain.claim import ClaimRefusal, ClaimRefused
from app.domain.comparison import Comparison
from app.domain.conflict import Collision, Conflict, ConflictKind
from app.domain.divergence import Divergence
from app.domain.drift import Drift
from app.domain.errors import AlreadySettled, NotFound, TargetBusy
from app.domain.job import Attempt, Job, JobId, Origin
from app.domain.principal import Principal
from app.domain.step import count_of
from app.ports import Answer, ConflictAnswers, ConflictLog, ConflictQuery, FenceBusy, HeldElsewhere, JobBoard

OF_FILES = (
    ConflictKind.CHECKSUM_MISMATCH,
    ConflictKind.VERSION_COLLISION,
    ConflictKind.MISSING_FILE,
    ConflictKind.MISSING_DEPENDENCY,
    ConflictKind.CYCLE,
    ConflictKind.OUT_OF_ORDER,
    ConflictKind.OBJECT_OVERLAP,
)
OF_PENDING = (ConflictKind.OBJECT_OVERLAP,)
"""Of files that wait to run: it is gone with the job that runs them, and nobody need say so."""


class ConflictResolutionService:
    def __init__(self, log: ConflictLog, answers: ConflictAnswers, board: JobBoard) -> None:
        self._log = log
        self._answers = answers
        self._board = board

    async def list(self, query: ConflictQuery) -> tuple[Conflict, ...]:
        return await self._log.find(query)

    async def get(self, conflict_id: UUID) -> Conflict:
        """Raises NotFound."""
        conflict = await self._log.get(conflict_id)
        if conflict is None:
            raise NotFound(f"there is no conflict {conflict_id}", next_steps=("GET /migrations/conflicts",))
        return conflict

    async def close(self, conflict: Conflict, answer: Answer) -> Conflict:
        """Raises AlreadySettled when somebody, or something, was faster."""
        closed = await self._answers.close(conflict.id, answer)
        if closed is None:
            raise already_settled(await self.get(conflict.id))
        return closed

    async def close_by_job(self, conflict_id: UUID, answer: Answer) -> None:
        """Nothing when it is settled already: the job has been accepted, or has ended, all the same."""
        await self._answers.close(conflict_id, answer)

    async def close_done(self, attempt: Attempt) -> None:
        """The job has done in its target what was answered; it may have said so before."""
        request = attempt.request
        if request.settling is not None:
            origin = Origin(Principal(attempt.actor))
            answer = Answer(request.settling.resolution, origin, request.note, attempt.job_id)
            await self.close_by_job(request.settling.conflict_id, answer)

    async def refuse_unless_stranded(self, job_id: UUID) -> None:
        """Raises TargetBusy when the job is known and has not ended: it will go on by itself."""
        job = await self._board.get(JobId(job_id))
        if job is not None and not job.state.final:
            raise TargetBusy(
                f"job {job_id} is {job.state} and goes on by itself; the target is not stranded",
                facts={"jobId": str(job_id), "state": job.state.value},
                next_steps=(f"GET /jobs/{job_id}?wait=30",),
            )

    async def record_divergences(self, environment: str, found: Sequence[Divergence]) -> None:
        """Record what files and history disagree about now."""
        collisions = [divergence.as_collision(environment) for divergence in found]
        if collisions:
            await self._log.record_all(collisions)

    async def close_gone(
        self, environment: str, found: Sequence[Divergence], kinds: Sequence[ConflictKind] = OF_FILES
    ) -> None:
        """Close what files and history, both of them looked at, do not disagree about any more."""
        seen = [divergence.as_collision(environment).fingerprint for divergence in found]
        await self._log.expire(environment, [kind.value for kind in kinds], seen)

    async def record_drift(self, environment: str, drift: Drift | None) -> Conflict | None:
        """The record of what has drifted by now; that of an earlier drift is closed."""
        recorded = None if drift is None else await self._log.record(drift.as_collision())
        seen = [] if recorded is None else [recorded.collision.fingerprint]
        await self._log.expire(environment, [ConflictKind.SCHEMA_DRIFT], seen)
        return recorded

    async def record_lost(self, environment: str, lost: Sequence[Job]) -> None:
        """The record of the jobs that a target has no end of; that of others is closed."""
        recorded = [await self._log.record(_lost(environment, lost))] if lost else []
        seen = [one.collision.fingerprint for one in recorded]
        await self._log.expire(environment, [ConflictKind.LOST_WORK], seen)

    async def record_divergence(self, environment: str, found: Sequence[Comparison]) -> None:
        """The record of what it disagrees in with those it requires; that of what is settled is closed."""
        collisions = [one.as_collision() for one in found if one.disagrees]
        if collisions:
            await self._log.record_all(collisions)
        if not any(one.is_unread for one in found):
            seen = [one.fingerprint for one in collisions]
            await self._log.expire(environment, [ConflictKind.ENVIRONMENT_DIVERGENCE], seen)

    async def ignored(self, environment: str) -> frozenset[str]:
        """Fingerprints of conflicts that somebody has asked to leave, for as long as that holds."""
        return await self._log.ignored(environment)

    async def record_refused_claim(self, refused: ClaimRefused, worker: str) -> None:
        """Two workers met at one job, or two jobs at one target."""
        if refused.why in (ClaimRefusal.UNKNOWN, ClaimRefusal.NEWER_RELEASE):
            return
        await self._log.record(
            _not_head(refused, worker) if refused.why is ClaimRefusal.NOT_HEAD else _delivered_again(refused, worker)
        )

    async def record_lease_held(self, attempt: Attempt, held: HeldElsewhere) -> None:
        await self._log.record(
            Collision(
                kind=ConflictKind.LOCK_CONTENTION,
                message=f"job {held.job_id} still holds the lease of {attempt.request.environment}",
                fingerprint=f"{attempt.job_id}:lease:{held.job_id}",
                environment=attempt.request.environment,
                job_id=attempt.job_id,
                other_job_id=UUID(held.job_id),
                evidence={"reason": "lease_live", "holderAttempt": held.attempt, "leaseLeftMs": held.ttl_ms},
                answer="given back to the queue until the lease is free",
            )
        )

    async def record_fence_busy(self, attempt: Attempt, busy: FenceBusy) -> None:
        """Held by a job that goes on, or by one that nobody will go on with: then a person must release it."""
        holder = None if busy.job_id is None else await self._board.get(JobId(busy.job_id))
        if busy.job_id is not None and (holder is None or holder.state.final):
            await self._log.record(_stranded(attempt, busy, holder))
            return
        await self._log.record(
            Collision(
                kind=ConflictKind.LOCK_CONTENTION,
                message=f"the target of {attempt.request.environment} is held by job {busy.job_id}",
                fingerprint=f"{attempt.job_id}:fence:{busy.job_id}",
                environment=attempt.request.environment,
                job_id=attempt.job_id,
                other_job_id=busy.job_id,
                evidence={
                    "reason": "fence_held",
                    "holderAttempt": busy.attempt,
                    "holderSince": busy.since.isoformat() if busy.since else None,
                },
                answer="given back to the queue until the target is free",
            )
        )

    async def record_fenced(self, attempt: Attempt) -> None:
        job = await self._board.get(attempt.job_id)
        await self._log.record(
            Collision(
                kind=ConflictKind.FENCED,
                message=f"attempt {attempt.number} of the job came back after a newer attempt had taken over",
                fingerprint=f"{attempt.job_id}:fenced:{attempt.number}",
                environment=attempt.request.environment,
                job_id=attempt.job_id,
                other_job_id=attempt.job_id,
                evidence={
                    "attempt": attempt.number,
                    "worker": attempt.owner,
                    "newestAttempt": job.attempt if job is not None else None,
                },
                answer="stopped before it could write",
            )
        )

    async def settle_contention(self, job_id: JobId, waited_ms: int) -> None:
        await self._log.settle_contention(job_id, waited_ms)


def already_settled(conflict: Conflict) -> AlreadySettled:
    when = conflict.resolved_at.isoformat() if conflict.resolved_at else None
    by = f" by {conflict.resolved_by}" if conflict.resolved_by else ""
    return AlreadySettled(
        f"the conflict is {conflict.state} already ({conflict.resolution}{by}); nothing was done",
        facts={"state": conflict.state.value, "resolution": conflict.resolution, "resolvedAt": when},
        next_steps=(f"GET /migrations/conflicts/{conflict.id}",),
    )


def _stranded(attempt: Attempt, busy: FenceBusy, holder: Job | None) -> Collision:
    environment = attempt.request.environment
    known = "does not know" if holder is None else f"knows as {holder.state}"
    return Collision(
        kind=ConflictKind.STRANDED_TARGET,
        message=f"the target of {environment} is held by job {busy.job_id}, which the control database {known}; "
        f"nobody will go on with it",
        fingerprint=f"{environment}:stranded:{busy.job_id}",
        environment=environment,
        job_id=attempt.job_id,
        other_job_id=busy.job_id,
        evidence={
            "inTarget": {
                "job": str(busy.job_id),
                "attempt": busy.attempt,
                "since": busy.since.isoformat() if busy.since else None,
            },
            "inControlDatabase": holder.state.value if holder is not None else "unknown",
        },
        answer="given back to the queue until somebody releases the target",
    )


def _lost(environment: str, lost: Sequence[Job]) -> Collision:
    """One record for all of them: they were lost together."""
    newest = lost[0]
    return Collision(
        kind=ConflictKind.LOST_WORK,
        message=f"the target of {environment} knows nothing of {count_of(len(lost), 'job')} that ended in it "
        f"(the newest is {newest.id}): it was restored to an earlier moment, or is another database",
        fingerprint=f"{environment}:lost:{newest.id}:{lost[-1].id}:{len(lost)}",
        environment=environment,
        job_id=newest.id,
        evidence={
            "inControlDatabase": [
                {
                    "job": str(job.id),
                    "kind": job.request.kind.value,
                    "state": job.state.value,
                    "finishedAt": job.finished_at.isoformat() if job.finished_at else None,
                }
                for job in lost
            ],
            "inTarget": "none of them",
        },
        answer="put on record; nothing was done to the target",
    )


def _not_head(refused: ClaimRefused, worker: str) -> Collision:
    return Collision(
        kind=ConflictKind.LOCK_CONTENTION,
        message=f"job {refused.holder} has the target of {refused.environment}",
        fingerprint=f"{refused.job_id}:queue:{refused.holder}",
        environment=refused.environment,
        job_id=refused.job_id,
        other_job_id=refused.holder,
        evidence={"reason": "not_head", "worker": worker, **refused.evidence},
        answer="left in the queue; it starts when the job before it ends",
    )


def _delivered_again(refused: ClaimRefused, worker: str) -> Collision:
    running = refused.why is ClaimRefusal.ALREADY_RUNNING
    return Collision(
        kind=ConflictKind.DUPLICATE_DELIVERY,
        message="the job was delivered again while it " + ("was running" if running else "had already ended"),
        fingerprint=f"{refused.job_id}:delivered",
        environment=refused.environment,
        job_id=refused.job_id,
        other_job_id=refused.holder,
        evidence={"worker": worker, **refused.evidence},
        answer="dropped; nothing ran twice",
    )
