"""What the services need to know tokens, and to read and write the audit trail."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol
from uuid import UUID

from app.domain.access import KnownToken, SignedIn, Token, TokenUse
from app.domain.audit import AuditRow, Deed
from app.domain.job import Origin


@dataclass(frozen=True, slots=True)
class TokensWanted:
    """A page of the list, newest first; `before` is the id of the last token of the page before."""

    limit: int = 50
    before: UUID | None = None


class Identity(Protocol):
    """Who an identity provider says that somebody is."""

    async def claims(self, text: str) -> Mapping[str, object] | None:
        """Of a token that is its own, for this service, and good now; None for any other.

        Raises BackendUnavailable while nobody can tell.
        """
        ...


class Tokens(Protocol):
    """Tokens in the control database, by their digests; a revoked one stays on the list."""

    async def add(self, made: KnownToken, origin: Origin) -> None:
        """With its row on the audit trail. Raises NameTaken when one that is not revoked has the name."""
        ...

    async def find(self, token_id: UUID) -> KnownToken | None: ...

    async def page(self, wanted: TokensWanted) -> tuple[Token, ...]: ...

    async def revoke(self, token_id: UUID, origin: Origin) -> Token | None:
        """For ever, with its row on the audit trail; as it was when it is revoked already, None when there is none."""
        ...

    async def used(self, uses: Sequence[TokenUse]) -> None:
        """Each token's last use, unless a later one, or one of the same minute, is known."""
        ...


class Sessions(Protocol):
    """Who is signed in to the dashboard, by the digests of what their browsers hold."""

    async def add(self, session: SignedIn) -> None:
        """Those that are over by `created_at` of the new one go."""
        ...

    async def find(self, digest: bytes) -> SignedIn | None: ...

    async def remove(self, digest: bytes) -> None: ...


@dataclass(frozen=True, slots=True)
class AuditWanted:
    """A page of the trail, newest first; `before` is the id of the last row of the page before.

    `with_targets`: also what was done to single targets of the environment.
    """

    limit: int = 50
    before: int | None = None
    principal: str | None = None
    action: str | None = None
    environment: str | None = None
    with_targets: bool = False
    since: datetime | None = None


class Trail(Protocol):
    """The audit trail; rows are only ever added. What changes something writes its own row as it does so."""

    async def note(self, deed: Deed) -> None: ...

    async def find(self, wanted: AuditWanted) -> tuple[AuditRow, ...]:
        """`principal` is an id or a name."""
        ...
