"""What a page offers to do: a call of the API, sealed for the browser that was shown it.

A form carries the call and a seal over it, made with what only this browser holds. So no page of anybody else can
have it sent (CSRF), and nothing can be sent that was not offered.
"""

import hashlib
import hmac
import json
import secrets
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from werkzeug.datastructures import MultiDict

from app.ui.asking import Json

TEXT, NUMBER, LIST, MOMENT = "text", "number", "list", "moment"


@dataclass(frozen=True, slots=True)
class Offer:
    """`takes`: the fields a person may fill in, by their kind, which go into the body.

    `typed`: the name that has to be typed first. `ticks`: each has to be ticked first, by itself. `back`: the page to
    go back to where the answer has none of its own.
    """

    method: str
    href: str
    back: str
    body: Json = field(default_factory=dict)
    takes: Mapping[str, str] = field(default_factory=dict)
    typed: str | None = None
    ticks: tuple[str, ...] = ()


class NotSealed(Exception):
    """The form is not one that this browser was shown."""


class NotMeant(Exception):
    """What had to be typed or ticked was not."""


@dataclass(frozen=True, slots=True)
class Sealed:
    """The hidden fields of a form. `key`: sent twice, done once."""

    offer: str
    seal: str
    key: str


def seal(offer: Offer, secret: str) -> Sealed:
    text = json.dumps(asdict(offer), separators=(",", ":"), sort_keys=True)
    return Sealed(text, _seal(text, secret), secrets.token_hex(16))


def opened(form: "MultiDict[str, str]", secret: str) -> Offer:
    """Raises NotSealed."""
    text, given = form.get("offer", ""), form.get("seal", "")
    if not hmac.compare_digest(_seal(text, secret).encode(), given.encode("utf-8", "replace")):
        raise NotSealed
    read: dict[str, Any] = json.loads(text)
    return Offer(**{**read, "ticks": tuple(read["ticks"])})


def filled(offer: Offer, form: "MultiDict[str, str]") -> Json:
    """The body, with what was filled in. Raises NotMeant."""
    if offer.typed is not None and form.get("typed", "").strip() != offer.typed:
        raise NotMeant(f"the name that was typed is not {offer.typed!r}")
    unticked = [one for one in offer.ticks if one not in form.getlist("tick")]
    if unticked:
        raise NotMeant(f"{', '.join(unticked)} was not accepted")
    body = dict(offer.body)
    for name, kind in offer.takes.items():
        value = _value(form.get(f"field.{name}", "").strip(), kind)
        if value is not None:
            body[name] = value
    return body


def form_token(purpose: str, secret: str) -> str:
    """For the few forms that are no offer: signing in, out, and the theme."""
    return _seal(purpose, secret)


def _value(text: str, kind: str) -> object:
    if not text:
        return None
    match kind:
        case "number":
            return int(text) if text.isascii() and text.isdigit() and len(text) <= 10 else text
        case "list":
            return [one for one in (part.strip() for part in text.replace("\n", ",").split(",")) if one]
        case "moment":
            # what <input type="datetime-local"> gives has no zone; the label says that it is UTC
            return f"{text}:00Z" if len(text) == len("2030-01-31T08:00") else text
        case _:
            return text


def _seal(text: str, secret: str) -> str:
    return hmac.new(secret.encode(), text.encode("utf-8", "replace"), hashlib.sha256).hexdigest()
