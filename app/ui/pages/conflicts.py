"""Conflicts: what disagrees, both sides of it, and the ways out."""

from flask import Blueprint, render_template, request

from app.domain.conflict import ConflictState
from app.domain.settling import Resolution
from app.ui.asking import Json, segment
from app.ui.mount import PREFIX
from app.ui.offers import MOMENT, TEXT, Offer
from app.ui.paging import next_page
from app.ui.visitor import api, whoami

pages = Blueprint("conflicts", __name__)

SEVERE = frozenset(
    {
        Resolution.RELEASE_TARGET,
        Resolution.MARK_APPLIED,
        Resolution.MARK_ROLLED_BACK,
        Resolution.ACCEPT_FILE,
        Resolution.ADOPT_DRIFT,
    }
)
PAGE = 50
SIDES = (
    ("appliedChecksum", "fileChecksum"),
    ("expectedFingerprint", "foundFingerprint"),
    ("inTarget", "inControlDatabase"),
    ("pendingVersion", "newestAppliedVersion"),
)
"""What conflicts call their two sides in their evidence."""


@pages.get("/conflicts")
def list_conflicts() -> str:
    state = request.args.get("state", "open")
    wanted = request.args.get("environment") or None
    answer = api().read(
        "/migrations/conflicts",
        state=state if state != "all" else None,
        environment=wanted,
        limit=PAGE,
        page_token=request.args.get("pageToken"),
    )
    return render_template(
        "conflicts.html",
        conflicts=answer.body,
        state=state,
        wanted=wanted,
        states=[*ConflictState, "all"],
        environments=[one["name"] for one in api().get("/environments")],
        more=next_page(answer),
    )


@pages.get("/conflicts/<conflict_id>")
def conflict(conflict_id: str) -> str:
    found = api().get(f"/migrations/conflicts/{segment(conflict_id)}")
    reason = _refusal()
    return render_template(
        "conflict.html",
        conflict=found,
        sides=_sides(found["evidence"]),
        remedies=[_remedy(found, one, reason) for one in found["remedies"]],
        reason=reason,
    )


def _refusal() -> str | None:
    """Why this caller may settle nothing; None where nothing of theirs is in the way."""
    known = whoami()
    if known["readOnly"]:
        return "this service makes no changes"
    has = {"admin", "resolve"} & set(known["scopes"])
    return None if has else "it needs the scope resolve, which this token lacks"


def _remedy(conflict: Json, remedy: Json, reason: str | None) -> Json:
    may_be_asked = remedy["command"] is not None
    takes = {"note": TEXT}
    if remedy["resolution"] == Resolution.IGNORE_UNTIL:
        takes["until"] = MOMENT
    if len(conflict["migrations"]) > 1:
        takes["migration"] = TEXT
    offer = Offer(
        "POST",
        f"/migrations/conflicts/{conflict['id']}/resolve",
        f"{PREFIX}/conflicts/{conflict['id']}",
        {"resolution": remedy["resolution"]},
        takes,
    )
    return {
        **remedy,
        "offer": offer if may_be_asked and reason is None else None,
        "takes": takes,
        "severe": remedy["resolution"] in SEVERE,
        "why_not": reason if may_be_asked else None,
    }


def _sides(evidence: Json) -> tuple[Json, Json, Json]:
    """One side, the other, and the rest; differences of a schema are shown apart."""
    for left, right in SIDES:
        if left in evidence and right in evidence:
            rest = {name: one for name, one in evidence.items() if name not in (left, right, "differences")}
            return {left: evidence[left]}, {right: evidence[right]}, rest
    return {}, {}, evidence
