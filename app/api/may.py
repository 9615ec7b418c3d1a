"""What a caller may do, for the `actions` of an answer: a value, so that a rendering needs no request."""

from dataclasses import dataclass

from app.domain.access import Scope, Scopes, allows
from app.domain.principal import Principal

READ_ONLY = "this service makes no changes (LIFTLOCK_READ_ONLY)"


@dataclass(frozen=True, slots=True)
class May:
    scopes: Scopes
    read_only: bool
    caller: Principal

    def refusal(self, need: Scope) -> str | None:
        """Why not, whatever the state of things; None when nothing of the caller's is in the way."""
        return READ_ONLY if self.read_only else self.lack(need)

    def lack(self, need: Scope) -> str | None:
        """As `refusal`, for what changes nothing."""
        return None if allows(self.scopes, need) else f"it needs the scope {need}, which this token lacks"
