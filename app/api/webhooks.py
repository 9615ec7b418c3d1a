"""`/webhooks`: whom to tell, and whether they have heard."""

import json
from collections.abc import Callable
from http import HTTPStatus

from flask import Response
from flask_openapi3.blueprint import APIBlueprint
from flask_openapi3.models.tag import Tag

from app.api import webhook_schemas
from app.api.answers import encoded, json_response, tagged_response
from app.api.changes import answer_change
from app.api.context import origin, run, services
from app.api.inputs import Input, NoBody
from app.api.paging import after, link_next
from app.api.render import Json
from app.api.render_values import moment
from app.api.requests import checked, uuid_or_not_found
from app.api.webhook_schemas import DeliveriesQuery, DeliveryPath, RotateBody, WebhookBody, WebhookPath
from app.domain.webhook import Delivery, Try, Webhook
from app.ports import DeliveriesWanted, KeyClaim
from app.services.webhook_desk import AskedWebhook, MadeWebhook

api = APIBlueprint("webhooks", __name__, abp_tags=[Tag(name="Webhooks", description="Whom to tell.")])

OF = "deliveries"


@api.get("/webhooks", responses={200: webhook_schemas.Webhooks}, operation_id="listWebhooks")
@checked
def list_webhooks() -> Response:
    """Webhooks, by name"""
    return tagged_response([_webhook(one) for one in run(services().webhooks.all())])


@api.post("/webhooks", responses={201: webhook_schemas.MadeWebhook}, operation_id="makeWebhook")
@checked
def make_webhook(body: WebhookBody) -> Response:
    """Make a webhook

    Messages are those of Standard Webhooks, or `{"text": …}` for Slack. The answer shows the secret once: it is kept
    sealed, so that a repeated answer to the same Idempotency-Key says everything but the secret.
    """
    asked = AskedWebhook(body.name, body.url, body.format, tuple(body.events), tuple(body.environments), body.secret)
    return _made(body, lambda: run(services().webhooks.make(asked, origin())), HTTPStatus.CREATED)


@api.get("/webhooks/<id>", responses={200: webhook_schemas.Webhook}, operation_id="getWebhook")
@checked
def get_webhook(path: WebhookPath) -> Response:
    """One webhook"""
    webhook_id = uuid_or_not_found(path.id, "webhook", "/webhooks")
    return tagged_response(_webhook(run(services().webhooks.get(webhook_id))))


@api.delete("/webhooks/<id>", responses={204: None}, operation_id="removeWebhook")
@checked
def remove_webhook(path: WebhookPath, body: NoBody) -> Response:
    """Remove a webhook, with its deliveries"""
    webhook_id = uuid_or_not_found(path.id, "webhook", "/webhooks")

    def remove(_: KeyClaim | None) -> Response:
        run(services().webhooks.remove(webhook_id, origin()))
        response = Response(status=int(HTTPStatus.NO_CONTENT))
        del response.headers["Content-Type"]
        return response

    return answer_change(body, remove)


@api.post("/webhooks/<id>/rotate", responses={200: webhook_schemas.MadeWebhook}, operation_id="rotateWebhook")
@checked
def rotate_webhook(path: WebhookPath, body: RotateBody) -> Response:
    """Give a webhook another secret

    For a day messages carry two signatures, so that its receiver may change over in peace.
    """
    webhook_id = uuid_or_not_found(path.id, "webhook", "/webhooks")
    return _made(body, lambda: run(services().webhooks.rotate(webhook_id, body.secret, origin())), HTTPStatus.OK)


@api.post("/webhooks/<id>/test", responses={201: webhook_schemas.Delivery}, operation_id="testWebhook")
@checked
def test_webhook(path: WebhookPath, body: NoBody) -> Response:
    """Send a test

    A worker delivers it within seconds: look at its `self`.
    """
    webhook_id = uuid_or_not_found(path.id, "webhook", "/webhooks")
    return answer_change(body, lambda _: _sent(run(services().webhooks.test(webhook_id, origin()))))


@api.get("/webhooks/<id>/deliveries", responses={200: webhook_schemas.Deliveries}, operation_id="listDeliveries")
@checked
def list_deliveries(path: WebhookPath, query: DeliveriesQuery) -> Response:
    """Deliveries of a webhook, newest first

    Each with all its tries: status, duration and how the answer began. Those that are over are kept for 30 days.
    """
    webhook_id = uuid_or_not_found(path.id, "webhook", "/webhooks")
    wanted = DeliveriesWanted(webhook_id, query.limit + 1, after(query.page_token, OF))
    found = run(services().webhooks.deliveries(wanted))
    response = tagged_response([_delivery(one) for one in found[: query.limit]])
    return link_next(response, OF, str(found[query.limit - 1].id)) if len(found) > query.limit else response


@api.post(
    "/webhooks/<id>/deliveries/<delivery>/redeliver",
    responses={201: webhook_schemas.Delivery},
    operation_id="redeliver",
)
@checked
def redeliver(path: DeliveryPath, body: NoBody) -> Response:
    """Deliver once more

    The same message under the same `webhook-id`, so that a receiver that has had it can tell.
    """
    webhook_id = uuid_or_not_found(path.id, "webhook", "/webhooks")
    delivery_id = uuid_or_not_found(path.delivery, "delivery", f"/webhooks/{webhook_id}/deliveries")
    return answer_change(body, lambda _: _sent(run(services().webhooks.redeliver(webhook_id, delivery_id, origin()))))


def _made(body: Input, make: Callable[[], MadeWebhook], status: HTTPStatus) -> Response:
    made: list[MadeWebhook] = []

    def answer(_: KeyClaim | None) -> Response:
        made.append(make())
        response = json_response({**_webhook(made[0].webhook), "secret": None}, status)
        if status is HTTPStatus.CREATED:
            response.headers["Location"] = f"/webhooks/{made[0].webhook.id}"
        return response

    response = answer_change(body, answer)
    if made:
        # after the answer was kept for its key: the secret itself is kept nowhere but sealed
        response.set_data(encoded({**json.loads(response.get_data()), "secret": made[0].secret}))
    return response


def _sent(delivery: Delivery) -> Response:
    response = json_response(_delivery(delivery), HTTPStatus.CREATED)
    response.headers["Location"] = f"/webhooks/{delivery.webhook_id}/deliveries"
    return response


def _webhook(webhook: Webhook) -> Json:
    at = f"/webhooks/{webhook.id}"
    return {
        "id": str(webhook.id),
        "name": webhook.name,
        "url": webhook.shown,
        "format": webhook.format.value,
        "events": sorted(one.value for one in webhook.events),
        "environments": list(webhook.environments),
        "state": "enabled" if webhook.disabled_at is None else "disabled",
        "rotatingUntil": moment(webhook.previous_until),
        "createdAt": moment(webhook.created_at),
        "createdBy": webhook.created_by,
        "links": {"self": at, "deliveries": f"{at}/deliveries"},
    }


def _delivery(delivery: Delivery) -> Json:
    at = f"/webhooks/{delivery.webhook_id}"
    return {
        "id": str(delivery.id),
        "messageId": f"msg_{delivery.message_id.hex}",
        "type": delivery.type.value,
        "state": delivery.state.value,
        "body": delivery.body,
        "tries": [_try(one) for one in delivery.tries],
        "nextTryAt": moment(delivery.next_try_at),
        "createdAt": moment(delivery.created_at),
        "finishedAt": moment(delivery.finished_at),
        "links": {"self": f"{at}/deliveries", "webhook": at},
    }


def _try(one: Try) -> Json:
    return {
        "at": moment(one.at),
        "durationMs": one.duration_ms,
        "status": one.status,
        "answer": one.answer,
        "error": one.error,
    }
