"""Environments that are registered over HTTP: their settings as they were sent, with secrets by reference only."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import parse_qsl, urlsplit

from app.domain.problem import Problem

ADDRESSES = ("url", "directUrl", "scratchUrl")
REFERENCES = ("env:", "file:")
PASSWORDS = frozenset({"password", "sslpassword"})
"""What a query of an address may hold that nobody is to see."""
COMMANDS = ("beforeRun", "beforeRunTimeout")


@dataclass(frozen=True, slots=True)
class Registered:
    """`document`: keys and values as in a table of liftlock.toml. `version` grows with each change of this one."""

    name: str
    document: Mapping[str, object]
    version: int
    updated_at: datetime
    updated_by: str


def secrets_in(document: Mapping[str, object]) -> tuple[Problem, ...]:
    """Addresses that carry a password: what is sent is kept, so it may only be named."""
    return tuple(
        Problem(
            "secret",
            f'`{key}` holds a password, which would be kept as it is; name it instead: "env:NAME" or "file:PATH"',
            pointer=f"{where}/{key}",
        )
        for where, table in _tables(document)
        for key in ADDRESSES
        if has_password(table.get(key))
    )


def unkeepable_in(document: Mapping[str, object]) -> tuple[Problem, ...]:
    """Neither an address nor a name holds characters that nobody sees, and PostgreSQL keeps some of them nowhere."""
    return tuple(
        Problem("unprintable", f"`{key}` holds a character that cannot be shown; leave it out", pointer=f"/{key}")
        for key, value in document.items()
        if not all(text.isprintable() for text in _texts(value))
    )


def commands_in(document: Mapping[str, object]) -> tuple[Problem, ...]:
    """Nothing that arrives over HTTP, or was put into the control database, is ever executed as a command."""
    return tuple(
        Problem("not_over_http", f"`{key}` stands in liftlock.toml only", pointer=f"/{key}")
        for key in COMMANDS
        if key in document
    )


def has_password(value: object) -> bool:
    if not isinstance(value, str) or value.startswith(REFERENCES):
        return False
    try:
        parts = urlsplit(value)
        return bool(parts.password) or any(name in PASSWORDS for name, _ in parse_qsl(parts.query))
    except ValueError:
        return True


def _tables(document: Mapping[str, object]) -> Iterator[tuple[str, Mapping[str, object]]]:
    """Those that hold addresses: the document itself, and its targets. Each with where it stands."""
    yield "", document
    targets = document.get("targets")
    for place, one in enumerate(targets if isinstance(targets, list) else ()):
        if isinstance(one, Mapping):
            yield f"/targets/{place}", one


def _texts(value: object) -> Iterator[str]:
    """All that stand in it, however deep."""
    left = [value]
    while left:
        match left.pop():
            case str() as text:
                yield text
            case Mapping() as table:
                left += [*table.keys(), *table.values()]
            case list() as listed:
                left += listed
