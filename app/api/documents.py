"""`/openapi.json`, `/docs` and `/problems`: the API explains itself, without a network."""

import base64
import hashlib
import re
from functools import cache
from pathlib import Path
from typing import Any, cast

from flask import Response, current_app, render_template, request
from flask_openapi3.blueprint import APIBlueprint
from flask_openapi3.models.tag import Tag
from flask_openapi3.openapi import OpenAPI
from markupsafe import Markup, escape

from app.api import schemas
from app.api.answers import tagged_response
from app.api.errors import PAGES as PROBLEMS
from app.api.errors import slugs, status_of
from app.api.page import Page
from app.api.problem_pages import HAZARD_PAGES, HAZARD_TITLES, PAGES
from app.api.queries import SlugPath
from app.api.requests import checked
from app.api.spec import Document, completed
from app.domain.errors import LiftlockError, NotFound
from app.domain.signals import EngineSignal

api = APIBlueprint(
    "documents",
    __name__,
    template_folder="templates",
    abp_tags=[Tag(name="Documents", description="The API about itself.")],
)

ABOUT = (
    "PostgreSQL migrations as a service. Every change is a job: it is committed before it is answered, runs in a "
    "worker, and says at the end what failed, what was left behind, whether to try again and what to type next."
)

_CODE = re.compile(r"`([^`]{1,80})`")


@api.get("/openapi.json", doc_ui=False)
@checked
def openapi() -> Response:
    """This API as OpenAPI 3.1"""
    return tagged_response(_document())


@api.get("/docs", doc_ui=False)
@checked
def docs() -> Response:
    """This API for people"""
    return _page("docs.html", document=_document(), operations=_operations(_document()))


@api.get("/problems", responses={200: schemas.ProblemPages}, operation_id="listProblems")
@checked
def list_problems() -> Response:
    """Every kind of problem, and every hazard

    HTML for browsers (`Accept: text/html`), JSON for everybody else.
    """
    problems = [_problem(slug, kind) for slug, kind in sorted(slugs().items())]
    problems += [_hazard(slug) for slug in HAZARD_PAGES]
    response = _page("problems.html", problems=problems) if _wants_html() else tagged_response(problems)
    response.vary.add("Accept")
    return response


@api.get("/problems/<slug>", responses={200: schemas.ProblemPage}, operation_id="getProblem")
@checked
def show_problem(path: SlugPath) -> Response:
    """What a problem means, why it happens and what to do

    HTML for browsers (`Accept: text/html`), JSON for everybody else.
    """
    kind = slugs().get(path.slug)
    if kind is None and path.slug not in HAZARD_PAGES:
        raise NotFound(f"there is no kind of problem {path.slug[:100]!r}", next_steps=(f"GET {PROBLEMS}",))
    problem = _hazard(path.slug) if kind is None else _problem(path.slug, kind)
    response = _page("problem.html", problem=problem) if _wants_html() else tagged_response(problem)
    response.vary.add("Accept")
    return response


def _problem(slug: str, kind: type[LiftlockError]) -> dict[str, Any]:
    # what only jobs end with has no status of HTTP
    status = None if issubclass(kind, EngineSignal) else int(status_of(kind))
    return _shown(slug, kind.title, status, PAGES[slug])


def _hazard(slug: str) -> dict[str, Any]:
    return _shown(slug, HAZARD_TITLES[slug], None, HAZARD_PAGES[slug])


def _shown(slug: str, title: str, status: int | None, page: Page) -> dict[str, Any]:
    return {
        "type": f"{PROBLEMS}/{slug}",
        "title": title,
        "status": status,
        "means": page.means,
        "why": page.why,
        "whatToDo": page.what_to_do,
    }


def _wants_html() -> bool:
    best = request.accept_mimetypes.best_match(["application/json", "text/html"])
    return best == "text/html" and request.accept_mimetypes["text/html"] > request.accept_mimetypes["application/json"]


def _document() -> Document:
    app = cast(OpenAPI, current_app)
    if "liftlock_document" not in app.extensions:
        app.extensions["liftlock_document"] = completed(app.api_doc)
    return cast(Document, app.extensions["liftlock_document"])


def _operations(document: Document) -> dict[str, list[dict[str, Any]]]:
    """By tag, in the order of the document."""
    found: dict[str, list[dict[str, Any]]] = {}
    for path, item in document["paths"].items():
        for method, operation in item.items():
            shown = {**operation, "method": method.upper(), "path": path}
            found.setdefault(operation["tags"][0], []).append(shown)
    return found


def _coded(text: str) -> Markup:
    """What stands between backticks as code."""
    return Markup(_CODE.sub(r"<code>\1</code>", str(escape(text))))  # noqa: S704 - it is escaped before


def _page(template: str, **values: Any) -> Response:
    response = Response(
        render_template(template, style=_style(), coded=_coded, **values), content_type="text/html; charset=utf-8"
    )
    digest = base64.b64encode(hashlib.sha256(_style().encode()).digest()).decode()
    response.headers["Content-Security-Policy"] = (
        f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
    return response


@cache
def _style() -> str:
    return (Path(__file__).parent / "templates" / "style.css").read_text(encoding="utf-8")
