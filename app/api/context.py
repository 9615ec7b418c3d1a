"""What a view knows of its application and of the request it answers."""

import re
import secrets
from collections.abc import Coroutine
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar, cast

from flask import Flask, current_app, g, request

from app import tracing
from app.api.ended import EndedJobs
from app.api.may import May
from app.api.waiting import Waiters
from app.domain.access import Access, Scope
from app.domain.job import Origin
from app.domain.principal import Principal
from app.ports import AuditWanted
from app.wiring import Services

if TYPE_CHECKING:
    from app.api.listing import Listing

T = TypeVar("T")

KEY = "liftlock"
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})

_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,128}")
_TRACEPARENT = re.compile(r"(?!ff)[0-9a-f]{2}-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}")


@dataclass(frozen=True, slots=True)
class Extension:
    """What the application keeps for its views, under `app.extensions["liftlock"]`."""

    services: Services
    waiters: Waiters = field(default_factory=Waiters)
    listings: "dict[str, Listing]" = field(default_factory=dict)
    ended: EndedJobs = field(default_factory=EndedJobs)


def extension_of(app: Flask) -> Extension:
    return cast(Extension, app.extensions[KEY])


def services() -> Services:
    return extension_of(current_app).services


def waiters() -> Waiters:
    return extension_of(current_app).waiters


def listings() -> "dict[str, Listing]":
    """The newest list of migrations of each environment, as it was rendered."""
    return extension_of(current_app).listings


def ended_jobs() -> EndedJobs:
    return extension_of(current_app).ended


def run(work: Coroutine[Any, Any, T]) -> T:
    """Carry out `work` on the services' loop and wait for it."""
    return services().portal.run(work)


def request_id() -> str:
    """The caller's own if it is one, else a new one; the same for the whole request."""
    if "request_id" not in g:
        given = request.headers.get("X-Request-Id", "")
        g.request_id = given if _REQUEST_ID.fullmatch(given) else secrets.token_hex(16)
    return cast(str, g.request_id)


def remember_environment(name: str) -> None:
    """A body may name it; what is said of this request later is said of this environment."""
    g.environment = name


def asked_environment() -> str | None:
    """The environment that this request names, None when it names none or one that was never there."""
    name = g.get("environment") or request.args.get("environment")
    return name if name is not None and services().environments.has_known(name) else None


def has_targets(name: str | None) -> bool:
    """Whether what concerns an environment may stand under the names of its targets: it has several, or is no more."""
    environments = services().environments
    return name is not None and (environments.has_several(name) or not environments.knows(name))


def refuse_unheard(name: str | None) -> None:
    """What was done to an environment that is no more can still be asked for. Raises NotFound for any other name."""
    if name is None or services().environments.has_known(name):
        return
    if not run(services().trail.find(AuditWanted(limit=1, environment=name, with_targets=True))):
        services().environments.configured(name)


def access() -> Access:
    """Who this request comes from, and what it may do; known to every view whose route asks for a token."""
    return cast(Access, g.access)


def may() -> May:
    return May(access().scopes, services().settings.read_only, access().principal)


def require(need: Scope) -> None:
    """Raises Forbidden where the caller lacks it."""
    access().refuse_lacking(need)
    g.granted = True


def origin() -> Origin:
    """Where this request came from, for the change it makes.

    Raises RuntimeError where nobody has asked whether the caller may: no change is made without `require`.
    """
    if "granted" not in g:
        raise RuntimeError(f"{request.method} {request.path} changes something and has required no scope")
    return came_from()


def traceparent() -> str | None:
    """The caller's own, None where it sends none that can be read."""
    given = request.headers.get("traceparent", "")
    return given if _TRACEPARENT.fullmatch(given) else None


def came_from() -> Origin:
    """Where this request came from, whatever becomes of it."""
    known: Access | None = g.get("access")
    return Origin(
        principal=Principal(address=request.remote_addr) if known is None else known.principal,
        request_id=request_id(),
        traceparent=tracing.current() or traceparent(),
    )


def base_url() -> str:
    """`http://host:port` as the caller wrote it, for commands that can be pasted."""
    if "untrusted_host" in g or not request.environ.get("HTTP_HOST"):
        settings = services().settings
        host = f"[{settings.host}]" if ":" in settings.host else settings.host
        return f"http://{host}:{settings.port}"
    return request.host_url.rstrip("/")
