"""The graph: which migration needs which, and where each one stands."""

from flask import Blueprint, Response, render_template, request
from markupsafe import Markup

from app.ui.visitor import api, databases, wanted_database

pages = Blueprint("graph", __name__)


@pages.get("/graph")
def graph() -> str:
    wanted = wanted_database(request.args.get("environment"))
    rows = api().get("/migrations", environment=wanted)
    needed: dict[str, list[str]] = {}
    for row in rows:
        for name in row["dependencies"]:
            needed.setdefault(name, []).append(row["name"])
    return render_template(
        "graph.html",
        rows=rows,
        needed=needed,
        picture=_picture(wanted),
        wanted=wanted,
        environments=databases(),
    )


@pages.get("/graph.svg")
def graph_svg() -> Response:
    picture = api().get("/migrations/graph", format="svg", environment=request.args.get("environment"))
    headers = {"Content-Disposition": 'attachment; filename="migrations.svg"'}
    return Response(picture, headers=headers, content_type="image/svg+xml")


def _picture(environment: str) -> Markup | None:
    """Names in it are escaped where it is drawn, and it holds neither styles nor scripts."""
    drawn = api().find("/migrations/graph", format="svg", environment=environment)
    return Markup(drawn) if isinstance(drawn, str) else None  # noqa: S704
