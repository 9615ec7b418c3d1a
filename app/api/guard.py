"""Keeps web pages out: without tokens, a page open in a browser could otherwise send requests to this machine.

A page of another site cannot forge Host, Origin and Sec-Fetch-Site. A name that an attacker points at
127.0.0.1 shows in Host; a form or a script of another site shows in the other two.
"""

import ipaddress
from urllib.parse import urlsplit

from flask import g, request

from app.api.context import services
from app.domain.access import Auth
from app.domain.errors import Forbidden

_PROBED = frozenset({"/health/live", "/health/ready", "/metrics"})
_DEFAULT_PORTS = {"http": 80, "https": 443}


def refuse_foreigners() -> None:
    """Raises Forbidden. Runs before every view."""
    host = request.environ.get("HTTP_HOST")
    if _is_probe():
        return
    if host is not None and not is_known_host(host, services().settings.allowed_hosts):
        g.untrusted_host = True
        raise Forbidden(
            "the Host of this request is not one this service answers to; "
            "name it in LIFTLOCK_ALLOWED_HOSTS if it should be",
            facts={"host": host[:200]},
        )
    if _is_navigation():
        return
    sender = request.headers.get("Origin")
    if sender is not None and not is_same_origin(sender, request.environ.get("HTTP_HOST", "")):
        raise Forbidden("this request comes from a page of another origin, which may not use this service")
    if request.headers.get("Sec-Fetch-Site") == "cross-site":
        raise Forbidden("this request comes from a page of another site, which may not use this service")


def is_known_host(host: str, allowed: frozenset[str]) -> bool:
    """A loopback name or address, or one the configuration names; the port does not matter."""
    name = _host_name(host)
    return name == "localhost" or name in allowed or _is_loopback(name)


def is_same_origin(sender: str, host: str) -> bool:
    """Whether Origin names the address in Host; `null` names nothing."""
    try:
        origin = urlsplit(sender)
        here = urlsplit(f"//{host}")
        default = _DEFAULT_PORTS[origin.scheme]
        return bool(origin.hostname) and (origin.hostname, origin.port or default) == (
            here.hostname,
            here.port or default,
        )
    except (ValueError, KeyError):
        return False


def _is_probe() -> bool:
    """Those who keep a service running call it by its address. Where that could give something away, a token is
    asked for, which no page of another site has."""
    return request.path in _PROBED and services().settings.auth is Auth.TOKEN


def _is_navigation() -> bool:
    """Somebody followed a link: a page is shown, and the site they came from cannot read it."""
    return request.method in ("GET", "HEAD") and request.headers.get("Sec-Fetch-Mode") == "navigate"


def _host_name(host: str) -> str | None:
    try:
        parts = urlsplit(f"//{host}")
        _ = parts.port
    except ValueError:
        return None
    # `user@localhost` and `localhost/x` are not hosts
    return parts.hostname if parts.netloc == host and parts.username is None else None


def _is_loopback(name: str | None) -> bool:
    try:
        return name is not None and ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False
