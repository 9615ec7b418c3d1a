"""Webhooks: who is told of what, whether they have heard, and once more where they have not."""

from flask import Blueprint, render_template, request

from app.domain.webhook import Format, News
from app.ui.asking import Answer, Json, segment
from app.ui.mount import PREFIX
from app.ui.offers import LIST, TEXT, Offer
from app.ui.paging import next_page
from app.ui.visitor import api, whoami

pages = Blueprint("webhooks", __name__)

BACK = f"{PREFIX}/settings"
EVENTS = tuple(one for one in News if one is not News.TEST)
TAKES = {"name": TEXT, "url": TEXT, "format": TEXT, "events": LIST, "environments": LIST, "secret": TEXT}
PAGE = 25
MOST_WITH_LAST = 20
"""Of so many the list says how the last message fared: each is a question of its own."""


@pages.get("/webhooks/<webhook_id>")
def webhook(webhook_id: str) -> str:
    at = f"/webhooks/{segment(webhook_id)}"
    found = api().get(at)
    answer: Answer = api().read(f"{at}/deliveries", limit=PAGE, page_token=request.args.get("pageToken"))
    return render_template(
        "webhook.html",
        webhook=_with_offers(found),
        deliveries=[_delivery(found, one) for one in answer.body],
        reason=refusal(),
        more=next_page(answer),
    )


def section() -> Json:
    """What Settings shows of them: all of them by name, and what it takes to add one."""
    found = api().get("/webhooks")
    return {
        "rows": [_with_offers(one) | {"last": _last(one, number)} for number, one in enumerate(found)],
        "make": Offer("POST", "/webhooks", BACK, {}, TAKES),
        "reason": refusal(),
        "formats": list(Format),
        "events": EVENTS,
    }


def refusal() -> str | None:
    """Why this caller may change none; None where nothing of theirs is in the way."""
    return None if "admin" in whoami()["scopes"] else "it needs the scope admin, which this token lacks"


def _with_offers(one: Json) -> Json:
    at, page = f"/webhooks/{segment(one['id'])}", f"{PREFIX}/webhooks/{segment(one['id'])}"
    return {
        **one,
        "page": page,
        "test": Offer("POST", f"{at}/test", page),
        "rotate": Offer("POST", f"{at}/rotate", page),
        "remove": Offer("DELETE", at, BACK),
    }


def _delivery(webhook: Json, one: Json) -> Json:
    href = f"/webhooks/{segment(webhook['id'])}/deliveries/{segment(one['id'])}/redeliver"
    return {**one, "again": Offer("POST", href, f"{PREFIX}/webhooks/{segment(webhook['id'])}")}


def _last(one: Json, number: int) -> Json | None:
    if number >= MOST_WITH_LAST:
        return None
    newest = api().find(f"/webhooks/{segment(one['id'])}/deliveries", limit=1)
    return newest[0] if newest else None
