"""ConflictResolutionService: what collided is put on record, explained, and settled when its cause is gone."""

from collections.abc import Sequence
from uuid import UUID

from app.domain.conflict import Collision, Conflict, ConflictKind
from app.domain.divergence import Divergence
from app.domain.errors import NotFound
from app.domain.job import Attempt, ClaimRefusal, ClaimRefused, JobId
from app.ports import ConflictLog, ConflictQuery, FenceBusy, HeldElsewhere

OF_FILES = (
    ConflictKind.CHECKSUM_MISMATCH,
    ConflictKind.VERSION_COLLISION,
    ConflictKind.MISSING_FILE,
    ConflictKind.MISSING_DEPENDENCY,
    ConflictKind.CYCLE,
    ConflictKind.OUT_OF_ORDER,
)


class ConflictResolutionService:
    def __init__(self, log: ConflictLog) -> None:
        self._log = log

    async def list(self, query: ConflictQuery) -> tuple[Conflict, ...]:
        return await self._log.find(query)

    async def get(self, conflict_id: UUID) -> Conflict:
        """Raises NotFound."""
        conflict = await self._log.get(conflict_id)
        if conflict is None:
            raise NotFound(f"there is no conflict {conflict_id}", next_steps=("GET /migrations/conflicts",))
        return conflict

    async def record_divergences(self, environment: str, found: Sequence[Divergence]) -> None:
        """Record what files and history disagree about now, and close what they no longer do."""
        collisions = [divergence.as_collision(environment) for divergence in found]
        if collisions:
            await self._log.record_all(collisions)
        seen = [collision.fingerprint for collision in collisions]
        await self._log.expire(environment, [kind.value for kind in OF_FILES], seen)

    async def record_refused_claim(self, refused: ClaimRefused, worker: str) -> None:
        """Two workers met at one job, or two jobs at one target."""
        if refused.why is ClaimRefusal.UNKNOWN:
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
        await self._log.record(
            Collision(
                kind=ConflictKind.FENCED,
                message=f"attempt {attempt.number} of the job came back after a newer attempt had taken over",
                fingerprint=f"{attempt.job_id}:fenced:{attempt.number}",
                environment=attempt.request.environment,
                job_id=attempt.job_id,
                other_job_id=attempt.job_id,
                evidence={"attempt": attempt.number, "worker": attempt.owner},
                answer="stopped before it could write",
            )
        )

    async def settle_contention(self, job_id: JobId, waited_ms: int) -> None:
        await self._log.settle_contention(job_id, waited_ms)


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
