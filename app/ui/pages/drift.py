"""Drift: whether each schema is still as the last job left it, and what differs."""

from flask import Blueprint, render_template, request

from app.ui.asking import Json, segment
from app.ui.mount import PREFIX
from app.ui.offers import Offer
from app.ui.visitor import api
from app.ui.visitor import environments as known

pages = Blueprint("drift", __name__)

MOST_AT_ONCE = 20


@pages.get("/drift")
def drift() -> str:
    environments = known()
    wanted = request.args.get("environment") or None
    shown = [one for one in environments if wanted in (None, one["name"])][:MOST_AT_ONCE]
    return render_template(
        "drift.html",
        looks=[_look(one) for one in shown],
        wanted=wanted,
        environments=[one["name"] for one in environments],
        left_out=len(environments) - len(shown) if wanted is None else 0,
    )


def _look(environment: Json) -> Json:
    found: Json = api().get(f"/environments/{segment(environment['name'])}/drift")
    scan = next(one for one in environment["actions"] if one["name"] == "scan")
    return {**found, "scan": {**scan, "offer": Offer(scan["method"], scan["href"], f"{PREFIX}/drift")}}
