"""What the services need to keep webhooks, to find what is to be told, and to tell it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol
from uuid import UUID

from app.domain.events import Event
from app.domain.job import Origin
from app.domain.webhook import Delivery, Try, Webhook

Sort = Callable[[Event, Sequence[Webhook]], Sequence[Delivery]]
"""What an event means for each webhook."""


class Webhooks(Protocol):
    async def add(self, webhook: Webhook, origin: Origin) -> None:
        """With its row on the audit trail. Raises NameTaken."""
        ...

    async def all(self) -> tuple[Webhook, ...]:
        """By name."""
        ...

    async def get(self, webhook_id: UUID) -> Webhook | None: ...

    async def remove(self, webhook_id: UUID, origin: Origin) -> bool:
        """With its deliveries, and a row on the audit trail. False when there is none."""
        ...

    async def rotate(self, webhook_id: UUID, secret: str, until: datetime, origin: Origin) -> Webhook | None:
        """The secret becomes the previous one, good until then; with its row on the audit trail."""
        ...

    async def disable(self, webhook_id: UUID) -> None:
        """It wants to hear no more."""
        ...


@dataclass(frozen=True, slots=True)
class DeliveriesWanted:
    """A page of the list, newest first; `before` is the id of the last one of the page before."""

    webhook_id: UUID
    limit: int = 50
    before: UUID | None = None


class Deliveries(Protocol):
    async def spread(self, sort: Sort, limit: int) -> int:
        """Make deliveries of what was noted, each once, and forget the notes; how many."""
        ...

    async def add(self, delivery: Delivery, action: str, origin: Origin) -> None:
        """With its row on the audit trail."""
        ...

    async def due(self, limit: int, busy_for_s: int) -> tuple[tuple[Delivery, Webhook], ...]:
        """Those that may be tried now; for a while nobody else gets them. A worker that dies is followed by another."""
        ...

    async def tried(self, delivery: Delivery) -> None:
        """As it is after a try."""
        ...

    async def get(self, delivery_id: UUID) -> Delivery | None: ...

    async def page(self, wanted: DeliveriesWanted) -> tuple[Delivery, ...]: ...


@dataclass(frozen=True, slots=True)
class Message:
    url: str = field(repr=False)
    headers: tuple[tuple[str, str], ...]
    body: str


class Courier(Protocol):
    async def take(self, message: Message, at: datetime) -> Try:
        """One try, bounded in time; whatever goes wrong is said in it."""
        ...


class Vault(Protocol):
    """Secrets that have to be read again: sealed with a key of this service, or named (`env:NAME`, `file:PATH`)."""

    @property
    def can_seal(self) -> bool: ...

    def seal(self, text: str) -> str: ...

    def open(self, kept: str) -> str | None:
        """None where the key, the variable or the file is not there."""
        ...
