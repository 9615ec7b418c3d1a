"""Schedules: what runs by itself, when next, and at whose word it waits."""

from flask import Blueprint, render_template

from app.ui.asking import Json, segment
from app.ui.mount import PREFIX
from app.ui.offers import Offer
from app.ui.visitor import api

pages = Blueprint("schedules", __name__)


@pages.get("/schedules")
def schedules() -> str:
    return render_template("schedules.html", schedules=[_schedule(one) for one in api().get("/schedules")])


def _schedule(one: Json) -> Json:
    turn = ("resume", "Resume it") if one["paused"] else ("pause", "Pause it")
    return {**one, "offers": [_offer(one["name"], *turn), _offer(one["name"], "run", "Run it now")]}


def _offer(name: str, verb: str, label: str) -> Json:
    return {"label": label, "offer": Offer("POST", f"/schedules/{segment(name)}/{verb}", f"{PREFIX}/schedules")}
