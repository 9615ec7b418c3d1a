"""Notifier: makes deliveries of what was noted for webhooks, and tries those that are due."""

import asyncio
from collections.abc import Collection, Sequence
from datetime import datetime

import structlog

from app import measures
from app.domain.events import Event
from app.domain.webhook import (
    Delivery,
    DeliveryState,
    Try,
    Webhook,
    after_try,
    body_of,
    key_of,
    notice_of,
    signed,
    unwanted,
    wants,
)
from app.ports import Clock, Courier, Deliveries, Message, Vault, Webhooks
from app.services.environments import Environments

SPREAD_AT_ONCE = 100
TRIED_AT_ONCE = 20
BUSY_FOR_S = 30
"""Longer than any try may take: then another worker may have it."""
DISABLED = "the webhook is disabled: its receiver has answered 410 Gone"
UNREADABLE = (
    "its address or its secret cannot be read by this worker: the variable or file that they name is not there, or its "
    "LIFTLOCK_SECRET_KEY is not the one that they were sealed with"
)

log = structlog.get_logger()


class Notifier:
    def __init__(
        self,
        webhooks: Webhooks,
        deliveries: Deliveries,
        courier: Courier,
        vault: Vault,
        environments: Environments,
        clock: Clock,
    ) -> None:
        self._webhooks, self._deliveries, self._courier = webhooks, deliveries, courier
        self._vault, self._environments, self._clock = vault, environments, clock

    async def round(self) -> int:
        """Any number of workers at once: each takes others. How many were tried. Raises BackendUnavailable."""
        while await self._deliveries.spread(self._sort, SPREAD_AT_ONCE) == SPREAD_AT_ONCE:
            pass
        due = await self._deliveries.due(TRIED_AT_ONCE, BUSY_FOR_S)
        await asyncio.gather(*(self._try(delivery, webhook) for delivery, webhook in due))
        return len(due)

    def _sort(self, event: Event, webhooks: Sequence[Webhook]) -> Sequence[Delivery]:
        notice = notice_of(event)
        if notice is None:
            return ()
        told, now = self._told(notice.environment), self._clock.now()
        return [
            Delivery(one_id, one.id, one_id, notice.news, body_of(notice, one.format), now, event.id, next_try_at=now)
            for one in webhooks
            if wants(one, notice, told)
            for one_id in (self._clock.new_id(),)
        ]

    def _told(self, environment: str | None) -> Collection[str] | None:
        if environment is None or not self._environments.knows(environment):
            return None
        return self._environments.configured(environment).notify

    async def _try(self, delivery: Delivery, webhook: Webhook) -> None:
        if webhook.disabled_at is not None:
            tried = Try(self._clock.now(), 0, error=DISABLED)
            after = unwanted(delivery, tried)
        else:
            tried = await self._tried(delivery, webhook)
            after = after_try(delivery, tried, self._clock.random())
        await self._deliveries.tried(after)
        if tried.gone:
            await self._webhooks.disable(webhook.id)
        outcome = after.state.value if after.state is not DeliveryState.PENDING else "tried"
        measures.delivery_tried(outcome)
        log.info("webhook.tried", webhook=webhook.name, delivery=str(delivery.id), status=tried.status, state=outcome)

    async def _tried(self, delivery: Delivery, webhook: Webhook) -> Try:
        now = self._clock.now()
        url, keys = self._vault.open(webhook.url), self._keys(webhook, now)
        if url is None or not keys:
            return Try(now, 0, error=UNREADABLE)
        headers = signed(f"msg_{delivery.message_id.hex}", now, delivery.body, keys)
        return await self._courier.take(Message(url, tuple(headers.items()), delivery.body), now)

    def _keys(self, webhook: Webhook, now: datetime) -> list[bytes]:
        """The newest first; for a while after a rotation the one before it signs too."""
        kept = [webhook.secret]
        if webhook.previous_secret is not None and webhook.previous_until is not None and now < webhook.previous_until:
            kept.append(webhook.previous_secret)
        opened = [self._vault.open(one) for one in kept]
        keys = [key_of(one) for one in opened if one is not None]
        return [one for one in keys if one is not None]
