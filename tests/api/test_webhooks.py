"""Webhooks over HTTP, and what their receivers get to see."""

import json
from dataclasses import replace
from typing import Any

import pytest

from app.domain.environment import Dsn, Environment, Target
from app.domain.events import Event
from app.domain.webhook import DeliveryState, key_of, signed
from tests.api.stand import ENVIRONMENTS, Stand, standing
from tests.fakes.clock import START

URL = "https://hooks.example.com/services/hush-path"
BODY = {"name": "on-call", "url": URL, "events": ["job.failed"]}


def made(stand: Stand, **changed: Any) -> dict[str, Any]:
    answer = stand.post("/webhooks", json={**BODY, **changed})
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.json
    return found


def happened(stand: Stand, state: str = "failed", environment: str = "production") -> None:
    """What a trigger would note, and a round of a worker."""
    event = Event(len(stand.deliveries.rows) + 1, START, "job.ended", "it is over", None, environment, state=state)
    stand.deliveries.noted.append(event)
    stand.run(stand.services.notifier.round())


def test_the_secret_is_shown_once_and_of_the_address_only_its_host(stand: Stand) -> None:
    hook = made(stand)
    assert key_of(hook["secret"]) is not None
    for answer in (stand.get("/webhooks"), stand.get(hook["links"]["self"]), stand.get("/audit")):
        assert hook["secret"] not in answer.text and "hush-path" not in answer.text
    assert stand.get(hook["links"]["self"]).json["url"] == "https://hooks.example.com/…"


def test_a_repeated_request_is_answered_without_the_secret(stand: Stand) -> None:
    given = {"json": BODY, "headers": {"Idempotency-Key": "k1"}}
    first, again = stand.post("/webhooks", **given), stand.post("/webhooks", **given)
    assert first.json["secret"] and again.json == {**first.json, "secret": None}
    assert again.headers["Idempotency-Replayed"] == "true"


@pytest.mark.parametrize(
    ("changed", "pointer"),
    [
        ({"url": "gopher://x"}, "/url"),
        ({"url": "https://u:p@x.example"}, "/url"),
        ({"url": "https://169.254.169.254/latest"}, "/url"),
        ({"url": "https://[::ffff:127.0.0.1]:8443/x"}, "/url"),
        ({"secret": "short"}, "/secret"),
        ({"environments": ["nowhere"]}, "/environments"),
        ({"events": ["job.exploded"]}, "/events/0"),
        ({"events": ["test"]}, "/events/0"),
        ({"name": "on call"}, "/name"),
        ({"format": "fax"}, "/format"),
    ],
)
def test_what_is_wrong_with_a_webhook_is_said(stand: Stand, changed: dict[str, Any], pointer: str) -> None:
    answer = stand.post("/webhooks", json={**BODY, **changed})
    assert (answer.status_code, answer.json["problems"][0]["pointer"]) == (422, pointer)


def test_what_it_takes_instead_is_told_as_it_is_written(stand: Stand) -> None:
    answer = stand.post("/webhooks", json={**BODY, "name": "on call", "events": ["job.exploded"]})
    name, event = (one["message"] for one in answer.json["problems"])
    assert name == "`name` takes what matches ^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$"
    assert event.startswith("`events.0` takes 'job.succeeded', 'job.failed', ") and "News" not in event


def test_without_a_key_to_seal_with_secrets_are_named_and_not_kept() -> None:
    with standing() as stand:
        stand.vault.__init__(can_seal=False, named={"env:HOOK": URL, "env:KEY": "whsec_" + "A" * 32})  # type: ignore[misc]
        refused = stand.post("/webhooks", json=BODY).json["problems"]
        assert [one["pointer"] for one in refused] == ["/secret", "/url"]
        assert "LIFTLOCK_SECRET_KEY" in refused[0]["message"]
        hook = made(stand, url="env:HOOK", secret="env:KEY")
        assert (hook["url"], hook["secret"]) == ("env:HOOK", None)
        happened(stand)
        assert [one.url for one in stand.courier.taken] == [URL]


def test_a_message_can_be_verified_with_the_secret(stand: Stand) -> None:
    hook = made(stand)
    happened(stand)
    (message,) = stand.courier.taken
    headers = dict(message.headers)
    key = key_of(hook["secret"])
    assert key is not None
    assert headers == signed(headers["webhook-id"], START, message.body, [key])
    assert json.loads(message.body)["type"] == "job.failed"
    (delivery,) = stand.get(hook["links"]["deliveries"]).json
    assert (delivery["messageId"], delivery["state"]) == (headers["webhook-id"], "delivered")
    assert delivery["tries"] == [
        {"at": "2026-01-02T03:04:05.678901Z", "durationMs": 7, "status": 204, "answer": "well", "error": None}
    ]


def test_for_a_day_after_a_rotation_both_secrets_sign(stand: Stand) -> None:
    hook = made(stand)
    rotated = stand.post(f"{hook['links']['self']}/rotate").json
    assert rotated["secret"] != hook["secret"] and rotated["rotatingUntil"] is not None
    happened(stand)
    stand.clock.advance(25 * 3600)
    happened(stand)
    both, one = (dict(message.headers)["webhook-signature"].split() for message in stand.courier.taken)
    assert (len(both), len(one)) == (2, 1)


def test_only_what_is_wanted_is_told_and_only_to_those_whom_the_environment_names() -> None:
    environments = {
        "development": Environment("development", Dsn("postgresql://h/d")),
        "production": Environment("production", Dsn("postgresql://h/p"), notify=("pager",)),
    }
    with standing(changed_settings={"environments": environments}) as stand:
        made(stand, name="pager", events=[])
        made(stand, name="chat", url="https://chat.example/x", events=[], format="slack")
        happened(stand, environment="production")
        happened(stand, environment="development")
        hosts = [message.url.split("/")[2] for message in stand.courier.taken]
        assert sorted(hosts) == ["chat.example", "hooks.example.com", "hooks.example.com"]
        assert [json.loads(m.body) for m in stand.courier.taken if "chat" in m.url] == [
            {"text": "*development* `job.failed` it is over"}
        ]


def test_what_happens_to_several_targets_as_a_whole_is_told_as_well() -> None:
    targets = tuple(Target(name, Dsn(f"postgresql://h/{name}")) for name in ("eu", "us"))
    shop = Environment("shop", Dsn("postgresql://h/eu"), notify=("pager",), targets=targets)
    with standing(changed_settings={"environments": {"development": ENVIRONMENTS[0], "shop": shop}}) as stand:
        made(stand, name="pager", events=[])
        made(stand, name="chat", url="https://chat.example/x", events=[])
        for environment in ("shop", "shop.us", "development"):
            happened(stand, environment=environment)
        told = [
            (message.url.split("/")[2], json.loads(message.body)["data"]["environment"])
            for message in stand.courier.taken
        ]
        assert sorted(told) == [
            ("chat.example", "development"),
            ("hooks.example.com", "development"),
            ("hooks.example.com", "shop"),
            ("hooks.example.com", "shop.us"),
        ]


def test_what_was_not_heard_is_tried_again_later(stand: Stand) -> None:
    hook = made(stand)
    stand.courier.answers = [None, 503]
    happened(stand)
    stand.run(stand.services.notifier.round())
    assert len(stand.courier.taken) == 1
    stand.clock.advance(6)
    stand.run(stand.services.notifier.round())
    stand.clock.advance(70)
    stand.run(stand.services.notifier.round())
    (delivery,) = stand.get(hook["links"]["deliveries"]).json
    assert [one["status"] for one in delivery["tries"]] == [None, 503, 204]
    assert delivery["tries"][0]["error"] == "away"
    assert len({dict(one.headers)["webhook-id"] for one in stand.courier.taken}) == 1


def test_who_answers_gone_is_told_nothing_more(stand: Stand) -> None:
    hook = made(stand)
    stand.courier.answers = [410]
    happened(stand)
    happened(stand)
    assert len(stand.courier.taken) == 1
    assert stand.get(hook["links"]["self"]).json["state"] == "disabled"


def test_what_waits_for_one_that_is_disabled_is_over_and_not_tried_for_days(stand: Stand) -> None:
    hook = made(stand)
    stand.courier.answers = [410]
    happened(stand)
    stand.post(f"{hook['links']['self']}/test")
    stand.run(stand.services.notifier.round())
    newest, _ = stand.get(hook["links"]["deliveries"]).json
    assert (newest["state"], newest["nextTryAt"]) == ("failed", None)
    assert [one["error"] for one in newest["tries"]] == ["the webhook is disabled: its receiver has answered 410 Gone"]


def test_a_test_is_delivered_whatever_the_webhook_wants(stand: Stand) -> None:
    hook = made(stand)
    sent = stand.post(f"{hook['links']['self']}/test")
    assert (sent.status_code, sent.json["type"], sent.json["state"]) == (201, "test", "pending")
    stand.run(stand.services.notifier.round())
    assert json.loads(stand.courier.taken[0].body)["type"] == "test"


def test_a_delivery_is_delivered_again_as_the_same_message(stand: Stand) -> None:
    hook = made(stand)
    happened(stand)
    (first,) = stand.get(hook["links"]["deliveries"]).json
    again = stand.post(f"{hook['links']['deliveries']}/{first['id']}/redeliver")
    stand.run(stand.services.notifier.round())
    assert again.status_code == 201 and again.json["id"] != first["id"]
    assert again.json["messageId"] == first["messageId"]
    assert len({message.body for message in stand.courier.taken}) == 1 and len(stand.courier.taken) == 2
    elsewhere = made(stand, name="other")
    missing = stand.post(f"{elsewhere['links']['deliveries']}/{first['id']}/redeliver")
    assert missing.status_code == 404


def test_pages_of_deliveries_follow_one_another(stand: Stand) -> None:
    hook = made(stand)
    for _ in range(3):
        stand.post(f"{hook['links']['self']}/test")
    first = stand.get(f"{hook['links']['deliveries']}?limit=2")
    rest = stand.get(first.headers["Link"].split(";")[0].strip("<>"))
    assert (len(first.json), len(rest.json)) == (2, 1)


def test_a_removed_webhook_is_gone(stand: Stand) -> None:
    hook = made(stand)
    assert stand.delete(hook["links"]["self"]).status_code == 204
    assert stand.get(hook["links"]["self"]).status_code == 404
    assert stand.delete(hook["links"]["self"]).status_code == 404


def test_a_secret_that_a_worker_cannot_read_is_said_and_tried_again(stand: Stand) -> None:
    hook = made(stand)
    stand.webhooks.known = {one.id: replace(one, secret="env:GONE") for one in stand.webhooks.known.values()}
    happened(stand)
    (delivery,) = stand.get(hook["links"]["deliveries"]).json
    said = delivery["tries"][0]["error"]
    assert "cannot be read by this worker" in said and "LIFTLOCK_SECRET_KEY" in said
    assert delivery["state"] == DeliveryState.PENDING


def test_a_service_that_is_read_only_makes_no_webhook() -> None:
    with standing(changed_settings={"read_only": True}) as stand:
        assert stand.post("/webhooks", json=BODY).json["type"] == "/problems/read-only"
