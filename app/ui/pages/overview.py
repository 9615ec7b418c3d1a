"""Overview: three axes for each environment, what runs, and every migration against every environment."""

from uuid import UUID

from flask import Blueprint, redirect, render_template, request
from werkzeug.wrappers import Response

from app.domain.job import JobState
from app.ui.asking import Json, segment
from app.ui.matrix import Row, drawn, folded_rows, matching
from app.ui.mount import PREFIX
from app.ui.offers import Offer
from app.ui.visitor import api

pages = Blueprint("overview", __name__)

MOST_JOBS = 6


@pages.get("/")
def overview() -> Response | str:
    """`q` picks migrations by name or version; an id leads to its job. `all` unfolds what is applied everywhere."""
    wanted = request.args.get("q", "").strip()
    if (job := _job_named(wanted)) is not None:
        return redirect(f"{PREFIX}/jobs/{job}")
    found = api().get("/matrix")
    rows = matching(found["migrations"], wanted)
    fold = 0 if wanted or request.args.get("all") else folded_rows(rows)
    names = [one["name"] for one in found["environments"]]
    return render_template(
        "overview.html",
        environments=[_card(one) for one in (*found["environments"], *found["removed"])],
        unusable=found.get("unusable", ()),
        columns=names,
        rows=[_row(one, names) for one in rows[fold:]],
        folded=fold,
        total=len(found["migrations"]),
        found=len(rows),
        wanted=wanted,
        jobs=_under_way(),
        conflicts=api().get("/migrations/conflicts", state="open", limit=MOST_JOBS),
    )


def _under_way() -> list[Json]:
    """The newest that have not ended, however many have ended since they were asked for."""
    states = [state for state in JobState if not state.final]
    found = [one for state in states for one in api().get("/jobs", state=state, limit=MOST_JOBS)]
    return sorted(found, key=lambda one: str(one["createdAt"]), reverse=True)[:MOST_JOBS]


def _card(environment: Json) -> Json:
    status = environment["status"]
    actions = {one["name"]: one for one in environment["actions"]}
    here = f"{PREFIX}/"
    scan = actions["scan"]
    return {
        **environment,
        **status,
        "can": actions,
        "scan": Offer(scan["method"], scan["href"], here),
        "pending": 0 if status["sync"]["evidence"] is None else status["sync"]["evidence"]["pending"]["count"],
    }


def _row(row: Json, names: list[str]) -> Row:
    return drawn(row, names, f"{PREFIX}/migrations/{segment(row['name'])}")


def _job_named(text: str) -> str | None:
    """A whole id, as it is copied from a log."""
    try:
        return str(UUID(text)) if len(text) == len(str(UUID(int=0))) else None
    except ValueError:
        return None
