"""Webhooks and their deliveries in memory, a courier that writes down what it takes, and a vault without a lock."""

from dataclasses import replace
from datetime import datetime, timedelta
from uuid import UUID

from app.domain.audit import Deed
from app.domain.errors import NameTaken
from app.domain.events import Event
from app.domain.job import Origin
from app.domain.webhook import Delivery, DeliveryState, Try, Webhook
from app.ports import Clock, DeliveriesWanted, Message, Sort
from tests.fakes.trail import MemoryTrail


class MemoryWebhooks:
    """Implements ports.Webhooks."""

    def __init__(self, clock: Clock, trail: MemoryTrail) -> None:
        self._clock, self._trail = clock, trail
        self.known: dict[UUID, Webhook] = {}

    async def add(self, webhook: Webhook, origin: Origin) -> None:
        if any(one.name == webhook.name for one in self.known.values()):
            raise NameTaken(f"there is a webhook {webhook.name!r} already")
        self.known[webhook.id] = webhook
        self._note(origin, "add", webhook, url=webhook.shown)

    async def all(self) -> tuple[Webhook, ...]:
        return tuple(sorted(self.known.values(), key=lambda one: one.name))

    async def get(self, webhook_id: UUID) -> Webhook | None:
        return self.known.get(webhook_id)

    async def remove(self, webhook_id: UUID, origin: Origin) -> bool:
        gone = self.known.pop(webhook_id, None)
        if gone is not None:
            self._note(origin, "remove", gone)
        return gone is not None

    async def rotate(self, webhook_id: UUID, secret: str, until: datetime, origin: Origin) -> Webhook | None:
        known = self.known.get(webhook_id)
        if known is None:
            return None
        changed = replace(known, secret=secret, previous_secret=known.secret, previous_until=until)
        self.known[webhook_id] = changed
        self._note(origin, "rotate", changed)
        return changed

    async def disable(self, webhook_id: UUID) -> None:
        self.known[webhook_id] = replace(self.known[webhook_id], disabled_at=self._clock.now())

    def _note(self, origin: Origin, verb: str, webhook: Webhook, **more: str) -> None:
        self._trail.add(
            Deed(origin, f"webhooks.{verb}", subject=str(webhook.id), detail={"name": webhook.name, **more})
        )


class MemoryDeliveries:
    """Implements ports.Deliveries. `noted`: the events that a trigger would have noted."""

    def __init__(self, clock: Clock, webhooks: MemoryWebhooks, trail: MemoryTrail) -> None:
        self._clock, self._webhooks, self._trail = clock, webhooks, trail
        self.noted: list[Event] = []
        self.rows: dict[UUID, Delivery] = {}

    async def spread(self, sort: Sort, limit: int) -> int:
        taken, self.noted = self.noted[:limit], self.noted[limit:]
        known = list(self._webhooks.known.values())
        for delivery in (one for event in taken for one in sort(event, known)):
            self.rows[delivery.id] = delivery
        return len(taken)

    async def add(self, delivery: Delivery, action: str, origin: Origin) -> None:
        self.rows[delivery.id] = delivery
        detail = {"delivery": str(delivery.id)}
        self._trail.add(Deed(origin, action, subject=str(delivery.webhook_id), detail=detail))

    async def due(self, limit: int, busy_for_s: int) -> tuple[tuple[Delivery, Webhook], ...]:
        now = self._clock.now()
        due = [
            one
            for one in self.rows.values()
            if one.state is DeliveryState.PENDING and one.next_try_at is not None and one.next_try_at <= now
        ][:limit]
        for one in due:
            self.rows[one.id] = replace(one, next_try_at=now + timedelta(seconds=busy_for_s))
        return tuple((self.rows[one.id], self._webhooks.known[one.webhook_id]) for one in due)

    async def tried(self, delivery: Delivery) -> None:
        self.rows[delivery.id] = delivery

    async def get(self, delivery_id: UUID) -> Delivery | None:
        return self.rows.get(delivery_id)

    async def page(self, wanted: DeliveriesWanted) -> tuple[Delivery, ...]:
        mine = [one for one in self.rows.values() if one.webhook_id == wanted.webhook_id]
        newest_first = sorted(mine, key=lambda one: one.id, reverse=True)
        return tuple(one for one in newest_first if wanted.before is None or one.id < wanted.before)[: wanted.limit]


class RecordingCourier:
    """Implements ports.Courier. `answers`: the statuses to come; 204 when there are no more."""

    def __init__(self, *answers: int | None) -> None:
        self.answers: list[int | None] = list(answers)
        self.taken: list[Message] = []

    async def take(self, message: Message, at: datetime) -> Try:
        self.taken.append(message)
        status = self.answers.pop(0) if self.answers else 204
        return Try(at, 7, status, "" if status is None else "well", None if status is not None else "away")


class OpenVault:
    """Implements ports.Vault."""

    def __init__(self, *, can_seal: bool = True, named: dict[str, str] | None = None) -> None:
        self._can_seal, self._named = can_seal, named or {}

    @property
    def can_seal(self) -> bool:
        return self._can_seal

    def seal(self, text: str) -> str:
        return f"sealed:{text[::-1]}"

    def open(self, kept: str) -> str | None:
        return kept.removeprefix("sealed:")[::-1] if kept.startswith("sealed:") else self._named.get(kept)
