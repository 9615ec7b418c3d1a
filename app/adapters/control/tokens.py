"""Tokens on PostgreSQL: what they are recognised by, and what is shown of them."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

import asyncpg
from sqlalchemy import DateTime, RowMapping, Text, bindparam, select, text
from sqlalchemy.exc import IntegrityError

from app.adapters.control.database import ControlDatabase, driver_error
from app.adapters.control.tables import tokens
from app.domain.access import KnownToken, Role, Token, TokenUse, scope_of
from app.domain.errors import NameTaken
from app.domain.job import Origin
from app.ports import TokensWanted

_WHO = ("by_id", "by_kind", "by_address", "by_name", "request_id")
_ADD = text("""
    WITH made AS (
        INSERT INTO liftlock_control.tokens (id, name, digest, role, scopes, created_at, created_by, expires_at)
        VALUES (:id, :name, :digest, :role, CAST(:scopes AS text[]), :created_at, :created_by, :expires_at)
        RETURNING *)
    INSERT INTO liftlock_control.audit
        (principal_id, principal_kind, principal_address, principal_name, request_id, action, subject, detail)
    SELECT :by_id, :by_kind, :by_address, :by_name, :request_id, 'tokens.add', CAST(made.id AS text),
           jsonb_build_object('name', made.name, 'scopes', made.scopes, 'expires_at', made.expires_at)
    FROM made
""").bindparams(
    *(bindparam(name, type_=Text) for name in (*_WHO, "role")),
    *(bindparam(name, type_=DateTime(timezone=True)) for name in ("created_at", "expires_at")),
)
_REVOKE = (
    text("""
    WITH gone AS (
        UPDATE liftlock_control.tokens SET revoked_at = clock_timestamp(), revoked_by = :label
        WHERE id = :id AND revoked_at IS NULL RETURNING *),
    trail AS (
        INSERT INTO liftlock_control.audit
            (principal_id, principal_kind, principal_address, principal_name, request_id, action, subject, detail)
        SELECT :by_id, :by_kind, :by_address, :by_name, :request_id, 'tokens.revoke', CAST(gone.id AS text),
               jsonb_build_object('name', gone.name)
        FROM gone)
    SELECT * FROM gone
""")
    .bindparams(*(bindparam(name, type_=Text) for name in (*_WHO, "label")))
    .columns(*tokens.columns)
)
_USED = text("""
    UPDATE liftlock_control.tokens SET last_used_at = :at, last_used_from = :address
    WHERE id = :id AND (last_used_at IS NULL OR last_used_at <= CAST(:at AS timestamptz) - interval '1 minute')
""").bindparams(bindparam("at", type_=DateTime(timezone=True)), bindparam("address", type_=Text))


class ControlTokens:
    """Implements ports.Tokens."""

    def __init__(self, database: ControlDatabase) -> None:
        self._database = database

    async def add(self, made: KnownToken, origin: Origin) -> None:
        token = made.token
        values = {
            "id": token.id,
            "name": token.name,
            "digest": made.digest,
            "role": None if token.role is None else token.role.value,
            "scopes": sorted(str(scope) for scope in token.scopes),
            "created_at": token.created_at,
            "created_by": token.created_by,
            "expires_at": token.expires_at,
        }
        try:
            async with self._database.single() as connection:
                await connection.execute(_ADD, values | _who(origin))
        except IntegrityError as error:
            if isinstance(driver_error(error), asyncpg.UniqueViolationError):
                raise NameTaken(
                    f"there is a token {token.name!r} already; take another name, or revoke that one first",
                    next_steps=("GET /tokens",),
                ) from None
            raise

    async def find(self, token_id: UUID) -> KnownToken | None:
        async with self._database.single() as connection:
            row = (await connection.execute(select(tokens).where(tokens.c.id == token_id))).mappings().first()
        return None if row is None else KnownToken(_token(row), bytes(row["digest"]))

    async def page(self, wanted: TokensWanted) -> tuple[Token, ...]:
        query = select(tokens).order_by(tokens.c.id.desc()).limit(wanted.limit)
        if wanted.before is not None:
            query = query.where(tokens.c.id < wanted.before)
        async with self._database.single() as connection:
            return tuple(_token(row) for row in (await connection.execute(query)).mappings())

    async def revoke(self, token_id: UUID, origin: Origin) -> Token | None:
        values = {"id": token_id, "label": origin.principal.label}
        async with self._database.single() as connection:
            row = (await connection.execute(_REVOKE, values | _who(origin))).mappings().first()
        if row is not None:
            return _token(row)
        known = await self.find(token_id)
        return None if known is None else known.token

    async def used(self, uses: Sequence[TokenUse]) -> None:
        if not uses:
            return
        async with self._database.single() as connection:
            await connection.execute(
                _USED, [{"id": one.token_id, "at": one.at, "address": one.address} for one in uses]
            )


def _who(origin: Origin) -> dict[str, Any]:
    who = origin.principal
    return {
        "by_id": who.id,
        "by_kind": who.kind,
        "by_address": who.address,
        "by_name": who.name,
        "request_id": origin.request_id,
    }


def _token(row: RowMapping) -> Token:
    """A scope that this release does not know gives nothing."""
    scopes = (scope_of(one) for one in row["scopes"])
    return Token(
        id=row["id"],
        name=row["name"],
        scopes=frozenset(one for one in scopes if one is not None),
        created_at=row["created_at"],
        created_by=row["created_by"],
        role=None if row["role"] is None else Role(row["role"]),
        expires_at=row["expires_at"],
        last_used_at=row["last_used_at"],
        last_used_from=row["last_used_from"],
        revoked_at=row["revoked_at"],
        revoked_by=row["revoked_by"],
    )
