"""ConflictLog in memory."""

from collections.abc import Sequence
from dataclasses import replace
from uuid import UUID

from app.domain.conflict import Collision, Conflict, ConflictKind, ConflictState
from app.domain.job import JobId
from app.ports import Answer, Clock, ConflictQuery
from tests.fakes.jobs import concerns


class MemoryConflicts:
    """Implements ports.ConflictLog and ports.ConflictAnswers; `audit` is the trail of who said what."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.audit: list[Answer] = []
        self._records: dict[UUID, Conflict] = {}

    async def record(self, collision: Collision) -> Conflict:
        now = self._clock.now()
        known = next((one for one in self._records.values() if _is_same(one, collision)), None)
        if known is not None:
            seen = replace(
                known.collision, message=collision.message, evidence=collision.evidence, answer=collision.answer
            )
            again = replace(known, collision=seen, count=known.count + 1, last_seen_at=now)
            if known.ignored_until is not None and known.ignored_until < now:
                again = replace(again, state=ConflictState.OPEN, resolution=None, resolved_at=None, ignored_until=None)
            return self._keep(again)
        settled = collision.state is ConflictState.RESOLVED
        return self._keep(
            Conflict(
                id=self._clock.new_id(),
                collision=collision,
                state=collision.state,
                count=1,
                first_seen_at=now,
                last_seen_at=now,
                resolved_at=now if settled else None,
                resolution="none" if settled else None,
            )
        )

    async def record_all(self, collisions: Sequence[Collision]) -> tuple[Conflict, ...]:
        return tuple([await self.record(collision) for collision in collisions])

    async def find(self, query: ConflictQuery) -> tuple[Conflict, ...]:
        found = [
            one
            for one in self._records.values()
            if (query.before is None or one.id < query.before)
            and query.state in (None, one.state)
            and concerns(query.environment, one.collision.environment, with_targets=query.with_targets)
        ]
        return tuple(sorted(found, key=lambda one: one.id, reverse=True)[: query.limit])

    async def get(self, conflict_id: UUID) -> Conflict | None:
        return self._records.get(conflict_id)

    async def close(self, conflict_id: UUID, answer: Answer) -> Conflict | None:
        known = self._records.get(conflict_id)
        if known is None or known.state is ConflictState.RESOLVED:
            return None
        if known.state is ConflictState.EXPIRED and answer.job_id is None:
            return None
        if answer.job_id is None:
            self.audit.append(answer)
        who = answer.origin.principal.label
        said = replace(known.collision, answer=f"{answer.resolution}, said {who}")
        settled = replace(
            known,
            collision=said,
            resolved_by=who,
            note=answer.note,
            resolved_by_job=answer.job_id,
            ignored_until=answer.until,
        )
        return self._close(settled, ConflictState.RESOLVED, answer.resolution)

    async def ignored(self, environment: str) -> frozenset[str]:
        now = self._clock.now()
        return frozenset(
            one.collision.fingerprint
            for one in self._records.values()
            if one.ignored_until is not None and one.ignored_until > now and one.collision.environment == environment
        )

    async def settle_contention(self, job_id: JobId, waited_ms: int) -> int:
        waiting = [
            one
            for one in self._open()
            if one.collision.kind is ConflictKind.LOCK_CONTENTION and one.collision.job_id == job_id
        ]
        for one in waiting:
            answered = replace(one.collision, answer="the waiting job got its turn")
            settled = replace(one, collision=answered, waited_ms=waited_ms)
            self._close(settled, ConflictState.RESOLVED, "wait")
        return len(waiting)

    async def expire(self, environment: str, kinds: Sequence[str], seen: Sequence[str]) -> int:
        gone = [
            one
            for one in self._open()
            if one.collision.environment == environment
            and one.collision.kind.value in kinds
            and one.collision.fingerprint not in seen
        ]
        for one in gone:
            self._close(one, ConflictState.EXPIRED, "cause_gone")
        return len(gone)

    def _open(self) -> list[Conflict]:
        return [one for one in self._records.values() if one.state is ConflictState.OPEN]

    def _close(self, conflict: Conflict, state: ConflictState, resolution: str) -> Conflict:
        return self._keep(replace(conflict, state=state, resolution=resolution, resolved_at=self._clock.now()))

    def _keep(self, conflict: Conflict) -> Conflict:
        self._records[conflict.id] = conflict
        return conflict


def _is_same(known: Conflict, collision: Collision) -> bool:
    folds = known.state is ConflictState.OPEN or known.resolution in ("none", "ignore", "ignore_until")
    return folds and known.collision.fingerprint == collision.fingerprint
