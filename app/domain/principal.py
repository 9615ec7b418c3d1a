"""Who asks."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Principal:
    """Who asks, and from where; `anonymous` where nobody is asked who they are. `name`: of the token."""

    id: str = "anonymous"
    kind: str = "anonymous"
    address: str | None = None
    name: str | None = None

    @property
    def label(self) -> str:
        """As people know them."""
        return self.name or self.id


ANONYMOUS = Principal()
