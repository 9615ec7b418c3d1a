"""Asks a target whether a statement that ran outside a transaction has happened, and what it left behind."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import asyncpg

from app.domain.probes import IndexBuilt, IndexGone, PartitionDetached, Probe, Repeatable, Thing, ThingIs

Facts = Mapping[str, Any]

_INDEXES_OF = """
    SELECT i.indexrelid::bigint AS oid, i.indisvalid AND i.indisready AS valid, c.relname AS name,
           format('%I.%I', n.nspname, c.relname) AS full_name,
           EXISTS (SELECT 1 FROM pg_catalog.pg_stat_progress_create_index p
                   WHERE p.index_relid = i.indexrelid) AS built_now
    FROM pg_catalog.pg_index i
    JOIN pg_catalog.pg_class c ON c.oid = i.indexrelid
    JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
    WHERE i.indrelid = COALESCE((SELECT x.indrelid FROM pg_catalog.pg_index x WHERE x.indexrelid = to_regclass($1)),
                                to_regclass($1))
"""
"""Of a table, or of the table of an index. `built_now`: another session is at it; ours is not while it asks."""

_COPY = re.compile(r"_cc(new|old)[0-9]*$")
"""What REINDEX CONCURRENTLY leaves when it is broken off (sql-reindex, "Rebuilding Indexes Concurrently")."""

_THERE = {
    Thing.DATABASE: "SELECT EXISTS (SELECT 1 FROM pg_catalog.pg_database WHERE datname = $1)",
    Thing.TABLESPACE: "SELECT EXISTS (SELECT 1 FROM pg_catalog.pg_tablespace WHERE spcname = $1)",
    Thing.SUBSCRIPTION: (
        "SELECT EXISTS (SELECT 1 FROM pg_catalog.pg_subscription s JOIN pg_catalog.pg_database d ON d.oid = s.subdbid"
        " WHERE s.subname = $1 AND d.datname = current_database())"
    ),
}
_DETACHING = """
    SELECT inhdetachpending FROM pg_catalog.pg_inherits
    WHERE inhparent = to_regclass($1) AND inhrelid = to_regclass($2)
"""


class Happened(StrEnum):
    YES = "yes"
    NO = "no"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Found:
    """`cleanup`: statements, each to be run alone, that take away what an attempt has left, or end what it began.

    `left`: in words, what it has left that only doing it again will mend.
    """

    happened: Happened
    cleanup: tuple[str, ...] = ()
    left: str | None = None


async def facts_before(connection: asyncpg.Connection, probe: Probe | None) -> str:
    """What the probe will compare with, as JSON."""
    match probe:
        case IndexBuilt(table) | Repeatable(str(table)):
            known = [row["oid"] for row in await connection.fetch(_INDEXES_OF, table)]
        case _:
            known = []
    return json.dumps({"indexes": known})


async def look(connection: asyncpg.Connection, probe: Probe | None, facts: Facts) -> Found:
    """Whether it has happened since `facts` were noted. Only whoever holds the target's lock may ask."""
    match probe:
        case None:
            return Found(Happened.UNKNOWN)
        case IndexBuilt():
            return await _look_at_index(connection, probe, facts["indexes"])
        case IndexGone(name):
            return await _look_at_dropped(connection, name)
        case ThingIs(thing, name, there):
            return _found(await connection.fetchval(_THERE[thing], name) is there)
        case PartitionDetached(table, partition):
            return await _look_at_partition(connection, table, partition)
        case Repeatable(relation):
            if relation is None:
                return Found(Happened.NO)
            new = _ours(await connection.fetch(_INDEXES_OF, relation), facts["indexes"])
            return Found(Happened.NO, _drops([row for row in new if not row["valid"] and _COPY.search(row["name"])]))


async def invalid_index(connection: asyncpg.Connection, probe: Probe | None) -> str | None:
    """The index that IF NOT EXISTS has taken for the one that was asked for, although it is INVALID."""
    if not isinstance(probe, IndexBuilt) or not probe.if_not_exists:
        return None
    found = [row for row in await connection.fetch(_INDEXES_OF, probe.table) if row["name"] == probe.name]
    return next((str(row["full_name"]) for row in found if not row["valid"]), None)


async def _look_at_index(connection: asyncpg.Connection, probe: IndexBuilt, before: Sequence[int]) -> Found:
    """Only an index of its own name is the statement's: others may have made others meanwhile."""
    new = _ours(await connection.fetch(_INDEXES_OF, probe.table), before)
    named = [row for row in new if row["name"] == probe.name]
    if any(row["valid"] for row in named):
        return Found(Happened.YES)
    return Found(Happened.NO, _drops(named))


async def _look_at_dropped(connection: asyncpg.Connection, name: str) -> Found:
    found = await connection.fetchrow(
        "SELECT (SELECT indisvalid FROM pg_catalog.pg_index WHERE indexrelid = to_regclass($1)) AS valid", name
    )
    if found is None or found["valid"] is None:
        return Found(Happened.YES)
    return Found(
        Happened.NO, left=None if found["valid"] else f"the index {name} is INVALID now; the next run drops it"
    )


async def _look_at_partition(connection: asyncpg.Connection, table: str, partition: str) -> Found:
    pending = await connection.fetchval(_DETACHING, table, partition)
    if pending is None:
        return Found(Happened.YES)
    finalize = (f"ALTER TABLE {table} DETACH PARTITION {partition} FINALIZE",)
    return Found(Happened.YES, finalize) if pending else Found(Happened.NO)


def _found(happened: bool) -> Found:
    return Found(Happened.YES if happened else Happened.NO)


def _ours(indexes: Sequence[asyncpg.Record], before: Sequence[int]) -> list[asyncpg.Record]:
    return [row for row in indexes if row["oid"] not in before and not row["built_now"]]


def _drops(indexes: Sequence[asyncpg.Record]) -> tuple[str, ...]:
    return tuple(f"DROP INDEX CONCURRENTLY IF EXISTS {row['full_name']}" for row in indexes)
