"""Authenticator: whose token a request carries, asked of the control database at most every few seconds."""

import hmac
import threading
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from app.domain.access import EVERYTHING, Access, KnownToken, TokenState, TokenUse, digest_of, id_in
from app.domain.errors import BackendUnavailable, Unauthenticated
from app.domain.principal import Principal
from app.ports import Clock, Tokens
from app.services.tries import FailedTries

TRUSTED_FOR = timedelta(seconds=5)
"""How long a lookup is good for in one process: so long a revoked token may still be let in."""
USED_EVERY = timedelta(minutes=1)
MOST_KEPT = 10_000
ADMIN_ID = "admin-token"
ADMIN_NAME = "LIFTLOCK_ADMIN_TOKEN"


@dataclass(frozen=True, slots=True)
class _Seen:
    """`at`: when it was looked up; a clock that was set back makes it old, never young."""

    known: KnownToken
    at: datetime

    def fresh(self, now: datetime) -> bool:
        return self.at <= now < self.at + TRUSTED_FOR


class Authenticator:
    """Usable on every thread. `admin_token`: of the settings; it is an admin's, and stored nowhere."""

    def __init__(self, tokens: Tokens, clock: Clock, tries: FailedTries, admin_token: str | None) -> None:
        self._tokens, self._clock, self._tries = tokens, clock, tries
        self._admin = None if admin_token is None else digest_of(admin_token)
        self._seen: dict[UUID, _Seen] = {}
        self._noted: dict[UUID, datetime] = {}
        self._uses: dict[UUID, TokenUse] = {}
        self._lock = threading.Lock()

    def at_once(self, text: str, address: str | None) -> Access | None:
        """Without asking anybody: the token of the settings, and those that were looked up a moment ago.

        None: it has to be looked up. Raises Unauthenticated, or TooManyTries for an address that has sent too many
        wrong ones.
        """
        digest = digest_of(text)
        if self._admin is not None and hmac.compare_digest(digest, self._admin):
            return _admin(address)
        token_id = id_in(text)
        seen = None if token_id is None else self._seen.get(token_id)
        if seen is not None and hmac.compare_digest(digest, seen.known.digest):
            # whoever has shown it before guesses nothing, whatever else has come from their address
            return self._admitted(seen.known, address) if seen.fresh(self._clock.now()) else None
        self._tries.refuse_too_many(address)
        if token_id is None:
            raise self._unknown(address)
        return None

    async def look_up(self, text: str, address: str | None) -> Access:
        """What `at_once` could not say. Raises Unauthenticated, or BackendUnavailable."""
        token_id = id_in(text)
        known = None if token_id is None else await self._tokens.find(token_id)
        if known is None or not hmac.compare_digest(digest_of(text), known.digest):
            raise self._unknown(address)
        self._keep(known)
        return self._admitted(known, address)

    async def still(self, token_id: UUID | None, digest: bytes, address: str | None) -> Access:
        """Whoever has shown this token before, as it is now; `token_id` None: it was the token of the settings.

        Raises Unauthenticated, or BackendUnavailable.
        """
        if token_id is None:
            if self._admin is None or not hmac.compare_digest(digest, self._admin):
                raise Unauthenticated("the token of the settings is another one now; sign in with that one")
            return _admin(address)
        seen = self._seen.get(token_id)
        if seen is not None and seen.fresh(self._clock.now()):
            return self._admitted(seen.known, address)
        known = await self._tokens.find(token_id)
        if known is None or not hmac.compare_digest(digest, known.digest):
            raise Unauthenticated("the token that was shown is not known here any more; sign in with another one")
        self._keep(known)
        return self._admitted(known, address)

    async def goes_on(self, access: Access) -> bool:
        """Whether whoever was let in before would be let in now, for an answer that takes long.

        While the control database is away nobody is turned out for that.
        """
        now = self._clock.now()
        if access.ends_at is not None and access.ends_at <= now:
            return False
        if access.token is None:
            return True
        seen = self._seen.get(access.token.id)
        if seen is not None and seen.fresh(now):
            return seen.known.token.state_at(now) is TokenState.LIVE
        try:
            known = await self._tokens.find(access.token.id)
        except BackendUnavailable:
            return access.token.state_at(now) is TokenState.LIVE
        if known is not None:
            self._keep(known)
        return known is not None and known.token.state_at(now) is TokenState.LIVE

    def forget(self, token_id: UUID) -> None:
        """It was revoked here: in this process at once, in others when their last lookup is old."""
        with self._lock:
            self._seen.pop(token_id, None)

    async def write_uses(self) -> None:
        """When each token was last used, and from where. Raises BackendUnavailable; then the next time writes it."""
        with self._lock:
            uses, self._uses = self._uses, {}
        if not uses:
            return
        try:
            await self._tokens.used(tuple(uses.values()))
        except BackendUnavailable:
            with self._lock:
                self._uses = uses | self._uses
            raise

    def _admitted(self, known: KnownToken, address: str | None) -> Access:
        token, now = known.token, self._clock.now()
        state = token.state_at(now)
        if state is not TokenState.LIVE:
            self._tries.failed(address)
            word = "was revoked" if state is TokenState.REVOKED else "has expired"
            raise Unauthenticated(f"the token {token.name!r} {word}; have a new one made")
        self._note_use(token.id, now, address)
        return Access(Principal(str(token.id), "token", address, token.name), token.scopes, token)

    def _note_use(self, token_id: UUID, now: datetime, address: str | None) -> None:
        last = self._noted.get(token_id)
        if last is not None and last <= now < last + USED_EVERY:
            return
        with self._lock:
            self._noted[token_id] = now
            self._uses[token_id] = TokenUse(token_id, now, address)
            while len(self._noted) > MOST_KEPT:
                del self._noted[next(iter(self._noted))]

    def _keep(self, known: KnownToken) -> None:
        with self._lock:
            self._seen.pop(known.token.id, None)
            self._seen[known.token.id] = _Seen(known, self._clock.now())
            while len(self._seen) > MOST_KEPT:
                del self._seen[next(iter(self._seen))]

    def _unknown(self, address: str | None) -> Unauthenticated:
        self._tries.failed(address)
        return Unauthenticated("this token is not known here; use one that was made here, and that is not revoked")


def _admin(address: str | None) -> Access:
    return Access(Principal(ADMIN_ID, "admin_token", address, ADMIN_NAME), EVERYTHING)
