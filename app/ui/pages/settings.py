"""Settings: what the environments are, who may come in, and who is told."""

from http import HTTPStatus

from flask import Blueprint, render_template

from app.domain.access import Role
from app.ui.asking import Json, Refused, segment
from app.ui.mount import PREFIX
from app.ui.offers import LIST, MOMENT, TEXT, Offer
from app.ui.pages.webhooks import section
from app.ui.visitor import api, environments

pages = Blueprint("settings", __name__)

HERE = f"{PREFIX}/settings"


@pages.get("/settings")
def settings() -> str:
    tokens, why_not = _tokens()
    takes = {"name": TEXT, "role": TEXT, "environments": LIST, "expiresAt": MOMENT}
    return render_template(
        "settings.html",
        environments=[_environment(one) for one in environments(status="true")],
        tokens=tokens,
        why_not=why_not,
        make=Offer("POST", "/tokens", HERE, {}, takes),
        roles=list(Role),
        webhooks=section(),
        version=api().get("/version"),
    )


def _environment(one: Json) -> Json:
    known = {action["name"]: action for action in one["actions"]}
    unlock = known["unlock"]
    lock = {"label": "Protect it again now", "offer": Offer("POST", f"/environments/{segment(one['name'])}/lock", HERE)}
    offer = Offer(unlock["method"], unlock["href"], HERE, {"confirm": one["name"]}, {"note": TEXT}, one["name"])
    return {**one, "unlock": {**unlock, "offer": offer}, "lock": lock}


def _tokens() -> tuple[list[Json] | None, str | None]:
    """Who may not see them is told why, on a page that has more to say."""
    try:
        found = api().get("/tokens")
    except Refused as refused:
        if refused.status != HTTPStatus.FORBIDDEN:
            raise
        return None, str(refused)
    return [{**one, "revoke": Offer("DELETE", f"/tokens/{one['id']}", HERE)} for one in found], None
