"""How one schema differs from another, said in words."""

import json
from collections.abc import Mapping

from app.domain.schema import Fact

MOST_CHARS = 300

_ON_OFF = ("off", "on")
_TWO_WORDS: Mapping[str, tuple[str, str]] = {
    "not_null": ("nullable", "NOT NULL"),
    "invalid": ("valid", "INVALID"),
    "unpopulated": ("populated", "not populated"),
    "nondeterministic": ("deterministic", "not deterministic"),
}
"""What is said of a fact that is only there when it is true: absent and present."""

_WHEN_ABSENT: Mapping[str, str] = {
    "persistence": "logged",
    "replica_identity": "the default",
    "storage": "that of the type",
    "collation": "that of the type",
    "tablespace": "the default",
    "access_method": "heap",
    "enabled": "ENABLE",
    "mode": "PERMISSIVE",
    "statistics_target": "the default",
}
_PLURAL = frozenset({"options", "labels", "attributes", "roles", "tags", "tables", "schemas", "inherits", "mappings"})


def said(name: str, expected: Fact | None, found: Fact | None) -> str:
    """`type was text, is now character varying(40)`; one line, long values cut short."""
    if isinstance(expected, bool) or isinstance(found, bool):
        return _said_of_flag(name, bool(expected), bool(found))
    if name == "grants":
        return "; ".join(_said_of_grants(_grants(expected), _grants(found)))
    was, now = ("were", "are now") if name in _PLURAL else ("was", "is now")
    words = name.replace("_", " ")
    return f"{words} {was} {_short(value_text(name, expected))}, {now} {_short(value_text(name, found))}"


def value_text(name: str, fact: Fact | None) -> str:
    """A fact as a person or SQL would write it; never empty."""
    match fact:
        case None:
            return _WHEN_ABSENT.get(name, "none")
        case bool():
            return _TWO_WORDS.get(name, _ON_OFF)[fact]
        case str():
            return _quoted(fact) if name == "comment" else fact
        case list():
            return ", ".join(map(str, fact)) or "none"
        case dict():
            return json.dumps(fact, sort_keys=True, ensure_ascii=False)
    return str(fact)


def counted(kinds: Mapping[str, int]) -> str:
    """`3 columns, 1 index`; empty when there is nothing."""
    return ", ".join(f"{count} {_plural(kind) if count != 1 else kind}" for kind, count in sorted(kinds.items()))


def one_line(text: str) -> str:
    return _short(text)


def _said_of_flag(name: str, expected: bool, found: bool) -> str:
    words = _TWO_WORDS.get(name)
    if words is not None:
        return f"was {words[expected]}, is now {words[found]}"
    return f"{name.replace('_', ' ')} was {_ON_OFF[expected]}, is now {_ON_OFF[found]}"


def _grants(fact: Fact | None) -> Mapping[str, list[str]]:
    if not isinstance(fact, dict):
        return {}
    return {who: [str(one) for one in held] for who, held in fact.items() if isinstance(held, list)}


def _said_of_grants(expected: Mapping[str, list[str]], found: Mapping[str, list[str]]) -> list[str]:
    return [
        f"grants: {who} had {_held(expected.get(who))}, now has {_held(found.get(who))}"
        for who in sorted(expected.keys() | found.keys())
        if expected.get(who) != found.get(who)
    ]


def _held(privileges: list[str] | None) -> str:
    if privileges is None:
        return "what is the default"
    return ", ".join(privileges) or "nothing"


def _plural(kind: str) -> str:
    if kind.endswith("index"):
        return f"{kind}es"
    if kind.endswith("y"):
        return f"{kind[:-1]}ies"
    return kind if kind.endswith("s") else f"{kind}s"


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= MOST_CHARS else f"{line[: MOST_CHARS - 1]}…"
