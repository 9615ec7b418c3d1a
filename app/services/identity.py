"""IdentityDesk: callers that an identity provider vouches for."""

import re

from app.domain.access import Access
from app.domain.errors import Unauthenticated
from app.domain.oidc import Oidc, end_of, names_somebody, principal_of, scopes_in
from app.ports import Identity
from app.services.tries import FailedTries

_JWT = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*")


class IdentityDesk:
    """`tries`: those that the authenticator counts too."""

    def __init__(self, oidc: Oidc, identity: Identity, tries: FailedTries) -> None:
        self._oidc, self._identity, self._tries = oidc, identity, tries

    def knows_shape(self, text: str) -> bool:
        """Whether it could be a token of the provider at all; those that are made here never could."""
        return _JWT.fullmatch(text) is not None

    async def look_up(self, text: str, address: str | None) -> Access:
        """Raises Unauthenticated, TooManyTries, or BackendUnavailable while the provider's keys are not known."""
        self._tries.refuse_too_many(address)
        claims = await self._identity.claims(text)
        if claims is None or not names_somebody(claims):
            self._tries.failed(address)
            raise Unauthenticated(
                "this token is not one of the identity provider for this service, or its time is over; get a new one"
            )
        return Access(principal_of(claims, address), scopes_in(self._oidc, claims), ends_at=end_of(claims))
