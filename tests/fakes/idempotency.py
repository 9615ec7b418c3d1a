"""IdempotencyKeys in memory."""

import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta

from app.domain.errors import IdempotencyInProgress, IdempotencyKeyReused
from app.domain.job import JobId
from app.ports import Clock, KeyClaim, KnownJob, StoredAnswer

LOCKED_FOR = timedelta(seconds=90)
KEPT_FOR = timedelta(hours=24)


@dataclass(slots=True)
class Entry:
    request_hash: bytes
    token: uuid.UUID
    locked_until: datetime
    expires_at: datetime
    answer: StoredAnswer | None = None
    job_id: JobId | None = None


class MemoryIdempotencyKeys:
    """Implements ports.IdempotencyKeys; `use` and `purge` are for the jobs' store."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._entries: dict[tuple[str, str], Entry] = {}

    async def begin(self, client: str, key: str, request_hash: bytes) -> KeyClaim | StoredAnswer | KnownJob:
        now = self._clock.now()
        entry = self._entries.get((client, key))
        if entry is None or self._may_take_over(entry, request_hash):
            token = uuid.uuid4()
            self._entries[client, key] = Entry(request_hash, token, now + LOCKED_FOR, now + KEPT_FOR)
            return KeyClaim(client, key, token)
        if entry.request_hash != request_hash:
            raise IdempotencyKeyReused(f"the Idempotency-Key {key!r} was used for another request")
        if entry.answer is not None:
            return entry.answer
        if entry.job_id is not None:
            return KnownJob(entry.job_id)
        raise IdempotencyInProgress(f"the first request with the Idempotency-Key {key!r} has not been answered yet")

    async def complete(self, claim: KeyClaim, answer: StoredAnswer) -> None:
        entry = self._ours(claim)
        if entry is not None:
            entry.answer = answer

    async def release(self, claim: KeyClaim) -> None:
        entry = self._ours(claim)
        if entry is not None and entry.job_id is None:
            del self._entries[claim.client, claim.key]

    def use(self, claim: KeyClaim, job_id: JobId) -> None:
        entry = self._ours(claim)
        if entry is None:
            raise IdempotencyInProgress(f"another request with the Idempotency-Key {claim.key!r} has taken over")
        entry.job_id = job_id

    def purge(self) -> int:
        now = self._clock.now()
        past = [name for name, entry in self._entries.items() if entry.expires_at < now]
        for name in past:
            del self._entries[name]
        return len(past)

    def _may_take_over(self, entry: Entry, request_hash: bytes) -> bool:
        now = self._clock.now()
        unanswered = entry.answer is None and entry.job_id is None and entry.locked_until < now
        return entry.expires_at < now or (unanswered and entry.request_hash == request_hash)

    def _ours(self, claim: KeyClaim) -> Entry | None:
        entry = self._entries.get((claim.client, claim.key))
        return entry if entry is not None and entry.token == claim.token else None
