"""`client.access`: tokens, who asks, and who asked for what."""

from collections.abc import Iterator, Sequence
from datetime import datetime

from app.client.documents.access import AuditRow, MadeToken, Token, WhoAmI
from app.client.resources.asking import Resource, part
from app.client.transport import Asked


class Access(Resource):
    def whoami(self) -> WhoAmI:
        return self._one(WhoAmI, "GET", "/whoami")

    def tokens(self, limit: int | None = None) -> Iterator[Token]:
        """Newest first, page by page, with those that are no longer good."""
        return self._all(Token, "/tokens", limit=limit)

    def add_token(
        self,
        name: str,
        role: str | None = None,
        environments: Sequence[str] = (),
        scopes: Sequence[str] = (),
        expires_at: datetime | None = None,
    ) -> MadeToken:
        """Its `token` is shown this once. `role`, for all environments or those named; or `scopes`."""
        given = {
            "name": name,
            "role": role,
            "environments": environments or None,
            "scopes": scopes or None,
            "expires_at": expires_at,
        }
        return self._one(MadeToken, "POST", "/tokens", body=given)

    def revoke_token(self, token_id: str) -> None:
        self._transport.json(Asked("DELETE", f"/tokens/{part(token_id)}"))

    def audit(
        self,
        principal: str | None = None,
        action: str | None = None,
        environment: str | None = None,
        since: datetime | None = None,
        limit: int | None = None,
    ) -> Iterator[AuditRow]:
        """Newest first, page by page."""
        return self._all(
            AuditRow, "/audit", principal=principal, action=action, environment=environment, since=since, limit=limit
        )
