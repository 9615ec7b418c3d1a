"""Rows that a step has deleted or overwritten and nobody has kept: what the server counts, less what triggers told."""

from collections import defaultdict
from collections.abc import Mapping, Sequence

import asyncpg

from app.adapters.target.preserve import capture
from app.adapters.target.preserve.inventory import Inventory, written_since
from app.adapters.target.preserve.kept_rows import rows_at, unforced
from app.domain.preserved import PreservedKind as Kind

SWITCHED_OFF = "the step switches the triggers of the table off"


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
        if await _is_emptied(connection, oid, inventories):
            lost.add(before.root_of(oid))
    written = dict(written_since(start, after))
    for one in watched:
        oid, root = one.relation.oid, before.root_of(one.relation.oid)
        if one.kind is Kind.DELETED and oid in written:
            counted = await capture.forgotten(connection, one)
            before_it = counted.written - sum(start.written.get(oid, (0, 0)))
            written[oid] = max(written[oid] + counted.less, before_it)
        untouched = await capture.end(connection, one)
        count, unread = await capture.seen(connection, one)
        if not untouched:
            reasons[root].add(SWITCHED_OFF)
        if not untouched and _is_rewritten(oid, before, after):
            lost.add(root)
        missing[root] -= count
        if unread:
            reasons[root] |= {_said(why) for why in unread}
            lost.add(root)
    for oid, count in written.items():
        missing[before.root_of(oid)] += count
    lost |= {root for root, count in missing.items() if count > 0}
    return [
        f"rows of {before.relations[root].said}: {'; '.join(sorted(reasons[root])) or capture.ELSEWHERE}"
        for root in sorted(lost & after.relations.keys())
    ]


def _said(why: str) -> str:
    return why if why == capture.ELSEWHERE else f"what stood there cannot be read any more ({why})"


def _is_rewritten(oid: int, before: Inventory, after: Inventory) -> bool:
    """It has a new file, as after a TRUNCATE."""
    now = after.relations.get(oid)
    return now is not None and now.filenode != before.relations[oid].filenode


async def _is_emptied(
    connection: asyncpg.Connection, oid: int, inventories: tuple[Inventory, Inventory, Inventory]
) -> bool:
    """Truncated, as far as that can be told: a new file, and no more rows in it than the step has inserted."""
    before, start, after = inventories
    if not _is_rewritten(oid, before, after):
        return False
    inserted = after.inserted.get(oid, 0) - start.inserted.get(oid, 0)
    async with unforced(connection, oid):
        rows = f"SELECT FROM {await rows_at(connection, oid)} LIMIT $1::bigint + 1"
        return bool(await connection.fetchval(f"SELECT count(*) <= $1::bigint FROM ({rows}) AS r", inserted))
