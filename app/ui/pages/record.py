"""History: who asked for what, from where, and what was refused."""

from flask import Blueprint, render_template, request

from app.ui.asking import Json
from app.ui.mount import PREFIX
from app.ui.paging import next_page
from app.ui.visitor import api

pages = Blueprint("record", __name__)

FILTERS = ("environment", "action", "principal", "since")


@pages.get("/history")
def history() -> str:
    wanted = {name: request.args.get(name) or None for name in FILTERS}
    answer = api().read("/audit", **wanted, page_token=request.args.get("pageToken"))
    return render_template(
        "history.html",
        rows=[{**row, "page": _page_of(row)} for row in answer.body],
        wanted=wanted,
        environments=[one["name"] for one in api().get("/environments")],
        more=next_page(answer),
    )


def _page_of(row: Json) -> str | None:
    """The page of what it was about, where it has one."""
    links = row["links"]
    if "job" in links:
        return f"{PREFIX}{links['job']}"
    if "conflict" in links:
        return f"{PREFIX}/conflicts/{links['conflict'].rsplit('/', 1)[-1]}"
    return f"{PREFIX}/schedules" if "schedule" in links else None
