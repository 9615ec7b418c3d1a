"""The environments of liftlock.toml as values, with everything that is wrong with the file."""

import re
from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import TypeVar
from urllib.parse import urlsplit

from app.domain.environment import (
    Dsn,
    Environment,
    OnDrift,
    OnFailure,
    OutOfOrder,
    Protection,
    SchemaCheck,
    is_postgres_url,
)
from app.domain.hazards import unknown_codes

E = TypeVar("E", bound=StrEnum)

KEYS = (
    "url", "directUrl", "protection", "onDrift", "onFailure", "outOfOrder", "consent", "maxHoldMs", "schemaCheck",
    "scratchUrl", "requireProof",
)  # fmt: skip

_NAME = re.compile(r"^[a-z][a-z0-9_-]{0,62}$")

_STRICT = {
    Protection.OPEN: (OnDrift.WARN, OutOfOrder.WARN),
    Protection.CONFIRM: (OnDrift.REFUSE, OutOfOrder.REFUSE),
    Protection.LOCKED: (OnDrift.REFUSE, OutOfOrder.REFUSE),
}


def read_environments(
    document: Mapping[str, object], environ: Mapping[str, str], file: str
) -> tuple[dict[str, Environment], list[str]]:
    """The environments in the file's order, and a line for each problem. `url` may be `env:NAME` or `file:PATH`."""
    problems = [
        f"{file}: unknown key {key!r}; it takes [environments.NAME]" for key in document if key != "environments"
    ]
    tables = document.get("environments")
    if not isinstance(tables, Mapping) or not tables:
        problems.append(f"{file}: no environment; write [environments.development] with a url")
        return {}, problems
    found: dict[str, Environment] = {}
    for name, table in tables.items():
        reader = _TableReader(f"{file}: [environments.{name}]", table, environ, problems)
        environment = reader.environment(name)
        if environment is not None:
            found[name] = environment
    problems.extend(_shared_addresses(found, file))
    return found, problems


def default_protection(name: str) -> Protection:
    """An environment that is called production is protected as one, unless the file says otherwise."""
    match name:
        case "production" | "prod":
            return Protection.LOCKED
        case "staging":
            return Protection.CONFIRM
        case _:
            return Protection.OPEN


class _TableReader:
    def __init__(self, place: str, table: object, environ: Mapping[str, str], problems: list[str]) -> None:
        self._place = place
        self._table: Mapping[str, object] = table if isinstance(table, Mapping) else {}
        self._environ = environ
        self._problems = problems

    def environment(self, name: str) -> Environment | None:
        if not _NAME.match(name):
            self._say(f"the name must match {_NAME.pattern}")
        for key in self._table:
            if key not in KEYS:
                self._say(f"unknown key {key!r}; it takes {', '.join(KEYS)}")
        protection = self._choice("protection", Protection, default_protection(name))
        on_drift, out_of_order = _STRICT[protection]
        dsn = self._address("url")
        if dsn is None:
            return None
        return Environment(
            name=name,
            dsn=dsn,
            protection=protection,
            on_drift=self._choice("onDrift", OnDrift, on_drift),
            on_failure=self._choice("onFailure", OnFailure, OnFailure.STOP),
            out_of_order=self._choice("outOfOrder", OutOfOrder, out_of_order),
            consent=self._consent(),
            direct=self._address("directUrl") if "directUrl" in self._table else None,
            max_hold_ms=self._max_hold_ms(),
            schema_check=self._choice("schemaCheck", SchemaCheck, SchemaCheck.JOB),
            scratch=self._address("scratchUrl") if "scratchUrl" in self._table else None,
            require_proof=self._flag("requireProof"),
        )

    def _address(self, key: str) -> Dsn | None:
        given = self._table.get(key)
        if not isinstance(given, str) or not given:
            self._say(f'`{key}` is missing; write postgresql://user@host/database, "env:NAME" or "file:PATH"')
            return None
        url = self._resolved(key, given)
        if url is None:
            return None
        if not is_postgres_url(url):
            self._say(f"`{key}` is not understood; it takes postgresql://user:password@host:5432/database")
            return None
        return Dsn(url)

    def _resolved(self, key: str, given: str) -> str | None:
        kind, _, rest = given.partition(":")
        if kind == "env":
            value = self._environ.get(rest)
            if not value:
                self._say(f"`{key}` names the variable {rest}, which is not set")
            return value or None
        if kind == "file":
            try:
                return Path(rest).read_text(encoding="utf-8").strip()
            except (OSError, UnicodeDecodeError) as error:
                self._say(f"`{key}` names the file {rest}, which cannot be read ({error})")
                return None
        return given

    def _choice(self, key: str, kind: type[E], default: E) -> E:
        given = self._table.get(key, default.value)
        try:
            return kind(str(given))
        except ValueError:
            self._say(f"{key} = {given!r}: takes one of {', '.join(member.value for member in kind)}")
            return default

    def _flag(self, key: str) -> bool:
        given = self._table.get(key, False)
        if not isinstance(given, bool):
            self._say(f"{key} = {given!r}: takes true or false")
        return given is True

    def _max_hold_ms(self) -> int | None:
        given = self._table.get("maxHoldMs")
        if given is None or (type(given) is int and given > 0):
            return given
        self._say(f"maxHoldMs = {given!r}: takes a whole number of milliseconds above 0")
        return None

    def _consent(self) -> frozenset[str]:
        given = self._table.get("consent", [])
        if not isinstance(given, list) or not all(isinstance(one, str) for one in given):
            self._say('`consent` takes a list of hazard names, such as ["DATA_LOSS"]')
            return frozenset()
        for problem in unknown_codes(given):
            self._say(f"`consent`: {problem}")
        return frozenset(given)

    def _say(self, problem: str) -> None:
        self._problems.append(f"{self._place}: {problem}")


def _shared_addresses(found: Mapping[str, Environment], file: str) -> list[str]:
    """Two environments on one database would undo each other's work."""
    seen: dict[tuple[str | None, int | None, str], str] = {}
    problems: list[str] = []
    for name, environment in found.items():
        parts = urlsplit(environment.dsn.secret)
        address = (parts.hostname, parts.port or 5432, parts.path)
        if address in seen:
            problems.append(
                f"{file}: {seen[address]} and {name} have the same database {environment.dsn}; give each its own"
            )
        seen.setdefault(address, name)
    return problems
