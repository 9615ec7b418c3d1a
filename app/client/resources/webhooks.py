"""`client.webhooks`: whom to tell, and whether they have heard."""

from collections.abc import Iterator, Sequence

from app.client.documents.webhooks import Delivery, MadeWebhook, Webhook
from app.client.resources.asking import Resource, part
from app.client.transport import Asked


class Webhooks(Resource):
    def list(self) -> list[Webhook]:
        """By name."""
        return self._list(Webhook, "/webhooks")

    def get(self, webhook_id: str) -> Webhook:
        return self._one(Webhook, "GET", f"/webhooks/{part(webhook_id)}")

    def add(
        self,
        name: str,
        url: str,
        format: str | None = None,  # noqa: A002, the name that the API gives it
        events: Sequence[str] = (),
        environments: Sequence[str] = (),
        secret: str | None = None,
    ) -> MadeWebhook:
        """Its `secret` is shown this once. All events, and all environments, where none is named."""
        given = {
            "name": name,
            "url": url,
            "format": format,
            "events": events or None,
            "environments": environments or None,
            "secret": secret,
        }
        return self._one(MadeWebhook, "POST", "/webhooks", body=given)

    def rotate(self, webhook_id: str, secret: str | None = None) -> MadeWebhook:
        """Another secret; for a day messages carry the signatures of both."""
        return self._one(MadeWebhook, "POST", f"/webhooks/{part(webhook_id)}/rotate", body={"secret": secret})

    def test(self, webhook_id: str) -> Delivery:
        """A worker delivers it within seconds."""
        return self._one(Delivery, "POST", f"/webhooks/{part(webhook_id)}/test")

    def remove(self, webhook_id: str) -> None:
        self._transport.json(Asked("DELETE", f"/webhooks/{part(webhook_id)}"))

    def deliveries(self, webhook_id: str, limit: int | None = None) -> Iterator[Delivery]:
        """Newest first, page by page."""
        return self._all(Delivery, f"/webhooks/{part(webhook_id)}/deliveries", limit=limit)

    def redeliver(self, webhook_id: str, delivery_id: str) -> Delivery:
        """The same message, once more."""
        path = f"/webhooks/{part(webhook_id)}/deliveries/{part(delivery_id)}/redeliver"
        return self._one(Delivery, "POST", path)
