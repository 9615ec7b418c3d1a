"""Asks a target whether a statement that ran outside a transaction has happened, and what it left behind."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import asyncpg

from app.domain.probes import IndexBuilt, IndexGone, PartitionDetached, Probe, Repeatable, Thing, ThingIs

Facts = Mapping[str, Any]

_INDEXES_OF = """
    SELECT i.indexrelid::bigint AS oid, i.indisvalid AND i.indisready AS valid, c.relname AS name,
           format('%I.%I', n.nspname, c.relname) AS full_name
    FROM pg_catalog.pg_index i
    JOIN pg_catalog.pg_class c ON c.oid = i.indexrelid
    JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
    WHERE i.indrelid = to_regclass($1)
"""
_INVALID_COPIES = """
    SELECT i.indexrelid::bigint AS oid, format('%I.%I', n.nspname, c.relname) AS full_name
    FROM pg_catalog.pg_index i
    JOIN pg_catalog.pg_class c ON c.oid = i.indexrelid
    JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
    WHERE NOT i.indisvalid AND c.relname ~ '_cc(new|old)[0-9]*$'
"""
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
    """`cleanup`: statements, each to be run alone, that take away what an attempt has left, or end what it began."""

    happened: Happened
    cleanup: tuple[str, ...] = ()


async def facts_before(connection: asyncpg.Connection, probe: Probe | None) -> str:
    """What the probe will compare with, as JSON."""
    match probe:
        case IndexBuilt(table):
            known = [row["oid"] for row in await connection.fetch(_INDEXES_OF, table)]
        case Repeatable(rebuilds_indexes=True):
            known = [row["oid"] for row in await connection.fetch(_INVALID_COPIES)]
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
            return _found(await connection.fetchval("SELECT to_regclass($1) IS NULL", name))
        case ThingIs(thing, name, there):
            return _found(await connection.fetchval(_THERE[thing], name) is there)
        case PartitionDetached(table, partition):
            return await _look_at_partition(connection, table, partition)
        case Repeatable(rebuilds_indexes):
            copies = await connection.fetch(_INVALID_COPIES) if rebuilds_indexes else []
            return Found(Happened.NO, _drops([row for row in copies if row["oid"] not in facts["indexes"]]))


async def invalid_index(connection: asyncpg.Connection, probe: Probe | None) -> str | None:
    """The index that IF NOT EXISTS has taken for the one that was asked for, although it is INVALID."""
    if not isinstance(probe, IndexBuilt) or probe.name is None or not probe.if_not_exists:
        return None
    wanted = probe.name.rpartition(".")[2]
    for row in await connection.fetch(_INDEXES_OF, probe.table):
        if not row["valid"] and wanted in (row["name"], f'"{row["name"]}"', row["name"].upper()):
            return str(row["full_name"])
    return None


async def _look_at_index(connection: asyncpg.Connection, probe: IndexBuilt, before: Sequence[int]) -> Found:
    new = [row for row in await connection.fetch(_INDEXES_OF, probe.table) if row["oid"] not in before]
    if any(row["valid"] for row in new):
        return Found(Happened.YES)
    return Found(Happened.NO, _drops(new))


async def _look_at_partition(connection: asyncpg.Connection, table: str, partition: str) -> Found:
    pending = await connection.fetchval(_DETACHING, table, partition)
    if pending is None:
        return Found(Happened.YES)
    finalize = (f"ALTER TABLE {table} DETACH PARTITION {partition} FINALIZE",)
    return Found(Happened.YES, finalize) if pending else Found(Happened.NO)


def _found(happened: bool) -> Found:
    return Found(Happened.YES if happened else Happened.NO)


def _drops(indexes: Sequence[asyncpg.Record]) -> tuple[str, ...]:
    return tuple(f"DROP INDEX CONCURRENTLY IF EXISTS {row['full_name']}" for row in indexes)
