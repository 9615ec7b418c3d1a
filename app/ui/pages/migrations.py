"""One migration: its text, what it depends on, and where it stands in each environment."""

from http import HTTPStatus

from flask import Blueprint, render_template, request

from app.ui.asking import Json, Refused, segment
from app.ui.files import migration_file, sections
from app.ui.mount import PREFIX
from app.ui.offers import Offer
from app.ui.visitor import api
from app.ui.visitor import environments as known

pages = Blueprint("migrations", __name__)

MOST_ENVIRONMENTS = 50


@pages.get("/migrations/<path:name>")
def migration(name: str) -> str:
    """`environment` says whose words are shown where they differ; every environment has its row."""
    environments = known()
    names = [one["name"] for one in environments][:MOST_ENVIRONMENTS]
    chosen = request.args.get("environment") or next(one["name"] for one in environments if one["isDefault"])
    shown = api().get(f"/migrations/{segment(name)}", environment=chosen)
    rows = [shown if one == chosen else _in(one, name) for one in names]
    found = migration_file(name)
    return render_template(
        "migration.html",
        migration=shown,
        rows=[one for one in rows if one is not None],
        unreached=[one for one, row in zip(names, rows, strict=True) if row is None],
        sections=[] if found is None else sections(found),
        dependents=_dependents(name, chosen),
        verify=_verify(shown, environments),
    )


def _in(environment: str, name: str) -> Json | None:
    """None where that environment cannot be read, or does not have it."""
    try:
        row: Json | None = api().find(f"/migrations/{segment(name)}", environment=environment)
    except Refused as refused:
        if refused.status < HTTPStatus.INTERNAL_SERVER_ERROR:
            raise
        return None
    return row


def _dependents(name: str, environment: str) -> list[str]:
    return [one["name"] for one in api().get("/migrations", environment=environment) if name in one["dependencies"]]


def _verify(shown: Json, environments: list[Json]) -> Json:
    """The environment's own action, for this one migration."""
    own = next(one for one in environments if one["name"] == shown["environment"])
    action = next(one for one in own["actions"] if one["name"] == "verify")
    reason = action["reason"] or (
        None if shown["state"] in ("pending", "blocked", "rolled_back") else "it is not pending"
    )
    here = f"{PREFIX}/migrations/{segment(shown['name'])}?environment={segment(shown['environment'])}"
    offer = Offer("POST", action["href"], here, {"names": [shown["name"]]})
    return {
        "label": "Prove its undo on a scratch database",
        "offer": offer,
        "allowed": reason is None,
        "reason": reason,
    }
