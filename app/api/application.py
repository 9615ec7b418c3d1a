"""The Flask application: its routes, what happens around every request, and nothing else."""

import time
from collections.abc import Iterable
from contextlib import ExitStack
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

import structlog
from flask import Response, g, request
from flask_openapi3.blueprint import APIBlueprint
from flask_openapi3.models.info import Info
from flask_openapi3.openapi import OpenAPI
from werkzeug.routing import BaseConverter

from app import measures, tracing
from app.api import (
    audit,
    conflicts,
    documents,
    drift,
    environments,
    events,
    graph,
    history,
    jobs,
    logs,
    metrics,
    migrations,
    operations,
    plans,
    preserved,
    proofs,
    protection,
    registry,
    schedules,
    schemas,
    syncs,
    tokens,
    webhooks,
)
from app.api.access import admit, rate_headers
from app.api.context import KEY, SAFE_METHODS, Extension, request_id, traceparent
from app.api.doors import address_of
from app.api.errors import register_errors
from app.api.guard import refuse_foreigners
from app.api.requests import MAX_BODY_BYTES
from app.domain.migration import RESERVED_NAMES
from app.release import release
from app.wiring import Services

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

RESOURCES = (
    migrations, graph, plans, proofs, conflicts, jobs, events, logs, history, schedules, environments, drift, preserved,
    protection, registry, syncs, tokens, webhooks, audit, operations, metrics, documents,
)  # fmt: skip
PERSONAL = frozenset({"whoami", "tokens", "audit"})
"""What they answer is about people, and no cache keeps it."""
HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    # no page of ours in a frame of another, and nothing of ours ever runs as a script
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Cross-Origin-Resource-Policy": "same-origin",
}


def build_application(services: Services) -> OpenAPI:
    """No IO: the portals of `services` start with the first request that needs them."""
    app = _Application(
        "app.api",
        info=Info(title="Liftlock", version=release(), description=documents.ABOUT),
        validation_error_model=schemas.Problem,
        doc_ui=False,
        static_folder=None,
    )
    app.extensions[KEY] = Extension(services)
    # one more than is taken: so a body that was cut off there is told from one that fits
    app.config["MAX_CONTENT_LENGTH"] = MAX_BODY_BYTES + 1
    app.url_map.converters["migration_name"] = MigrationName
    # an address is answered or it is not: no redirects between spellings of it
    app.url_map.merge_slashes = False
    app.wsgi_app = _WithoutTrailingSlash(app.wsgi_app)  # type: ignore[method-assign]
    app.before_request(_begin)
    app.before_request(refuse_foreigners)
    app.before_request(admit)
    app.after_request(_finish)
    app.teardown_request(_end_tracing)
    register_errors(app)
    for resource in RESOURCES:
        app.register_api(resource.api)
    return app


class _Application(OpenAPI):
    def register_api(self, api: APIBlueprint, **options: Any) -> None:
        """Two rooms may answer one address, each with methods of its own; the document knows all of them."""
        known = dict(self.paths)
        super().register_api(api, **options)
        for path in known.keys() & api.paths.keys():
            methods = {name: getattr(api.paths[path], name) for name in api.paths[path].model_fields_set}
            self.paths[path] = known[path].model_copy(update=methods)

    def make_default_options_response(self) -> Response:
        """Allow is the whole answer."""
        response = super().make_default_options_response()
        response.status_code = HTTPStatus.NO_CONTENT
        del response.headers["Content-Type"]
        return response


class MigrationName(BaseConverter):
    """A name, but not a word of this API: `GET /migrations/run` is a wrong method, not a missing migration."""

    regex = rf"(?!(?:{'|'.join(sorted(RESERVED_NAMES))})$)[^/]+"


class _WithoutTrailingSlash:
    """`/jobs/` is `/jobs`."""

    def __init__(self, app: "WSGIApplication") -> None:
        self._app = app

    def __call__(self, environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        path = environ.get("PATH_INFO", "")
        if len(path) > 1 and path.endswith("/"):
            environ["PATH_INFO"] = path[:-1]
        return self._app(environ, start_response)


def _begin() -> None:
    structlog.contextvars.clear_contextvars()
    structlog.contextvars.bind_contextvars(request_id=request_id())
    g.began = time.monotonic()
    g.tracing = ExitStack()
    about = {"liftlock.request": request_id(), "http.request.method": request.method}
    g.tracing.enter_context(tracing.span(f"{request.method} {_route()}", traceparent(), about))


def _route() -> str:
    """What matches none has one name together: anybody may ask for anything."""
    return "none" if request.url_rule is None else address_of(request.url_rule.rule)


def _end_tracing(_error: BaseException | None) -> None:
    stack: ExitStack | None = g.pop("tracing", None)
    if stack is not None:
        stack.close()


def _finish(response: Response) -> Response:
    route = _route()
    method = request.method if request.url_rule is not None else "none"
    seconds = time.monotonic() - g.get("began", time.monotonic())
    measures.request_answered(method, route, response.status_code, seconds)
    response.headers["X-Request-Id"] = request_id()
    for name, value in (HEADERS | rate_headers()).items():
        response.headers.setdefault(name, value)
    kept = request.method in SAFE_METHODS and request.path.partition("/")[2].partition("/")[0] not in PERSONAL
    response.headers.setdefault("Cache-Control", "no-cache" if kept else "no-store")
    return response
