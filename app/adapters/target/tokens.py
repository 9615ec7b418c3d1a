"""Tells what has changed in a database's catalogs since the last look, without reading a single definition."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TypeAlias

import asyncpg

from app.adapters.target.introspect import PUBLICATION_SCHEMAS_SINCE, sections_of
from app.adapters.target.prepared import Rows

_SECTIONS: Mapping[str, tuple[str, ...]] = {
    "pg_proc": ("functions",),
    "pg_aggregate": ("functions",),
    "pg_type": ("types", "domain_constraints"),
    "pg_enum": ("types",),
    "pg_range": ("types",),
    "pg_constraint": ("domain_constraints",),
    "pg_namespace": ("schemas",),
    "pg_cast": ("casts",),
    "pg_default_acl": ("default_privileges",),
    "pg_event_trigger": ("event_triggers",),
    "pg_publication": ("publications",),
    "pg_publication_rel": ("publications",),
    "pg_publication_namespace": ("publications",),
    "pg_user_mappings": ("foreign",),
    "pg_ts_config_map": ("text_search",),
    "comment pg_proc": ("functions",),
    "comment pg_type": ("types",),
    "comment pg_namespace": ("schemas",),
}
"""Where a catalog is shown whose objects no other definition mentions by a name that is kept in it, or whose
renames `name` tells. A change in any other one can change any text."""


@dataclass(frozen=True, slots=True)
class Token:
    """`name` changes with a rename and with nothing else; `mark` with every change."""

    name: str | None
    mark: int


Tokens: TypeAlias = Mapping[tuple[str, int | None], Token]
"""By catalog and oid; without an oid for a catalog as a whole."""


@dataclass(frozen=True, slots=True)
class Changed:
    """Oids of relations (and indexes) that are new, gone or different, and sections to be read again."""

    relations: frozenset[int]
    sections: frozenset[str]


async def ask_tokens(connection: asyncpg.Connection, rows: Rows) -> Tokens:
    """Under the settings of `quietly`."""
    parts = sections_of("tokens.sql")
    with_schemas = connection.get_server_version().major >= PUBLICATION_SCHEMAS_SINCE
    query = parts["first"] + (parts["since_15"] if with_schemas else "") + parts["last"]
    return {(catalog, oid): Token(name, mark) for catalog, oid, name, mark in await rows(query)}


def changed_between(before: Tokens, after: Tokens) -> Changed | None:
    """None when a definition that itself is unchanged may read differently now: everything is to be read."""
    differing = list(_differing(before, after))
    if any(_may_change_texts(catalog, old, new) for catalog, _, old, new in differing):
        return None
    return Changed(
        frozenset(oid for catalog, oid, _, _ in differing if catalog == "pg_class" and oid is not None),
        frozenset(section for catalog, *_ in differing for section in _SECTIONS.get(catalog, ())),
    )


def _differing(before: Tokens, after: Tokens) -> Iterator[tuple[str, int | None, Token | None, Token | None]]:
    for key, new in after.items():
        old = before.get(key)
        if old != new:
            yield *key, old, new
    for key in before.keys() - after.keys():
        yield *key, before[key], None


def _may_change_texts(catalog: str, old: Token | None, new: Token | None) -> bool:
    if catalog == "pg_class":
        # the attributes of a composite type are named in expressions
        return old is not None and new is not None and (old.name != new.name or str(new.name).endswith(":c"))
    if catalog not in _SECTIONS:
        return True
    if catalog == "pg_enum":
        # a label is named in defaults and conditions
        return old is not None and new is not None
    return old is not None and new is not None and old.name != new.name
