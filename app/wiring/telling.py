"""Whom to tell: webhooks, and what brings them their messages."""

import secrets

from app.adapters.control.database import ControlDatabase
from app.adapters.control.deliveries import ControlDeliveries
from app.adapters.control.webhooks import ControlWebhooks
from app.adapters.courier import HttpCourier
from app.adapters.vault import SecretVault
from app.portal import Portal
from app.ports import Clock
from app.services.environments import Environments
from app.services.notifying import Notifier
from app.services.webhook_desk import WebhookDesk
from app.settings import Settings
from app.wiring.shared import Rooms


def webhook_desk_of(settings: Settings, rooms: Rooms) -> WebhookDesk:
    return WebhookDesk(
        ControlWebhooks(rooms.database),
        ControlDeliveries(rooms.database),
        SecretVault(settings.secret_keys, settings.environ),
        rooms.environments,
        rooms.clock,
        lambda: secrets.token_bytes(32),
        allowed=settings.webhook_allow,
        read_only=settings.read_only,
    )


def notifier_of(settings: Settings, portal: Portal, environments: Environments, clock: Clock) -> Notifier:
    """On the sweeper's loop, which no migration ever keeps waiting."""
    database = ControlDatabase(settings.database, pool_size=1)
    courier = HttpCourier(settings.webhook_allow)
    portal.on_close(database.close)
    portal.on_close(courier.close)
    vault = SecretVault(settings.secret_keys, settings.environ)
    return Notifier(ControlWebhooks(database), ControlDeliveries(database), courier, vault, environments, clock)
