"""Applications are built once and lent to one stand after the other: to build one takes longer than most tests."""

from typing import cast

from flask import Flask

from app import create_app
from app.api.context import KEY, Extension
from app.ui.mount import Mount
from app.ui.visitor import KEY as UI_KEY
from app.wiring import Services

_idle: list[tuple[Flask, int]] = []
_lent: dict[Flask, int] = {}


def lend(services: Services) -> Flask:
    """One that knows these services, and of those before nothing."""
    if _idle:
        app, routes = _idle.pop()
        app.extensions[KEY] = Extension(services)
        pages = cast(Flask, cast(Mount, app.wsgi_app)._dashboard)
        _, api = pages.extensions[UI_KEY]
        pages.extensions[UI_KEY] = (services, api)
    else:
        app = create_app(services.settings, services)
        routes = _routes(app)
    _lent[app] = routes
    return app


def take_back(app: Flask) -> None:
    """Not one that a test has given a route of its own."""
    routes = _lent.pop(app)
    if _routes(app) == routes:
        _idle.append((app, routes))


def _routes(app: Flask) -> int:
    return len(list(app.url_map.iter_rules()))
