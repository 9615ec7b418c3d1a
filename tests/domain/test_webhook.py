"""What is told to whom, and how a message proves where it comes from."""

import base64
import hashlib
import hmac
import json
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from app.domain.events import Event
from app.domain.webhook import (
    PAUSES,
    Delivery,
    DeliveryState,
    Format,
    News,
    Notice,
    Try,
    Webhook,
    after_try,
    body_of,
    key_of,
    notice_of,
    secret_of,
    shown_of,
    signed,
    url_problem,
    wants,
)

NOW = datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC)
JOB = UUID(int=7)
FAILED = Event(1, NOW, "job.ended", "failed (sql_error): no <table>", JOB, "production", state="failed")
DELIVERY = Delivery(UUID(int=1), UUID(int=2), UUID(int=1), News.JOB_FAILED, "{}", NOW)


def hook(**changed: object) -> Webhook:
    values: dict[str, object] = {
        "id": UUID(int=2), "name": "on-call", "url": "u", "shown": "u", "secret": "s", "created_at": NOW,
        "created_by": "ada",
    }  # fmt: skip
    return Webhook(**{**values, **changed})  # type: ignore[arg-type]


def test_a_message_is_signed_as_the_standard_signs_its_own_example() -> None:
    key = key_of("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    assert key is not None
    at = datetime.fromtimestamp(1614265330, UTC)
    headers = signed("msg_p5jXN8AQM9LWM0D4loKWxJek", at, '{"test": 2432232314}', [key])
    assert headers == {
        "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
        "webhook-timestamp": "1614265330",
        "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    }


def test_while_secrets_change_over_there_is_a_signature_of_each_the_newest_first() -> None:
    keys = [b"n" * 32, b"o" * 32]
    signatures = signed("msg_1", NOW, "{}", keys)["webhook-signature"].split()
    content = f"msg_1.{int(NOW.timestamp())}.{{}}".encode()
    expected = [base64.b64encode(hmac.new(key, content, hashlib.sha256).digest()).decode() for key in keys]
    assert signatures == [f"v1,{one}" for one in expected]


@pytest.mark.parametrize(
    "text", ["", "whsec_", "whsec_!!", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", secret_of(b"x" * 23), secret_of(b"x" * 65)]
)
def test_what_is_no_secret_of_the_standard_signs_nothing(text: str) -> None:
    assert key_of(text) is None


@pytest.mark.parametrize(
    ("event", "news"),
    [
        (FAILED, News.JOB_FAILED),
        (Event(1, NOW, "job.ended", "", JOB, "qa", state="needs_attention"), News.JOB_NEEDS_ATTENTION),
        (Event(1, NOW, "job.ended", "", JOB, "qa", state="cancelled"), News.JOB_CANCELLED),
        (Event(1, NOW, "job.ended", "", JOB, "qa", state="succeeded"), News.JOB_SUCCEEDED),
        (Event(1, NOW, "job.ended", "", JOB, None, state="succeeded"), None),
        (Event(1, NOW, "job.ended", "", JOB, None, state="failed"), News.JOB_FAILED),
        (Event(1, NOW, "job.accepted", "", JOB, "qa", state="waiting", reason="approval"), News.JOB_WAITS_FOR_APPROVAL),
        (Event(1, NOW, "job.changed", "", JOB, "qa", state="waiting", reason="approval"), News.JOB_WAITS_FOR_APPROVAL),
        (Event(1, NOW, "job.changed", "", JOB, "qa", state="waiting", reason="window"), None),
        (Event(1, NOW, "job.accepted", "", JOB, "qa", reason="for_worker"), None),
        (Event(1, NOW, "conflict.opened", "", None, "qa", "c", kind="cycle"), News.CONFLICT_OPENED),
        (Event(1, NOW, "conflict.opened", "", None, "qa", "c", kind="schema_drift"), News.DRIFT_FOUND),
        (Event(1, NOW, "step.started", "", JOB, "qa"), None),
    ],
)
def test_some_events_are_news(event: Event, news: News | None) -> None:
    notice = notice_of(event)
    assert (None if notice is None else notice.news) == news


@pytest.mark.parametrize(
    ("changed", "told", "heard"),
    [
        ({}, None, True),
        ({"environments": ("production",)}, None, True),
        ({"environments": ("staging",)}, None, False),
        ({"events": frozenset({News.JOB_FAILED})}, None, True),
        ({"events": frozenset({News.DRIFT_FOUND})}, None, False),
        ({"disabled_at": NOW}, None, False),
        ({}, ("on-call",), True),
        ({}, ("others",), False),
        ({}, (), False),
        ({"environments": ("staging",)}, ("on-call",), True),
        ({"events": frozenset({News.DRIFT_FOUND})}, ("on-call",), False),
    ],
)
def test_the_environment_says_whom_it_tells_and_the_webhook_what_it_wants(
    changed: dict[str, object], told: tuple[str, ...] | None, heard: bool
) -> None:
    notice = notice_of(FAILED)
    assert notice is not None
    assert wants(hook(**changed), notice, told) is heard


@pytest.mark.parametrize(("named", "heard"), [("production", True), ("production.eu", True), ("production.us", False)])
def test_who_names_an_environment_hears_of_each_of_its_targets(named: str, heard: bool) -> None:
    notice = Notice(News.DRIFT_FOUND, NOW, "said", "production.eu")
    assert wants(hook(environments=(named,)), notice, None) is heard


def test_what_concerns_no_environment_is_told_to_those_who_want_all_of_them() -> None:
    notice = Notice(News.JOB_FAILED, NOW, "said")
    assert wants(hook(), notice, None)
    assert not wants(hook(environments=("production",)), notice, None)


def test_a_body_says_what_has_happened_where_and_where_to_look() -> None:
    notice = notice_of(FAILED)
    assert notice is not None
    assert json.loads(body_of(notice, Format.STANDARD)) == {
        "type": "job.failed",
        "timestamp": "2026-01-02T03:04:05.678901Z",
        "data": {
            "environment": "production",
            "job": str(JOB),
            "state": "failed",
            "href": f"/jobs/{JOB}",
            "said": "failed (sql_error): no <table>",
        },
    }
    assert json.loads(body_of(notice, Format.SLACK)) == {
        "text": f"*production* `job.failed` failed (sql_error): no &lt;table&gt;\n`/jobs/{JOB}`"
    }


@pytest.mark.parametrize(
    ("event", "text"),
    [
        (
            Event(
                1, NOW, "job.ended", "failed (sql_error): x", JOB, "shop", kind="run", state="failed", message="no <t>"
            ),
            f"*shop* `job.failed` run: no &lt;t&gt;\n`/jobs/{JOB}`",
        ),
        (
            Event(
                1,
                NOW,
                "job.accepted",
                "x",
                JOB,
                "shop",
                kind="run",
                state="waiting",
                reason="approval",
                message="it waits",
                by="ann",
            ),
            f"*shop* `job.waits_for_approval` run by ann: it waits\n`/jobs/{JOB}`",
        ),
        (
            Event(1, NOW, "conflict.opened", "x", None, "shop", "c1", kind="schema_drift", message="1 object changed"),
            "*shop* `drift.found` schema drift: 1 object changed\n`/migrations/conflicts/c1`",
        ),
    ],
)
def test_a_message_for_people_says_of_which_work_and_where_to_look(event: Event, text: str) -> None:
    notice = notice_of(event)
    assert notice is not None
    assert json.loads(body_of(notice, Format.SLACK)) == {"text": text}


def test_a_delivery_is_over_when_it_was_heard_or_is_not_wanted_any_more() -> None:
    heard = after_try(DELIVERY, Try(NOW, 5, 204), 0.5)
    gone = after_try(DELIVERY, Try(NOW, 5, 410), 0.5)
    assert (heard.state, heard.finished_at, heard.next_try_at) == (DeliveryState.DELIVERED, NOW, None)
    assert (gone.state, gone.finished_at) == (DeliveryState.FAILED, NOW)


@pytest.mark.parametrize("tried", [Try(NOW, 5, 500), Try(NOW, 5, 302), Try(NOW, 5, error="away")])
def test_what_was_not_heard_is_tried_again_ever_later_and_then_given_up(tried: Try) -> None:
    delivery, waited = DELIVERY, timedelta()
    for pause in PAUSES:
        delivery = after_try(delivery, tried, 0.0)
        assert delivery.state is DeliveryState.PENDING and delivery.next_try_at == NOW + pause
        waited += pause
    assert timedelta(days=2) < waited < timedelta(days=4)
    assert after_try(DELIVERY, tried, 0.999).next_try_at > NOW + PAUSES[0]  # type: ignore[operator]
    assert after_try(delivery, tried, 0.0).state is DeliveryState.FAILED


@pytest.mark.parametrize(
    ("url", "problem"),
    [
        ("https://hooks.example.com/a?b", None),
        ("http://10.0.0.1:8080", None),
        ("ftp://x.example", "takes https://host/path"),
        ("https://", "takes https://host/path"),
        ("https://me:secret@x.example", "holds a user or a password; put a secret into its path"),
        ("https://x.example/#a", "has a fragment"),
        ("https://x.example:port", "is no address"),
        ("https://x.example/a\x7f", "holds a character that no address has"),
        ("https://x.example/a b", "holds a character that no address has"),
        ("https://bücher.example/", "holds a character that no address has"),
        ("https://xn--bcher-kva.example/%C3%BC", None),
    ],
)
def test_an_address_is_looked_at_before_anybody_uses_it(url: str, problem: str | None) -> None:
    found = url_problem(url)
    assert found is problem is None or (found or "").startswith(problem or "?")


def test_of_an_address_only_the_host_is_shown() -> None:
    assert shown_of("https://hooks.slack.com/services/T0/B0/hush") == "https://hooks.slack.com/…"
    assert shown_of("https://x.example:8443") == "https://x.example:8443"
