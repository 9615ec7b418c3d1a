"""Whom to tell, what of, and how: webhooks, the news they want, and messages as Standard Webhooks has them.

https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
"""

import base64
import binascii
import hashlib
import hmac
import json
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from urllib.parse import urlsplit
from uuid import UUID

from app.domain.conflict import ConflictKind
from app.domain.environment import whole_of
from app.domain.events import Event

SECRET_PREFIX = "whsec_"  # noqa: S105 - what a secret begins with
SECRET_BYTES = (24, 64)
ROTATES_FOR = timedelta(hours=24)
"""For so long both secrets sign."""
PAUSES = tuple(timedelta(seconds=s) for s in (5, 60, 300, 1800, 7200, 18_000, 36_000, 50_400, 72_000))
"""Before the second try, the third, …: about two and a half days in all."""
MOST_ANSWER_CHARS = 500
_NOT_IN_ADDRESS = re.compile(r"[^\x21-\x7e]")


class News(StrEnum):
    JOB_SUCCEEDED = "job.succeeded"
    JOB_FAILED = "job.failed"
    JOB_CANCELLED = "job.cancelled"
    JOB_NEEDS_ATTENTION = "job.needs_attention"
    JOB_WAITS_FOR_APPROVAL = "job.waits_for_approval"
    CONFLICT_OPENED = "conflict.opened"
    DRIFT_FOUND = "drift.found"
    TEST = "test"


class Format(StrEnum):
    STANDARD = "standard"
    SLACK = "slack"


@dataclass(frozen=True, slots=True)
class Webhook:
    """`url`, `secret` and `previous_secret` as they are kept: sealed, or by reference; `shown`: of the address.

    `events`, `environments`: what it wants to hear of; none means all.
    """

    id: UUID
    name: str
    url: str = field(repr=False)
    shown: str
    secret: str = field(repr=False)
    created_at: datetime
    created_by: str
    format: Format = Format.STANDARD
    events: frozenset[News] = frozenset()
    environments: tuple[str, ...] = ()
    previous_secret: str | None = field(default=None, repr=False)
    previous_until: datetime | None = None
    disabled_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Notice:
    """What has happened, for somebody outside. `environment` None: it concerns none, or all."""

    news: News
    at: datetime
    said: str
    environment: str | None = None
    data: Mapping[str, object] = field(default_factory=dict)


class DeliveryState(StrEnum):
    PENDING = "pending"
    DELIVERED = "delivered"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Try:
    """`status` None: there was no answer, and `error` says why. `answer`: how it began."""

    at: datetime
    duration_ms: int
    status: int | None = None
    answer: str = ""
    error: str | None = None

    @property
    def heard(self) -> bool:
        return self.status is not None and 200 <= self.status < 300

    @property
    def gone(self) -> bool:
        """410: the receiver wants no more of them, says the standard."""
        return self.status == 410


@dataclass(frozen=True, slots=True)
class Delivery:
    """`message_id` is what its receiver knows it by; of one that is delivered again, that of the first."""

    id: UUID
    webhook_id: UUID
    message_id: UUID
    type: News
    body: str
    created_at: datetime
    event_id: int | None = None
    state: DeliveryState = DeliveryState.PENDING
    tries: tuple[Try, ...] = ()
    next_try_at: datetime | None = None
    finished_at: datetime | None = None


def notice_of(event: Event) -> Notice | None:
    """None for what nobody outside is told: the routine of jobs that concern no environment, for one."""
    news = _news_of(event)
    if news is None or (news is News.JOB_SUCCEEDED and event.environment is None):
        return None
    data = {
        "environment": event.environment,
        "job": None if event.job_id is None else str(event.job_id),
        "conflict": event.subject if event.type.startswith("conflict.") else None,
        "kind": event.kind,
        "state": event.state,
        "reason": event.reason,
        "message": event.message,
        "by": event.by,
        "href": _address(event),
    }
    return Notice(news, event.at, event.said, event.environment, {key: one for key, one in data.items() if one})


def wants(webhook: Webhook, notice: Notice, told: Collection[str] | None) -> bool:
    """`told`: the names that the environment wants told of it; None where it says nothing, and each webhook does."""
    if webhook.disabled_at is not None or (webhook.events and notice.news not in webhook.events):
        return False
    if notice.environment is not None and told is not None:
        return webhook.name in told
    # whoever names an environment means each of its targets
    places = set() if notice.environment is None else {notice.environment, whole_of(notice.environment)}
    return not webhook.environments or not places.isdisjoint(webhook.environments)


def body_of(notice: Notice, form: Format) -> str:
    if form is Format.SLACK:
        return json.dumps({"text": _for_people(notice)}, ensure_ascii=False)
    whole = {"type": notice.news.value, "timestamp": _moment(notice.at), "data": {**notice.data, "said": notice.said}}
    return json.dumps(whole, ensure_ascii=False, separators=(",", ":"))


def key_of(secret: str) -> bytes | None:
    """The bytes that sign; None for what is no secret of the standard: `whsec_` and 24 to 64 bytes in base64."""
    try:
        key = base64.b64decode(secret.removeprefix(SECRET_PREFIX), validate=True)
    except (binascii.Error, ValueError):
        return None
    least, most = SECRET_BYTES
    return key if secret.startswith(SECRET_PREFIX) and least <= len(key) <= most else None


def secret_of(key: bytes) -> str:
    return SECRET_PREFIX + base64.b64encode(key).decode()


def signed(message_id: str, at: datetime, body: str, keys: Sequence[bytes]) -> dict[str, str]:
    """The headers of a message: a signature for each key, the newest first."""
    seconds = int(at.timestamp())
    content = f"{message_id}.{seconds}.{body}".encode()
    signatures = (base64.b64encode(hmac.new(key, content, hashlib.sha256).digest()).decode() for key in keys)
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(seconds),
        "webhook-signature": " ".join(f"v1,{one}" for one in signatures),
    }


def unwanted(delivery: Delivery, tried: Try) -> Delivery:
    """Over without having been sent: the webhook is disabled, and stays so."""
    tries = (*delivery.tries, tried)
    return replace(delivery, tries=tries, state=DeliveryState.FAILED, next_try_at=None, finished_at=tried.at)


def after_try(delivery: Delivery, tried: Try, chance: float) -> Delivery:
    """Over when it was heard, is not wanted, or was tried often enough; else due again. `chance`: in [0, 1)."""
    tries = (*delivery.tries, tried)
    if tried.heard or tried.gone or len(tries) > len(PAUSES):
        state = DeliveryState.DELIVERED if tried.heard else DeliveryState.FAILED
        return replace(delivery, tries=tries, state=state, next_try_at=None, finished_at=tried.at)
    # up to a tenth more, so that what failed together does not come back together
    pause = PAUSES[len(tries) - 1] * (1 + chance / 10)
    return replace(delivery, tries=tries, next_try_at=tried.at + pause)


def shown_of(url: str) -> str:
    """Path and query of an address may be a secret: the first words are enough to know it by."""
    parts = urlsplit(url)
    path = "/…" if parts.path.strip("/") or parts.query else ""
    return f"{parts.scheme}://{parts.netloc}{path}"


def url_problem(url: str) -> str | None:
    """What is wrong with an address, before anybody has looked where it leads."""
    if _NOT_IN_ADDRESS.search(url):
        return "holds a character that no address has; write it as %XX, in the name of a host as xn--…"
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        return "is no address"
    if parts.scheme not in ("https", "http") or not parts.hostname:
        return "takes https://host/path"
    if parts.username is not None or parts.password is not None:
        return "holds a user or a password; put a secret into its path, or verify the signature instead"
    return "has a fragment, which is never sent" if parts.fragment else None


def _news_of(event: Event) -> News | None:
    match event.type:
        case "job.ended":
            return next((one for one in News if one.value == f"job.{event.state}"), None)
        case "job.accepted" | "job.changed":
            waits = event.state == "waiting" and event.reason == "approval"
            return News.JOB_WAITS_FOR_APPROVAL if waits else None
        case "conflict.opened":
            return News.DRIFT_FOUND if event.kind == ConflictKind.SCHEMA_DRIFT else News.CONFLICT_OPENED
        case _:
            return None


def _address(event: Event) -> str | None:
    """On this service."""
    if event.type.startswith("conflict."):
        return f"/migrations/conflicts/{event.subject}"
    return None if event.job_id is None else f"/jobs/{event.job_id}"


def _for_people(notice: Notice) -> str:
    """Where, what, of which work and why; and on a line of its own where to look."""
    place = f"*{notice.environment}* " if notice.environment else ""
    kind, by, message, href = (notice.data.get(one) for one in ("kind", "by", "message", "href"))
    what = str(kind or "").replace("_", " ") + (f" by {by}" if by else "")
    said = f"{what}: {message}" if what and message else notice.said
    look = f"\n`{href}`" if href else ""
    return f"{place}`{notice.news.value}` {_for_slack(said)}{look}"


def _for_slack(text: str) -> str:
    """https://api.slack.com/reference/surfaces/formatting#escaping"""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _moment(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
