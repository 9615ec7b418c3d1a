"""Who looks at a page: the session in a cookie, and the theme they chose."""

import re
import secrets
from typing import cast

from flask import Response, current_app, g, request
from werkzeug.wrappers import Response as AnyResponse

from app.domain.access import Auth
from app.domain.errors import Unauthenticated
from app.services.sessions import LASTS
from app.ui.asking import Api, Json
from app.ui.offers import Offer, Sealed, form_token, seal
from app.wiring import Services

KEY = "liftlock.ui"
COOKIE = "liftlock_session"
VISIT = "liftlock_visit"
THEME = "liftlock_theme"
THEMES = ("light", "dark")
PATH = "/ui"

_SECRET = re.compile(r"[0-9a-f]{64}")


def services() -> Services:
    return cast(Services, current_app.extensions[KEY][0])


def api() -> Api:
    return cast(Api, current_app.extensions[KEY][1])


def is_open() -> bool:
    """Whether nobody is asked who they are."""
    return services().settings.auth is Auth.OFF


def recognise() -> bool:
    """Whether this browser may see pages. Raises BackendUnavailable."""
    g.access = None
    if is_open():
        return True
    secret = _cookie(COOKIE)
    if secret is None:
        return False
    try:
        g.access = services().portal.run(services().sessions.resume(secret, request.remote_addr))
    except Unauthenticated:
        return False
    return True


def count_page() -> None:
    """As one request of the token that signed in, however much the page asks. Raises TooOften."""
    allowance = services().allowance
    if allowance is not None and g.access is not None:
        allowance.take(g.access.principal.id)


def secret() -> str:
    """What only this browser holds: forms are sealed with it. Who is not signed in has one for this visit."""
    if "secret" not in g:
        known = _cookie(COOKIE) if g.get("access") is not None else None
        known = known or _cookie(VISIT)
        g.new_secret = known is None
        g.secret = known or secrets.token_hex(32)
    return cast(str, g.secret)


def environments(status: str | None = None) -> list[Json]:
    """Those that may be chosen; what is no longer in liftlock.toml has nothing to show but its past."""
    return [one for one in api().get("/environments", status=status) if one["state"] == "configured"]


def databases() -> list[str]:
    """What may be asked of one database alone: of an environment with several targets each of them."""
    return [name for one in environments() for name in _targets(one)]


def wanted_database(asked: str | None) -> str:
    """What was `asked` for, else of the environment that is meant where none is named; of several targets the first."""
    known = environments()
    wanted = asked or next((one["name"] for one in known if one["isDefault"]), "")
    return next((_targets(one)[0] for one in known if one["name"] == wanted), wanted)


def _targets(environment: Json) -> list[str]:
    return [one["name"] for one in environment.get("targets") or ()] or [str(environment["name"])]


def whoami() -> Json:
    if "whoami" not in g:
        g.whoami = api().get("/whoami")
    return cast(Json, g.whoami)


def sealed(offer: Offer) -> Sealed:
    return seal(offer, secret())


def token_for(purpose: str) -> str:
    return form_token(purpose, secret())


def theme() -> str:
    chosen = request.cookies.get(THEME, "")
    return chosen if chosen in THEMES else ""


def remember_visit(response: Response) -> Response:
    """After every answer that held a form."""
    if g.get("new_secret"):
        set_cookie(response, VISIT, g.secret)
    return response


def set_cookie(response: AnyResponse, name: str, value: str) -> None:
    """Never read by a script, never sent by another site, never sent to the API."""
    response.set_cookie(
        name,
        value,
        max_age=LASTS,
        path=PATH,
        secure=request.is_secure,
        httponly=True,
        samesite="Strict",
    )


def _cookie(name: str) -> str | None:
    value = request.cookies.get(name, "")
    return value if _SECRET.fullmatch(value) else None
