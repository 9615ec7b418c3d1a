"""Proofs on PostgreSQL: one row a file, read again only when one has changed."""

import json
from types import MappingProxyType
from typing import Any

from pydantic import TypeAdapter
from sqlalchemy import RowMapping, Text, Uuid, bindparam, text

from app.adapters.codec import FAILURE, optional_json, to_json
from app.adapters.control.database import ControlDatabase
from app.adapters.control.direct import Direct
from app.domain.dry_run import DryRun
from app.domain.proof import KnownProofs, Proof, RowLoss, Verdict

_LOSSES: TypeAdapter[tuple[RowLoss, ...]] = TypeAdapter(tuple[RowLoss, ...])
_DRY_RUN: TypeAdapter[DryRun] = TypeAdapter(DryRun)
_TEXTS = (
    "environment", "name", "checksum", "verdict", "text", "failure", "differences", "losses", "notices",
    "server_version", "dry_run",
)  # fmt: skip

_ONE_AT_A_TIME = text(
    "SELECT pg_advisory_xact_lock(hashtextextended('liftlock:proofs:' || :environment, 0))"
).bindparams(bindparam("environment", type_=Text))
"""A revision that is drawn first is seen first: whoever has seen the newest has seen all."""

_PUT = text("""
    INSERT INTO liftlock_control.proofs AS known
        (environment, name, checksum, verdict, text, failure, differences, differences_total, losses, notices,
         job_id, server_version, dry_run, revision)
    VALUES (:environment, :name, :checksum, :verdict, :text, CAST(:failure AS jsonb), CAST(:differences AS jsonb),
            :total, CAST(:losses AS jsonb), CAST(:notices AS jsonb), :job_id, :server_version,
            CAST(:dry_run AS jsonb), nextval('liftlock_control.proofs_revision'))
    ON CONFLICT (environment, name, checksum) DO UPDATE
    SET verdict = excluded.verdict, text = excluded.text, failure = excluded.failure,
        differences = excluded.differences, differences_total = excluded.differences_total,
        losses = excluded.losses, notices = excluded.notices, job_id = excluded.job_id,
        server_version = excluded.server_version, dry_run = excluded.dry_run, revision = excluded.revision,
        checked_at = clock_timestamp()
    WHERE excluded.verdict <> 'not_checked' OR known.verdict = 'not_checked'
    RETURNING *
""").bindparams(*(bindparam(name, type_=Text) for name in _TEXTS), bindparam("job_id", type_=Uuid))
_ONE = text("""
    SELECT * FROM liftlock_control.proofs WHERE environment = :environment AND name = :name AND checksum = :checksum
""")
_OF = text("SELECT * FROM liftlock_control.proofs WHERE environment = :environment")
_REVISION = Direct(
    text("SELECT max(revision) AS revision FROM liftlock_control.proofs WHERE environment = :environment").bindparams(
        bindparam("environment", type_=Text)
    )
)


class ControlProofs:
    """Implements ports.Proofs."""

    def __init__(self, database: ControlDatabase) -> None:
        self._database = database
        self._known: dict[str, tuple[int | None, KnownProofs]] = {}

    async def put(self, proof: Proof) -> Proof:
        values = _values(proof)
        async with self._database.begin() as connection:
            await connection.execute(_ONE_AT_A_TIME, {"environment": proof.environment})
            row = (await connection.execute(_PUT, values)).mappings().first()
            if row is None:
                row = (await connection.execute(_ONE, values)).mappings().one()
            return _proof(row)

    async def of(self, environment: str) -> KnownProofs:
        newest = await self._database.row(_REVISION, {"environment": environment})
        revision = None if newest is None else newest["revision"]
        seen, known = self._known.get(environment, (None, KnownProofs()))
        if environment not in self._known or revision != seen:
            known = await self._read(environment)
        self._known[environment] = revision, known
        return known

    async def _read(self, environment: str) -> KnownProofs:
        async with self._database.single() as connection:
            rows = (await connection.execute(_OF, {"environment": environment})).mappings()
            return KnownProofs(MappingProxyType({proof.key: proof for proof in map(_proof, rows)}))


def _values(proof: Proof) -> dict[str, Any]:
    return {
        "environment": proof.environment,
        "name": proof.name,
        "checksum": proof.checksum,
        "verdict": proof.verdict.value,
        "text": proof.text,
        "failure": optional_json(FAILURE, proof.failure),
        "differences": json.dumps([dict(one) for one in proof.differences]),
        "total": proof.total,
        "losses": to_json(_LOSSES, proof.losses),
        "notices": json.dumps(proof.notices),
        "job_id": proof.job_id,
        "server_version": proof.server_version,
        "dry_run": optional_json(_DRY_RUN, proof.dry_run),
    }


def _proof(row: RowMapping) -> Proof:
    return Proof(
        environment=row["environment"],
        name=row["name"],
        checksum=row["checksum"],
        verdict=Verdict(row["verdict"]),
        text=row["text"],
        job_id=row["job_id"],
        server_version=row["server_version"],
        failure=None if row["failure"] is None else FAILURE.validate_python(row["failure"]),
        differences=tuple(row["differences"]),
        total=row["differences_total"],
        losses=_LOSSES.validate_python(row["losses"]),
        notices=tuple(row["notices"]),
        checked_at=row["checked_at"],
        dry_run=None if row["dry_run"] is None else _DRY_RUN.validate_python(row["dry_run"]),
    )
