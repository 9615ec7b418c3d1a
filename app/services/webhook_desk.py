"""WebhookDesk: webhooks are made, listed, tried out and removed, and what was delivered is looked at."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from urllib.parse import urlsplit
from uuid import UUID

from app.domain.addresses import Network, is_closed
from app.domain.errors import NotFound, ReadOnly, ValidationFailed
from app.domain.job import Origin
from app.domain.problem import Problem
from app.domain.webhook import (
    ROTATES_FOR,
    Delivery,
    Format,
    News,
    Notice,
    Webhook,
    body_of,
    key_of,
    secret_of,
    shown_of,
    url_problem,
)
from app.ports import Clock, Deliveries, DeliveriesWanted, Vault, Webhooks
from app.services.environments import Environments

REFERENCES = ("env:", "file:")


@dataclass(frozen=True, slots=True)
class AskedWebhook:
    """`url` and `secret`: themselves, or by reference; without a secret one is made."""

    name: str
    url: str = field(repr=False)
    format: Format = Format.STANDARD
    events: tuple[News, ...] = ()
    environments: tuple[str, ...] = ()
    secret: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class MadeWebhook:
    """`secret` is shown this once; None where it was given by reference."""

    webhook: Webhook
    secret: str | None = field(repr=False)


class WebhookDesk:
    """`new_key` gives 32 random bytes; `allowed` are networks that may be used although they are not public."""

    def __init__(
        self,
        webhooks: Webhooks,
        deliveries: Deliveries,
        vault: Vault,
        environments: Environments,
        clock: Clock,
        new_key: Callable[[], bytes],
        *,
        allowed: Sequence[Network],
        read_only: bool,
    ) -> None:
        self._allowed = allowed
        self._webhooks, self._deliveries, self._vault = webhooks, deliveries, vault
        self._environments, self._clock, self._new_key, self._read_only = environments, clock, new_key, read_only

    async def make(self, asked: AskedWebhook, origin: Origin) -> MadeWebhook:
        """Raises ValidationFailed with everything that is wrong with it, NameTaken or ReadOnly."""
        self._refuse_when_read_only()
        problems = [*self._unknown(asked.environments), *self._unkeepable(asked)]
        if problems:
            raise ValidationFailed(problems[0].message, tuple(problems), next_steps=("GET /docs",))
        secret = asked.secret or secret_of(self._new_key())
        webhook = Webhook(
            id=self._clock.new_id(),
            name=asked.name,
            url=self._kept(asked.url),
            shown=asked.url if asked.url.startswith(REFERENCES) else shown_of(asked.url),
            secret=self._kept(secret),
            created_at=self._clock.now(),
            created_by=origin.principal.label,
            format=asked.format,
            events=frozenset(asked.events),
            environments=asked.environments,
        )
        await self._webhooks.add(webhook, origin)
        return MadeWebhook(webhook, None if secret.startswith(REFERENCES) else secret)

    async def all(self) -> tuple[Webhook, ...]:
        return await self._webhooks.all()

    async def get(self, webhook_id: UUID) -> Webhook:
        """Raises NotFound."""
        found = await self._webhooks.get(webhook_id)
        if found is None:
            raise _no_webhook(webhook_id)
        return found

    async def remove(self, webhook_id: UUID, origin: Origin) -> None:
        """Raises NotFound or ReadOnly."""
        self._refuse_when_read_only()
        if not await self._webhooks.remove(webhook_id, origin):
            raise _no_webhook(webhook_id)

    async def rotate(self, webhook_id: UUID, secret: str | None, origin: Origin) -> MadeWebhook:
        """The one before signs beside it for a day. Raises NotFound, ValidationFailed or ReadOnly."""
        self._refuse_when_read_only()
        problems = self._unkeepable_secret(secret)
        if problems:
            raise ValidationFailed(problems[0].message, tuple(problems), next_steps=("GET /docs",))
        made = secret or secret_of(self._new_key())
        until = self._clock.now() + ROTATES_FOR
        webhook = await self._webhooks.rotate(webhook_id, self._kept(made), until, origin)
        if webhook is None:
            raise _no_webhook(webhook_id)
        return MadeWebhook(webhook, None if made.startswith(REFERENCES) else made)

    async def test(self, webhook_id: UUID, origin: Origin) -> Delivery:
        """Raises NotFound or ReadOnly."""
        self._refuse_when_read_only()
        webhook, now = await self.get(webhook_id), self._clock.now()
        said = f"a test of the webhook {webhook.name}, asked for by {origin.principal.label}"
        one_id = self._clock.new_id()
        body = body_of(Notice(News.TEST, now, said), webhook.format)
        delivery = Delivery(one_id, webhook.id, one_id, News.TEST, body, now, next_try_at=now)
        await self._deliveries.add(delivery, "webhooks.test", origin)
        return delivery

    async def deliveries(self, wanted: DeliveriesWanted) -> tuple[Delivery, ...]:
        """Raises NotFound."""
        await self.get(wanted.webhook_id)
        return await self._deliveries.page(wanted)

    async def redeliver(self, webhook_id: UUID, delivery_id: UUID, origin: Origin) -> Delivery:
        """The same message under the id that its receiver knows it by. Raises NotFound or ReadOnly."""
        self._refuse_when_read_only()
        known = await self._deliveries.get(delivery_id)
        if known is None or known.webhook_id != webhook_id:
            raise NotFound(
                f"the webhook {webhook_id} has no delivery {delivery_id}",
                next_steps=(f"GET /webhooks/{webhook_id}/deliveries",),
            )
        now = self._clock.now()
        again = Delivery(
            self._clock.new_id(), webhook_id, known.message_id, known.type, known.body, now, known.event_id,
            next_try_at=now,
        )  # fmt: skip
        await self._deliveries.add(again, "webhooks.redeliver", origin)
        return again

    def _kept(self, text: str) -> str:
        return text if text.startswith(REFERENCES) else self._vault.seal(text)

    def _refuse_when_read_only(self) -> None:
        if self._read_only:
            raise ReadOnly("this service is read-only (LIFTLOCK_READ_ONLY); ask one that makes changes")

    def _unkeepable(self, asked: AskedWebhook) -> Sequence[Problem]:
        problems = list(self._unkeepable_secret(asked.secret))
        if asked.url.startswith(REFERENCES):
            return problems
        wrong = url_problem(asked.url) or self._closed(asked.url)
        if wrong is not None:
            problems.append(Problem("wrong_address", f"`url` {wrong}", pointer="/url"))
        elif not self._vault.can_seal:
            problems.append(_without_key("url"))
        return problems

    def _closed(self, url: str) -> str | None:
        """Said at once of an address; of a name the deliveries say it."""
        if not is_closed(str(urlsplit(url).hostname), self._allowed):
            return None
        return "leads to an address that is not public; LIFTLOCK_WEBHOOK_ALLOW names networks that may be used"

    def _unkeepable_secret(self, secret: str | None) -> Sequence[Problem]:
        if secret is not None and secret.startswith(REFERENCES):
            return ()
        if secret is not None and key_of(secret) is None:
            message = "`secret` takes whsec_ and 24 to 64 bytes in base64, env:NAME or file:PATH; or leave it out"
            return (Problem("wrong_secret", message, pointer="/secret"),)
        return () if self._vault.can_seal else (_without_key("secret"),)

    def _unknown(self, names: Sequence[str]) -> list[Problem]:
        known = ", ".join(one.name for one in self._environments.all())
        return [
            Problem(
                "unknown_environment", f"there is no environment {name!r}; there is {known}", pointer="/environments"
            )
            for name in names
            if not self._environments.knows(name)
        ]


def _without_key(name: str) -> Problem:
    return Problem(
        "no_secret_key",
        f"`{name}` would have to be kept, and there is no LIFTLOCK_SECRET_KEY to seal it with; set one, or name it "
        f'instead: "env:NAME" or "file:PATH"',
        pointer=f"/{name}",
    )


def _no_webhook(webhook_id: UUID) -> NotFound:
    return NotFound(f"there is no webhook {webhook_id}", next_steps=("GET /webhooks",))
