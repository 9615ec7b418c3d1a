"""Preserved data: rows that steps would have destroyed, and what became of them."""

from flask import Blueprint, render_template, request

from app.ui.asking import Json, segment
from app.ui.mount import PREFIX
from app.ui.offers import TEXT, Offer
from app.ui.paging import next_page
from app.ui.visitor import api, databases, wanted_database

pages = Blueprint("kept", __name__)


@pages.get("/preserved")
def preserved() -> str:
    wanted = wanted_database(request.args.get("environment"))
    answer = api().read(f"/environments/{segment(wanted)}/preserved", page_token=request.args.get("pageToken"))
    return render_template(
        "preserved.html",
        sets=[_set(one, wanted) for one in answer.body],
        wanted=wanted,
        environments=databases(),
        more=next_page(answer),
    )


def _set(one: Json, environment: str) -> Json:
    action = one["actions"][0]
    back = f"{PREFIX}/preserved?environment={segment(environment)}"
    return {**one, "restore": {**action, "offer": Offer(action["method"], action["href"], back, {}, {"table": TEXT})}}
