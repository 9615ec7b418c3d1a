"""Tokens in memory."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from uuid import UUID

from app.domain.access import KnownToken, Token, TokenUse
from app.domain.audit import Deed
from app.domain.errors import BackendUnavailable, NameTaken
from app.domain.job import Origin
from app.ports import Clock, TokensWanted
from tests.fakes.trail import MemoryTrail


class MemoryTokens:
    """Implements ports.Tokens; `lookups` counts what a cache would spare."""

    def __init__(self, clock: Clock, trail: MemoryTrail) -> None:
        self._clock, self._trail = clock, trail
        self.known: dict[UUID, KnownToken] = {}
        self.lookups = 0
        self.unavailable: BackendUnavailable | None = None

    async def add(self, made: KnownToken, origin: Origin) -> None:
        token = made.token
        if any(one.token.name == token.name and one.token.revoked_at is None for one in self.known.values()):
            raise NameTaken(
                f"there is a token {token.name!r} already; take another name, or revoke that one first",
                next_steps=("GET /tokens",),
            )
        self.known[token.id] = made
        until = None if token.expires_at is None else token.expires_at.isoformat()
        detail = {"name": token.name, "scopes": sorted(str(scope) for scope in token.scopes), "expires_at": until}
        self._trail.add(Deed(origin, "tokens.add", subject=str(token.id), detail=detail))

    async def find(self, token_id: UUID) -> KnownToken | None:
        self._refuse_when_away()
        self.lookups += 1
        return self.known.get(token_id)

    async def page(self, wanted: TokensWanted) -> tuple[Token, ...]:
        found = [
            one.token
            for token_id, one in sorted(self.known.items(), reverse=True)
            if wanted.before is None or token_id < wanted.before
        ]
        return tuple(found[: wanted.limit])

    async def revoke(self, token_id: UUID, origin: Origin) -> Token | None:
        known = self.known.get(token_id)
        if known is None or known.token.revoked_at is not None:
            return None if known is None else known.token
        by = origin.principal.label
        self._change(known, revoked_at=self._clock.now(), revoked_by=by)
        self._trail.add(Deed(origin, "tokens.revoke", subject=str(token_id), detail={"name": known.token.name}))
        return self.known[token_id].token

    async def used(self, uses: Sequence[TokenUse]) -> None:
        self._refuse_when_away()
        for use in uses:
            known = self.known.get(use.token_id)
            if known is None:
                continue
            last = known.token.last_used_at
            if last is None or last <= use.at - timedelta(minutes=1):
                self._change(known, last_used_at=use.at, last_used_from=use.address)

    def _change(self, known: KnownToken, **values: object) -> None:
        changed = replace(known.token, **values)  # type: ignore[arg-type]
        self.known[known.token.id] = KnownToken(changed, known.digest)

    def _refuse_when_away(self) -> None:
        if self.unavailable is not None:
            raise self.unavailable
