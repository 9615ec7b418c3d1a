"""Schedules: what runs by itself, when next, and at whose word it waits."""

from flask import Blueprint, render_template

from app.domain.job import JobKind
from app.ui.asking import Json, segment
from app.ui.mount import PREFIX
from app.ui.offers import Offer
from app.ui.visitor import api

pages = Blueprint("schedules", __name__)

DOES = {
    JobKind.COMPARE: "holds each environment against those that it requires; what it should not have is a conflict",
    JobKind.SCAN: "looks whether each schema is as the last job left it",
    JobKind.PURGE: "deletes what Liftlock keeps for a while only: keys of requests, old events, scratch databases",
    JobKind.RECONCILE: "holds the newest jobs against the databases; what a failover has lost is a conflict",
    JobKind.RESCUE: "gives back jobs whose worker has stopped answering",
    JobKind.FOLLOW: "brings this environment to the level of the one that it follows",
}


@pages.get("/schedules")
def schedules() -> str:
    return render_template("schedules.html", schedules=[_schedule(one) for one in api().get("/schedules")])


def _schedule(one: Json) -> Json:
    turn = ("resume", "Resume it") if one["paused"] else ("pause", "Pause it")
    return {
        **one,
        "does": DOES.get(one["kind"], one["kind"]),
        "offers": [_offer(one["name"], *turn), _offer(one["name"], "run", "Run it now")],
    }


def _offer(name: str, verb: str, label: str) -> Json:
    return {"label": label, "offer": Offer("POST", f"/schedules/{segment(name)}/{verb}", f"{PREFIX}/schedules")}
