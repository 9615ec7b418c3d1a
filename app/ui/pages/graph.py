"""The graph: which migration needs which, and where each one stands."""

from flask import Blueprint, render_template, request

from app.ui.visitor import api

pages = Blueprint("graph", __name__)


@pages.get("/graph")
def graph() -> str:
    environments = api().get("/environments")
    default = next((one["name"] for one in environments if one["isDefault"]), "")
    wanted = request.args.get("environment") or default
    rows = api().get("/migrations", environment=wanted)
    needed: dict[str, list[str]] = {}
    for row in rows:
        for name in row["dependencies"]:
            needed.setdefault(name, []).append(row["name"])
    return render_template(
        "graph.html",
        rows=rows,
        needed=needed,
        wanted=wanted,
        environments=[one["name"] for one in environments],
    )
