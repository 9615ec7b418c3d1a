"""What forms do: ask the API for what a page has offered, then show what came of it."""

import re
from http import HTTPStatus
from typing import Any

from flask import Blueprint, Response, redirect, render_template, request
from werkzeug.wrappers import Response as AnyResponse

from app.domain.environment import whole_of
from app.ui.asking import Answer, Json, Refused
from app.ui.mount import PREFIX
from app.ui.offers import Offer, filled, opened
from app.ui.pages.plans import cli_of_all
from app.ui.pages.signing import refuse_unsealed
from app.ui.visitor import PATH, THEME, THEMES, api, secret

pages = Blueprint("acting", __name__)

_NAME_OF_EVENT = re.compile(rb"^event:[^\n]*\n", re.MULTILINE)
THEME_FORM = "theme"
A_YEAR_S = 365 * 86_400


@pages.post("/act")
def act() -> AnyResponse:
    """Raises NotSealed, NotMeant or Refused."""
    offer = opened(request.form, secret())
    if request.form.get("answer") == "no":
        # the first button of a form is what Enter presses: it takes nothing away
        return redirect(offer.back, HTTPStatus.SEE_OTHER)
    body = filled(offer, request.form)
    try:
        answer = api().send(offer.method, offer.href, body, _key())
    except Refused as refused:
        if refused.status == HTTPStatus.PRECONDITION_REQUIRED and offer.typed is None:
            return _ask_for_more(offer, body, refused)
        raise
    return _shown(answer, offer)


@pages.post("/theme")
def choose_theme() -> AnyResponse:
    refuse_unsealed(THEME_FORM)
    chosen = request.form.get("theme", "")
    response = redirect(_own(request.form.get("back", "")), HTTPStatus.SEE_OTHER)
    if chosen in THEMES:
        response.set_cookie(THEME, chosen, max_age=A_YEAR_S, path=PATH, samesite="Strict", httponly=True)
    else:
        response.delete_cookie(THEME, path=PATH)
    return response


@pages.get("/events")
def events() -> Response:
    """The stream of the API, for a browser whose cookie goes no further than here.

    Without the names of its events: to a page each is the same, a reason to look again.
    """
    topics = request.query_string.decode("ascii", "ignore")
    chunks, status, headers = api().stream(f"/events?{topics}")
    rings = (_NAME_OF_EVENT.sub(b"", chunk) for chunk in chunks)
    kept = {name: headers[name] for name in ("Content-Type", "Cache-Control", "Retry-After") if name in headers}
    response = Response(rings, status, {**kept, "X-Accel-Buffering": "no"})
    response.call_on_close(getattr(chunks, "close", lambda: None))
    return response


def _key() -> str | None:
    key = request.form.get("key", "")
    return key if key.isalnum() and len(key) <= 64 else None


def _shown(answer: Answer, offer: Offer) -> AnyResponse:
    """What was made has a page of its own, where there is one; a secret is shown once, and never again."""
    body: Any = answer.body
    if isinstance(body, dict) and body.get("token"):
        return Response(render_template("made_token.html", token=body), HTTPStatus.CREATED)
    if isinstance(body, dict) and body.get("secret"):
        return Response(render_template("made_webhook.html", webhook=body), answer.status)
    if isinstance(body, dict) and len(body.get("targets") or ()) + len(body.get("withoutPlan") or ()) > 1:
        # the plan itself is of one of them, and says nothing of the others
        whole = whole_of(body["environment"])
        page = render_template("plan_whole.html", plan=body, whole=whole, cli=cli_of_all(body, whole))
        return Response(page, answer.status)
    return redirect(_page_of(body) or offer.back, HTTPStatus.SEE_OTHER)


def _page_of(body: Any) -> str | None:
    own = body.get("links", {}).get("self", "") if isinstance(body, dict) else ""
    return f"{PREFIX}{own}" if own.startswith(("/jobs/", "/plans/")) else None


def _ask_for_more(offer: Offer, body: Json, refused: Refused) -> AnyResponse:
    """The API names what would be lost: the same once more, with the name typed."""
    name = refused.problem.get("environment") or offer.body.get("environment")
    named = refused.problem.get("confirm") or name
    if not isinstance(named, str):
        raise refused
    again = Offer(offer.method, offer.href, offer.back, {**body, "confirm": named}, typed=named)
    page = render_template("confirm.html", problem=refused.problem, offer=again, name=named)
    return Response(page, HTTPStatus.PRECONDITION_REQUIRED)


def _own(path: str) -> str:
    return path if path.startswith(f"{PREFIX}/") and "\\" not in path else f"{PREFIX}/"
