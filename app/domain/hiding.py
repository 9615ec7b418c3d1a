"""What must not be said: passwords of addresses, in whatever a migration, a server or a command has to say."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from urllib.parse import quote, unquote, urlsplit

from app.domain.environment import Environment
from app.domain.failure import Failure, plain

HIDDEN = "•••"
LEAST_CHARS = 6
"""A shorter password is hidden in addresses alone: it might be a part of any word."""
_SECRETS = ("LIFTLOCK_ADMIN_TOKEN", "LIFTLOCK_SECRET_KEY", "PGPASSWORD")


def spellings(address: str, password: str = "") -> frozenset[str]:
    """The password as it is, and as addresses write it."""
    written = _password_in(address)
    known = password or unquote(written)
    return frozenset({known, written, quote(known, safe="")} - {""})


def secrets_of(environ: Mapping[str, str], environments: Iterable[Environment] = ()) -> frozenset[str]:
    """What a migration in Python can find out where it runs: variables, and the addresses that were made of them."""
    named = (part for name in _SECRETS for part in environ.get(name, "").split(","))
    found = {part for part in named if len(part) >= LEAST_CHARS and not part.startswith("file:")}
    found |= {said for value in environ.values() if "://" in value for said in _in_an_address(value)}
    return frozenset(found).union(*(secrets_to(one) for one in environments))


def secrets_to(environment: Environment) -> frozenset[str]:
    addresses = [one.secret for one in (environment.dsn, environment.direct, environment.scratch) if one is not None]
    addresses += [
        one.secret for target in environment.targets for one in (target.dsn, target.direct) if one is not None
    ]
    return frozenset(said for address in addresses for said in _in_an_address(address))


def without(text: str, secrets: Iterable[str]) -> str:
    """The longest first, for one may be a part of another."""
    for one in longest_first(secrets):
        # of `:password@` what stands around it is no secret
        shown = f":{HIDDEN}@" if one.startswith(":") and one.endswith("@") else HIDDEN
        text = text.replace(one, shown)
    return text


def longest_first(secrets: Iterable[str]) -> Sequence[str]:
    return sorted(secrets, key=len, reverse=True)


def failure_without(failure: Failure, secrets: Iterable[str]) -> Failure:
    """What the server or the file has said, and the statement that was made; where it stands in the file stays."""

    def told(text: str | None) -> str | None:
        return None if text is None else plain(without(text, secrets))

    return replace(
        failure,
        message=plain(without(failure.message, secrets)),
        detail=told(failure.detail),
        hint=told(failure.hint),
        statement=told(failure.statement),
        context=told(failure.context),
    )


def _in_an_address(address: str) -> frozenset[str]:
    """Also by itself, unless it is short or a word of the address, such as the user's name: that may be said."""
    found = spellings(address)
    if not found:
        return found
    parts = urlsplit(address)
    words = {unquote(parts.username or ""), parts.path.strip("/")}
    alone = {one for one in found if len(one) >= LEAST_CHARS and one not in words}
    return frozenset(alone | {f":{one}@" for one in found})


def _password_in(address: str) -> str:
    try:
        return urlsplit(address).netloc.rpartition("@")[0].partition(":")[2]
    except ValueError:
        return ""
