"""The SQL that leads from one state of an object to another; None where it cannot be written."""

from collections.abc import Callable, Iterable, Mapping

from app.domain.schema_sql_others import OTHERS
from app.domain.schema_sql_parts import PARTS
from app.domain.schema_sql_rights import rights_sql
from app.domain.schema_sql_tables import TABLES
from app.domain.schema_sql_types import TYPES
from app.domain.schema_statement import Passage, Phase, Statement, Statements, joined, step

_WAYS: Mapping[str, Callable[[Passage], Statements | None]] = {**TABLES, **PARTS, **TYPES, **OTHERS}

_DROP_ONLY: Mapping[str, str] = {
    "aggregate": "AGGREGATE",
    "base type": "TYPE",
    "cast": "CAST",
    "collation": "COLLATION",
    "foreign data wrapper": "FOREIGN DATA WRAPPER",
    "foreign server": "SERVER",
    "foreign table": "FOREIGN TABLE",
    "language": "LANGUAGE",
    "operator": "OPERATOR",
    "operator class": "OPERATOR CLASS",
    "operator family": "OPERATOR FAMILY",
    "text search configuration": "TEXT SEARCH CONFIGURATION",
    "text search dictionary": "TEXT SEARCH DICTIONARY",
}
"""Kinds whose facts do not say everything that creating them takes."""


def change_sql(passage: Passage) -> Statements | None:
    """From `passage.before` to `passage.after`, what belongs to them included."""
    kind = passage.one.kind
    if kind in _WAYS:
        return joined((_WAYS[kind](passage), rights_sql(passage)))
    return _unwritten(passage)


def in_order(statements: Iterable[Statement]) -> tuple[str, ...]:
    """As a script: each once, dropped before created, what is named by others before those."""
    ordered = sorted(dict.fromkeys(statements), key=lambda one: (one.phase, one.rank))
    return tuple(one.sql for one in ordered)


def _unwritten(passage: Passage) -> Statements | None:
    one, word = passage.one, _DROP_ONLY.get(passage.one.kind)
    if one.kind == "user mapping":
        user, server = one.identity.rsplit(" ON ", 1)
        return step(Phase.DROP_SCHEMAS, f"DROP USER MAPPING FOR {user} SERVER {server}") if _gone(passage) else None
    if word is None:
        return None
    if _gone(passage):
        identity = f"({one.identity})" if one.kind == "cast" else one.identity
        phase = Phase.DROP_TABLES if one.kind == "foreign table" else Phase.DROP_TYPES
        return step(phase, f"DROP {word} {identity}")
    only_rights = {"owner", "grants", "comment"}
    changed = passage.before is not None and not passage.differ(
        *(passage.before.facts.keys() - only_rights), *(one.facts.keys() - only_rights)
    )
    return rights_sql(passage) if changed else None


def _gone(passage: Passage) -> bool:
    return passage.after is None
