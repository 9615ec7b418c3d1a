"""Signing in with a token, and out."""

import hmac
from http import HTTPStatus

from flask import Blueprint, g, redirect, render_template, request
from werkzeug.wrappers import Response

from app.domain.errors import TooManyTries, Unauthenticated
from app.ui.mount import PREFIX
from app.ui.offers import NotSealed
from app.ui.visitor import COOKIE, PATH, is_open, secret, services, set_cookie, token_for

pages = Blueprint("signing", __name__)

SIGN_IN, SIGN_OUT = "sign in", "sign out"
ENDED = "You are signed in here no longer: twelve hours are over, or the token is revoked or has expired."


@pages.get("/sign-in")
def sign_in() -> Response | str:
    if is_open() or g.signed_in:
        return redirect(_next(), HTTPStatus.SEE_OTHER)
    return _page(ENDED if COOKIE in request.cookies else None)


@pages.post("/sign-in")
def sign_in_with() -> Response | tuple[str, int]:
    """The token itself is kept nowhere; the browser gets a secret of its own."""
    refuse_unsealed(SIGN_IN)
    try:
        opened = services().portal.run(
            services().sessions.open(request.form.get("token", "").strip(), request.remote_addr, g.request_id)
        )
    except Unauthenticated as error:
        return _page(error.detail), HTTPStatus.UNAUTHORIZED
    except TooManyTries as error:
        return _page(error.detail), HTTPStatus.TOO_MANY_REQUESTS
    response = redirect(_next(), HTTPStatus.SEE_OTHER)
    set_cookie(response, COOKIE, opened.secret)
    return response


@pages.post("/sign-out")
def sign_out() -> Response:
    refuse_unsealed(SIGN_OUT)
    if not is_open():
        services().portal.run(services().sessions.close(secret()))
    response = redirect(f"{PREFIX}/sign-in", HTTPStatus.SEE_OTHER)
    response.delete_cookie(COOKIE, path=PATH)
    return response


def refuse_unsealed(purpose: str) -> None:
    """Raises NotSealed for a form that this browser was not shown."""
    given = request.form.get("seal", "")
    if not hmac.compare_digest(given.encode("utf-8", "replace"), token_for(purpose).encode()):
        raise NotSealed


def _page(problem: str | None) -> str:
    return render_template("sign_in.html", problem=problem, next=_next())


def _next() -> str:
    """Only ever a page of the dashboard: an address of another site would be lent our good name."""
    wanted = request.values.get("next", "")
    return wanted if wanted.startswith(f"{PREFIX}/") and "\\" not in wanted and "\n" not in wanted else f"{PREFIX}/"
