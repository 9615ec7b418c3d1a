"""IdempotencyKeys on PostgreSQL: the first request with a key answers for all of them, for 24 hours.

A key is locked while its first request works. Should that request die, the lock lapses and another may
take the key over with a token of its own; the dead one's transaction then no longer finds its token.
"""

import json
import uuid
from dataclasses import asdict

from sqlalchemy import text

from app.adapters.control.database import ControlDatabase
from app.domain.errors import IdempotencyInProgress, IdempotencyKeyReused
from app.domain.job import JobId
from app.ports import KeyClaim, KnownJob, StoredAnswer

_BEGIN = text("""
    INSERT INTO liftlock_control.idempotency_keys AS k
        (client, key, request_hash, token, locked_until, expires_at)
    VALUES (:client, :key, :hash, :token,
            clock_timestamp() + interval '90 s', clock_timestamp() + interval '24 h')
    ON CONFLICT (client, key) DO UPDATE
    SET request_hash = excluded.request_hash, token = excluded.token, locked_until = excluded.locked_until,
        expires_at = excluded.expires_at, answer = NULL, job_id = NULL
    WHERE k.expires_at < clock_timestamp()
       OR k.answer IS NULL AND k.job_id IS NULL AND k.locked_until < clock_timestamp()
          AND k.request_hash = excluded.request_hash
    RETURNING 1
""")
_LOOK = text("""
    SELECT request_hash, answer, job_id FROM liftlock_control.idempotency_keys WHERE client = :client AND key = :key
""")
_COMPLETE = text("""
    UPDATE liftlock_control.idempotency_keys SET answer = CAST(:answer AS jsonb)
    WHERE client = :client AND key = :key AND token = :token
""")
_RELEASE = text("""
    DELETE FROM liftlock_control.idempotency_keys
    WHERE client = :client AND key = :key AND token = :token AND job_id IS NULL
""")


class ControlIdempotencyKeys:
    """Implements ports.IdempotencyKeys."""

    def __init__(self, database: ControlDatabase) -> None:
        self._database = database

    async def begin(self, client: str, key: str, request_hash: bytes) -> KeyClaim | StoredAnswer | KnownJob:
        token = uuid.uuid4()
        values = {"client": client, "key": key, "hash": request_hash, "token": token}
        async with self._database.single() as connection:
            if (await connection.execute(_BEGIN, values)).first() is not None:
                return KeyClaim(client, key, token)
            row = (await connection.execute(_LOOK, {"client": client, "key": key})).mappings().first()
        if row is not None and row["request_hash"] != request_hash:
            raise IdempotencyKeyReused(
                f"the Idempotency-Key {key!r} was used within the last 24 hours for another request; "
                f"use a new key for a new request"
            )
        if row is not None and row["answer"] is None and row["job_id"] is not None:
            return KnownJob(JobId(row["job_id"]))
        if row is None or row["answer"] is None:
            raise IdempotencyInProgress(
                f"the first request with the Idempotency-Key {key!r} has not been answered yet; ask again shortly",
            )
        answer = json.loads(row["answer"]) if isinstance(row["answer"], str) else row["answer"]
        return StoredAnswer(answer["status"], tuple((name, value) for name, value in answer["headers"]), answer["body"])

    async def complete(self, claim: KeyClaim, answer: StoredAnswer) -> None:
        async with self._database.single() as connection:
            await connection.execute(_COMPLETE, {**asdict(claim), "answer": json.dumps(asdict(answer))})

    async def release(self, claim: KeyClaim) -> None:
        async with self._database.single() as connection:
            await connection.execute(_RELEASE, asdict(claim))
