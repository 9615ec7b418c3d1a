"""The targets of an environment that has several: a list of tables, each with a name and an address."""

import re

from app.domain.environment import Target
from app.registry.table import TableReader, shown

MOST_TARGETS = 100
SHAPE = 'takes a list of targets, such as [{ name = "eu", url = "env:SHOP_EU_URL" }]'
LONGEST_SCHEMA = 63


def targets_in(table: TableReader, named: re.Pattern[str]) -> tuple[Target, ...]:
    """In the order in which they are changed; none where there is one `url` instead."""
    if "targets" not in table.table:
        return ()
    for key in ("url", "directUrl"):
        if key in table.table:
            table.say(key, f"`{key}` stands beside `targets`; put it into one of them")
    given = table.table["targets"]
    if not isinstance(given, list) or not 0 < len(given) <= MOST_TARGETS:
        # not shown: it may hold a password
        table.say("targets", f"`targets` {SHAPE}, from 1 to {MOST_TARGETS} of them")
        return ()
    read = [_target(table.at("targets", place), named) for place in range(len(given))]
    found = [one for one in read if one is not None]
    names = [one.name for one in found]
    for name in sorted({name for name in names if names.count(name) > 1}):
        table.say("targets", f"two of the targets have the name {name!r}; give each its own")
    return tuple(found)


def _target(table: TableReader, named: re.Pattern[str]) -> Target | None:
    if not table.is_table:
        return None
    table.refuse_unknown(("name", "url", "directUrl", "scope"))
    name = table.table.get("name")
    if not isinstance(name, str) or not named.fullmatch(name):
        table.say("name", f"`name` = {shown(name)}: must match ^{named.pattern}$")
        name = None
    dsn, direct, scope = table.needed_address("url"), table.address("directUrl"), _scope(table)
    return None if dsn is None or name is None else Target(name, dsn, direct, scope)


def _scope(table: TableReader) -> str:
    given = table.table.get("scope", "")
    if isinstance(given, str) and "\x00" not in given and len(given.encode()) <= LONGEST_SCHEMA:
        return given
    table.say("scope", f"scope = {shown(given)}: takes the name of a schema, of at most {LONGEST_SCHEMA} bytes")
    return ""
