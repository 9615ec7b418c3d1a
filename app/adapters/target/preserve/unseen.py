"""Rows that a step has deleted or overwritten and nobody has kept: what the server counts, less what triggers told."""

from collections import defaultdict
from collections.abc import Mapping, Sequence

import asyncpg

from app.adapters.target.preserve import capture
from app.adapters.target.preserve.inventory import Inventory, written_since
from app.domain.preserved import PreservedKind as Kind

SWITCHED_OFF = "the step switches the triggers of the table off"
ELSEWHERE = "their key was overwritten, or they were written through another table"


async def unseen(
    connection: asyncpg.Connection,
    watched: Sequence[capture.Watched],
    unwatched: Mapping[int, set[str]],
    inventories: tuple[Inventory, Inventory, Inventory],
) -> list[str]:
    """By table with its partitions, why; the triggers are taken away.

    `unwatched`, by OID: why a table has no trigger. `inventories`: before anything, before the script, and now.
    """
    before, start, after = inventories
    reasons: dict[int, set[str]] = defaultdict(set)
    missing: dict[int, int] = defaultdict(int)
    lost: set[int] = set()
    for oid, why_not in unwatched.items():
        reasons[before.root_of(oid)] |= why_not
        if await _is_emptied(connection, oid, before, after):
            lost.add(before.root_of(oid))
    for one in watched:
        root = before.root_of(one.relation.oid)
        if one.kind is Kind.UPDATED and await capture.overwritten(connection, one):
            lost.add(root)
        untouched = await capture.end(connection, one)
        count, unread = await capture.seen(connection, one)
        if not untouched:
            reasons[root].add(SWITCHED_OFF)
        if not untouched and _is_rewritten(one.relation.oid, before, after):
            lost.add(root)
        missing[root] -= count
        if unread:
            reasons[root] |= {f"what stood there cannot be read any more ({why})" for why in unread}
            lost.add(root)
    for oid, count in written_since(start, after).items():
        missing[before.root_of(oid)] += count
    lost |= {root for root, count in missing.items() if count > 0}
    return [
        f"rows of {before.relations[root].said}: {'; '.join(sorted(reasons[root])) or ELSEWHERE}"
        for root in sorted(lost & after.relations.keys())
    ]


def _is_rewritten(oid: int, before: Inventory, after: Inventory) -> bool:
    """It has a new file, as after a TRUNCATE."""
    now = after.relations.get(oid)
    return now is not None and now.filenode != before.relations[oid].filenode


async def _is_emptied(connection: asyncpg.Connection, oid: int, before: Inventory, after: Inventory) -> bool:
    """Truncated, as far as that can be told: a new file, and nothing in it."""
    if not _is_rewritten(oid, before, after):
        return False
    return bool(await connection.fetchval("SELECT pg_relation_size($1::bigint::oid) = 0", oid))
