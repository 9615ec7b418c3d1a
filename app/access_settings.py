"""Settings of who may come in, how often, and whom this service may speak to."""

from urllib.parse import urlsplit

from app.domain.access import Auth
from app.domain.addresses import Network, network_of
from app.domain.oidc import Oidc, grants_of
from app.domain.rate import Rate
from app.variables import Variables

LEAST_SECRET = 32
DEFAULT_RATE = Rate(most=300, every_s=0.02)
LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})


def auth_of(reader: Variables, host: str) -> Auth:
    """Who is not on this machine has to say who they are."""
    published_on_loopback = reader.flag("LIFTLOCK_PUBLISHED_ON_LOOPBACK")
    default = Auth.OFF if host in LOOPBACK else Auth.TOKEN
    auth = Auth(reader.one_of("LIFTLOCK_AUTH", default.value, tuple(one.value for one in Auth)))
    if auth is Auth.OFF and host not in LOOPBACK and not published_on_loopback:
        reader.problems.append(
            f"LIFTLOCK_HOST={host} with LIFTLOCK_AUTH=off: anybody who reaches this address could change your "
            f"databases; use LIFTLOCK_AUTH=token, or 127.0.0.1, or, where something in front publishes it on loopback "
            f"only, set LIFTLOCK_PUBLISHED_ON_LOOPBACK=1"
        )
    return auth


def admin_token_of(reader: Variables) -> str | None:
    given = reader.secret("LIFTLOCK_ADMIN_TOKEN")
    return given if given is None or _is_long_enough(reader, "LIFTLOCK_ADMIN_TOKEN", given) else None


def secret_keys_of(reader: Variables) -> tuple[str, ...]:
    """What seals is the first; the others open what was sealed before."""
    listed = [one.strip() for one in (reader.secret("LIFTLOCK_SECRET_KEY") or "").split(",")]
    return tuple(one for one in listed if one and _is_long_enough(reader, "LIFTLOCK_SECRET_KEY", one))


def rate_of(reader: Variables) -> Rate | None:
    """Requests of one token: so many a minute, and `LIFTLOCK_RATE_BURST` at once."""
    a_minute = reader.number("LIFTLOCK_RATE_LIMIT", round(60 / DEFAULT_RATE.every_s), 0, 10_000_000)
    burst = reader.number("LIFTLOCK_RATE_BURST", DEFAULT_RATE.most, 1, 1_000_000)
    return None if a_minute == 0 else Rate(burst, 60 / a_minute)


def networks_of(reader: Variables, name: str) -> tuple[Network, ...]:
    found: list[Network] = []
    for text in (one.strip() for one in reader.text(name, "").split(",") if one.strip()):
        network = network_of(text)
        if network is None:
            reader.problems.append(f"{name}: {text!r} is no network; it takes such as 10.1.0.0/16,192.168.7.4")
        else:
            found.append(network)
    return tuple(found)


def oidc_of(reader: Variables) -> Oidc | None:
    """An identity provider, where one is named."""
    issuer = reader.text("LIFTLOCK_OIDC_ISSUER", "")
    if not issuer:
        return None
    audience = reader.text("LIFTLOCK_OIDC_AUDIENCE", "")
    keys = reader.text("LIFTLOCK_OIDC_JWKS", "")
    roles, wrong = grants_of(reader.text("LIFTLOCK_OIDC_ROLES", ""))
    if not audience:
        reader.problems.append("LIFTLOCK_OIDC_AUDIENCE is not set; without it tokens for anybody would be taken")
    for name, url in (("LIFTLOCK_OIDC_ISSUER", issuer), ("LIFTLOCK_OIDC_JWKS", keys)):
        if url and not _is_trusted_address(url):
            reader.problems.append(f"{name}={url[:200]}: takes https://host/path; http is for loopback only")
    if wrong is not None:
        reader.problems.append(
            f"LIFTLOCK_OIDC_ROLES: {wrong!r} is not understood; it takes such as dba=admin,team=operator@staging+qa, "
            f"and an admin is one everywhere"
        )
    return Oidc(issuer, audience, reader.text("LIFTLOCK_OIDC_CLAIM", "groups"), roles, keys or None)


def _is_trusted_address(url: str) -> bool:
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    return bool(parts.hostname) and (parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in LOOPBACK))


def _is_long_enough(reader: Variables, name: str, given: str) -> bool:
    if len(given) >= LEAST_SECRET and given.isascii() and given.isprintable() and " " not in given:
        return True
    reader.problems.append(
        f"{name} is not taken: it needs at least {LEAST_SECRET} visible ASCII characters "
        f"without blanks; `openssl rand -hex 32` makes one"
    )
    return False
