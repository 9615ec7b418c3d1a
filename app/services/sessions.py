"""SessionDesk: who is signed in to the dashboard, for twelve hours or until their token is."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from app.domain.access import Access, SignedIn, digest_of
from app.domain.audit import Deed
from app.domain.errors import Unauthenticated
from app.domain.job import Origin
from app.ports import Clock, Sessions, Trail
from app.services.access import Authenticator

LASTS = timedelta(hours=12)


@dataclass(frozen=True, slots=True)
class Opened:
    """`secret` is what the browser holds; only its digest is kept."""

    secret: str = field(repr=False)
    access: Access
    expires_at: datetime


class SessionDesk:
    """`new_secret` gives 256 random bits in hexadecimal."""

    def __init__(
        self,
        sessions: Sessions,
        authenticator: Authenticator,
        trail: Trail,
        clock: Clock,
        new_secret: Callable[[], str],
    ) -> None:
        self._sessions, self._authenticator, self._trail = sessions, authenticator, trail
        self._clock, self._new_secret = clock, new_secret

    async def open(self, token: str, address: str | None, request_id: str | None) -> Opened:
        """Raises Unauthenticated, TooManyTries or BackendUnavailable."""
        access = self._authenticator.at_once(token, address) or await self._authenticator.look_up(token, address)
        now, secret = self._clock.now(), self._new_secret()
        token_id = None if access.token is None else access.token.id
        session = SignedIn(digest_of(secret), token_id, digest_of(token), now, now + LASTS)
        await self._sessions.add(session)
        await self._trail.note(Deed(Origin(access.principal, request_id), "sessions.open"))
        return Opened(secret, access, session.expires_at)

    async def resume(self, secret: str, address: str | None) -> Access:
        """Raises Unauthenticated where the session is over, or its token is. Raises BackendUnavailable."""
        session = await self._sessions.find(digest_of(secret))
        if session is None or session.expires_at <= self._clock.now():
            raise Unauthenticated("you are not signed in any more; sign in again")
        return await self._authenticator.still(session.token_id, session.token_digest, address)

    async def close(self, secret: str) -> None:
        await self._sessions.remove(digest_of(secret))
