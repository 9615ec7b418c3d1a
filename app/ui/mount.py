"""Where the dashboard stands beside the API: below /ui, and at / for a browser."""

from collections.abc import Iterable
from http import HTTPStatus
from typing import TYPE_CHECKING

from werkzeug.datastructures import MIMEAccept
from werkzeug.http import parse_accept_header

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

PREFIX = "/ui"


class Mount:
    """An application of its own, so that no page of people ever answers a program, nor an API's error a person."""

    def __init__(self, api: "WSGIApplication", dashboard: "WSGIApplication") -> None:
        self._api, self._dashboard = api, dashboard

    def __call__(self, environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        path = environ.get("PATH_INFO", "")
        if path == PREFIX or path.startswith(f"{PREFIX}/"):
            return self._dashboard(environ, start_response)
        if path in ("", "/") and _is_browser(environ):
            start_response(
                f"{HTTPStatus.SEE_OTHER.value} See Other",
                [
                    ("Location", f"{PREFIX}/"),
                    ("Content-Length", "0"),
                    ("Vary", "Accept"),
                    ("Cache-Control", "no-store"),
                ],
            )
            return [b""]
        return self._api(environ, start_response)


def _is_browser(environ: "WSGIEnvironment") -> bool:
    """Asks for HTML by name; curl's `*/*` does not."""
    accepted = parse_accept_header(environ.get("HTTP_ACCEPT"), MIMEAccept)
    return environ.get("REQUEST_METHOD") in ("GET", "HEAD") and any(kind == "text/html" for kind in accepted.values())
