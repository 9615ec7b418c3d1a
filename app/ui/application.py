"""The dashboard as an application of its own, put in front of the API that it asks."""

import hashlib
import re
import secrets
from contextlib import suppress
from datetime import UTC, datetime
from functools import cache
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlsplit

import structlog
from flask import Flask, Response, g, make_response, redirect, render_template, request
from werkzeug.exceptions import HTTPException
from werkzeug.wrappers import Response as AnyResponse

from app.domain.errors import BackendUnavailable, TooOften
from app.domain.locks import spelled
from app.portal import PortalClosed
from app.ui import looks, visitor
from app.ui.asking import Api, Refused
from app.ui.mount import PREFIX, Mount
from app.ui.offers import NotMeant, NotSealed
from app.ui.pages import (
    acting,
    compare,
    conflicts,
    drift,
    graph,
    jobs,
    kept,
    migrations,
    overview,
    plans,
    record,
    schedules,
    settings,
    signing,
    webhooks,
)
from app.ui.sql import highlighted
from app.wiring import Services

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication

PAGES = (
    overview.pages, jobs.pages, plans.pages, migrations.pages, graph.pages, conflicts.pages, drift.pages, compare.pages,
    kept.pages, schedules.pages, record.pages, settings.pages, webhooks.pages, acting.pages, signing.pages,
)  # fmt: skip
WITHOUT_SIGNING_IN = frozenset({"static", "signing.sign_in", "signing.sign_in_with", "acting.choose_theme"})
OF_ONE_ENVIRONMENT = frozenset({"graph.graph", "kept.preserved", "migrations.migration"})
HEADERS = {
    # nothing inline, nothing from elsewhere, in nobody's frame
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; "
        "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "X-Frame-Options": "DENY",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
}
MOST_FORM_BYTES = 1024 * 1024
STATIC = Path(__file__).parent / "static"
STATIC_FOR_S = 86_400

log = structlog.get_logger()

_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,128}")


def with_dashboard(api: Flask, services: Services) -> Flask:
    """The same application, with the dashboard below /ui."""
    dashboard = build_dashboard(services, api.wsgi_app)
    api.wsgi_app = Mount(api.wsgi_app, dashboard)  # type: ignore[method-assign]
    return api


def build_dashboard(services: Services, api: "WSGIApplication") -> Flask:
    """`api`: what its pages ask. No IO."""
    app = Flask("app.ui", static_folder="static", static_url_path=f"{PREFIX}/static", template_folder="templates")
    app.extensions[visitor.KEY] = (services, Api(api))
    app.config["MAX_CONTENT_LENGTH"] = MOST_FORM_BYTES
    app.config["SEND_FILE_MAX_AGE_DEFAULT"] = STATIC_FOR_S
    app.url_map.strict_slashes = False
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True
    app.jinja_env.filters.update(_filters())
    app.context_processor(_known_to_templates)
    app.before_request(_begin)
    app.after_request(_finish)
    app.register_error_handler(Refused, _refused)
    app.register_error_handler(BackendUnavailable, _away)
    app.register_error_handler(PortalClosed, _away)
    app.register_error_handler(TooOften, _too_often)
    app.register_error_handler(NotSealed, _not_sealed)
    app.register_error_handler(NotMeant, _not_meant)
    app.register_error_handler(HTTPException, _http)
    app.register_error_handler(Exception, _crashed)
    for pages in PAGES:
        app.register_blueprint(pages, url_prefix=PREFIX)
    return app


def _filters() -> dict[str, Any]:
    return {
        "ago": looks.ago,
        "clock": looks.clock,
        "exact": looks.exact,
        "duration": looks.duration,
        "size": looks.size,
        "number": looks.number,
        "short": looks.short,
        "words": looks.words,
        "coded": looks.coded,
        "lock": spelled,
        "spoken": looks.spoken,
        "plainly": looks.plainly,
        "state": looks.state,
        "sql": highlighted,
        "segment": lambda text: quote(text, safe=""),
    }


def _known_to_templates() -> dict[str, Any]:
    return {
        "several": looks.several,
        "sealed": visitor.sealed,
        "token_for": visitor.token_for,
        "theme": visitor.theme(),
        "here": request.full_path.rstrip("?") if request.method == "GET" else f"{PREFIX}/",
        "now": _now,
        "asset": _asset,
        "whoami": visitor.whoami if _signed_in() else None,
        "open_conflicts": _open_conflicts if _signed_in() else None,
        "address": f"{request.scheme}://{request.host}",
    }


@cache
def _asset(name: str) -> str:
    """Its address, another one for another content: so browsers may keep it, and never show an old one."""
    digest = hashlib.sha256((STATIC / name).read_bytes()).hexdigest()
    return f"{PREFIX}/static/{name}?v={digest[:12]}"


def _now() -> str:
    return datetime.now(UTC).isoformat()


def _begin() -> AnyResponse | None:
    given = request.headers.get("X-Request-Id", "")
    g.request_id = given if _REQUEST_ID.fullmatch(given) else secrets.token_hex(16)
    g.signed_in = False
    if request.endpoint == "static":
        return None
    g.access = None
    if request.endpoint in WITHOUT_SIGNING_IN:
        # these ask the API for nothing else: this is for what it asks of every request, a known Host above all
        visitor.api().get("/version")
    g.signed_in = visitor.recognise()
    visitor.count_page()
    return None if g.signed_in or request.endpoint in WITHOUT_SIGNING_IN else _sign_in_first()


def _sign_in_first() -> AnyResponse:
    """A cookie that is `Strict` does not come along from another site: then this page asks for itself once more."""
    if request.headers.get("Sec-Fetch-Site") == "cross-site" and request.method == "GET":
        return make_response(render_template("once_more.html"))
    wanted = request.full_path.rstrip("?") if request.method == "GET" else f"{PREFIX}/"
    return redirect(f"{PREFIX}/sign-in?next={quote(wanted, safe='')}", HTTPStatus.SEE_OTHER)


def _finish(response: Response) -> Response:
    response.headers["X-Request-Id"] = g.request_id
    for name, value in HEADERS.items():
        response.headers.setdefault(name, value)
    if request.endpoint != "static":
        response.headers.setdefault("Cache-Control", "no-store")
    return visitor.remember_visit(response)


def _signed_in() -> bool:
    return bool(g.get("signed_in"))


def _open_conflicts() -> int:
    """At most 100: more is a matter of reading the page."""
    if "open_conflicts" not in g:
        g.open_conflicts = len(visitor.api().get("/migrations/conflicts", state="open", limit=100))
    return int(g.open_conflicts)


def _refused(refused: Refused) -> AnyResponse:
    if refused.status == HTTPStatus.UNAUTHORIZED:
        return _sign_in_first()
    return _problem(refused.status, refused.problem)


def _too_often(error: TooOften) -> AnyResponse:
    problem = {"title": "Too many pages at once", "detail": error.detail}
    response = make_response(_problem(HTTPStatus.TOO_MANY_REQUESTS, problem))
    response.headers["Retry-After"] = str(error.facts["retryAfterS"])
    return response


def _away(error: Exception) -> AnyResponse:
    detail = getattr(error, "detail", "this process is stopping")
    problem = {"title": "The service cannot answer now", "detail": f"{detail}; this page can be loaded again"}
    return _problem(HTTPStatus.SERVICE_UNAVAILABLE, problem)


def _not_sealed(_: NotSealed) -> AnyResponse:
    problem = {
        "title": "This form is too old",
        "detail": "it was not shown to this browser, or you have signed in anew since; go back, load the page again, "
        "and send it from there. Nothing was done.",
    }
    return _problem(HTTPStatus.FORBIDDEN, problem)


def _not_meant(error: NotMeant) -> AnyResponse:
    problem = {"title": "Nothing was done", "detail": f"{error}; go back and say it again if it is meant"}
    return _problem(HTTPStatus.UNPROCESSABLE_ENTITY, problem)


def _http(error: HTTPException) -> AnyResponse:
    status = error.code or HTTPStatus.INTERNAL_SERVER_ERROR
    if status == HTTPStatus.NOT_FOUND:
        path = urlsplit(request.path).path[:200]
        return _problem(status, {"title": "There is no such page", "detail": f"nothing is at {path}"})
    return _problem(status, {"title": error.name, "detail": "the request cannot be answered; nothing was done"})


def _crashed(error: Exception) -> AnyResponse:
    """A bug of ours: its text and traceback go to the log, never onto a page."""
    log.error("page.crashed", path=request.path, method=request.method, request_id=g.request_id, exc_info=error)
    detail = f"nothing is known of why here; the log says more under the request id {g.request_id}"
    return _problem(HTTPStatus.INTERNAL_SERVER_ERROR, {"title": "This page is broken", "detail": detail})


def _form() -> str | None:
    """The page whose form was sent: an answer to a form has no address of its own to come back to."""
    there = urlsplit(request.referrer or "")
    is_ours = request.method == "POST" and there.netloc == request.host and there.path.startswith(f"{PREFIX}/")
    return f"{there.path}?{there.query}".rstrip("?") if is_ours and there.path != f"{PREFIX}/act" else None


def _elsewhere(status: int) -> list[str]:
    """A page of one environment whose target is away is there for the others all the same."""
    if status != HTTPStatus.SERVICE_UNAVAILABLE or request.endpoint not in OF_ONE_ENVIRONMENT:
        return []
    return [one["name"] for one in visitor.environments()]


def _problem(status: int, problem: dict[str, Any]) -> AnyResponse:
    """With everything around it where the API still answers, else a plain one."""
    problem = {"status": int(status), **problem}
    if _signed_in() and status != HTTPStatus.INTERNAL_SERVER_ERROR:
        with suppress(Refused, BackendUnavailable):
            page = render_template("problem.html", problem=problem, back=_form(), elsewhere=_elsewhere(status))
            return make_response(page, int(status))
    return make_response(render_template("plain_problem.html", problem=problem), int(status))
