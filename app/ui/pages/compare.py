"""Compare: two environments side by side, and what would bring them together."""

from flask import Blueprint, render_template, request

from app.ui.asking import Json
from app.ui.mount import PREFIX
from app.ui.offers import Offer
from app.ui.visitor import api, environments

pages = Blueprint("compare", __name__)


@pages.get("/compare")
def compare() -> str:
    names = [one["name"] for one in environments()]
    source = request.args.get("from") or (names[0] if names else "")
    target = request.args.get("to") or next((one for one in names if one != source), "")
    strict = "true" if request.args.get("strict") else None
    found = api().get("/environments/compare", from_=source, to=target, strict=strict) if target else None
    return render_template(
        "compare.html",
        names=list(dict.fromkeys(one for one in (*names, source, target) if one)),
        source=source,
        target=target,
        strict=strict,
        found=found,
        actions=[] if found is None else [_action(one) for one in found["actions"]],
    )


def _action(action: Json) -> Json:
    """Only plans are made from here: what a plan would do is read before it is done."""
    offer = Offer(action["method"], action["href"], f"{PREFIX}/compare", action["body"] or {})
    return {**action, "offer": offer, "plans": action["name"] == "plan_sync"}
