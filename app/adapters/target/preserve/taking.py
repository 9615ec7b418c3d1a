"""Takes the inventory of a database: everything, or what has changed since an earlier one of the same transaction."""

from collections.abc import Mapping

import asyncpg

from app.adapters.target.introspect import OWN_SCHEMAS
from app.adapters.target.preserve.inventory import Inventory, Relation

MANY = 500
"""From so many relations on it is less work to find those that have changed than to read all of them."""

_RELATIONS = """
    SELECT c.oid::bigint AS oid, n.nspname AS schema, c.relname AS name, c.relkind::text AS kind,
           c.relfilenode::bigint AS filenode, c.relhassubclass AS parent,
           CASE WHEN c.relispartition THEN (SELECT i.inhparent::bigint FROM pg_inherits i WHERE i.inhrelid = c.oid) END
               AS partition_of,
           (SELECT d.refobjid::bigint FROM pg_depend d
            WHERE c.relkind = 'S' AND d.classid = 'pg_class'::regclass AND d.objid = c.oid
              AND d.refclassid = 'pg_class'::regclass AND d.deptype IN ('a', 'i')) AS owner,
           CASE WHEN c.relkind <> 'S' THEN (
               SELECT json_agg(
                   json_build_array(a.attnum, a.attname, format_type(a.atttypid, a.atttypmod), a.attgenerated,
                                    a.atttypid::bigint, a.atttypmod, a.xmin::text::bigint,
                                    -- the server's own types, which have lower numbers, are not composite
                                    CASE WHEN a.atttypid >= 16384 THEN (
                                        SELECT json_agg(p.attnum)
                                        FROM pg_type t LEFT JOIN pg_type e ON e.oid = t.typelem
                                        JOIN pg_attribute p ON p.attrelid IN (t.typrelid, e.typrelid)
                                        WHERE t.oid = a.atttypid AND p.attnum > 0 AND NOT p.attisdropped) END)
                   ORDER BY a.attnum)::text
               FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped) END AS shape
"""
_HOLDING = """
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relkind IN ('r', 'p', 'S') AND c.relpersistence <> 't' AND n.nspname !~ '^pg_'
      AND n.nspname <> 'information_schema' AND n.nspname <> ALL ($1::text[])
"""
_SINCE = """
    WITH since AS MATERIALIZED (SELECT age($2::text::xid) AS age),
    attribute AS MATERIALIZED (
        SELECT DISTINCT attrelid AS oid FROM pg_attribute, since WHERE attrelid >= 16384 AND age(xmin) <= since.age),
    type AS MATERIALIZED (
        SELECT t.oid FROM pg_type t, since
        WHERE t.oid >= 16384 AND (age(t.xmin) <= since.age OR t.typrelid IN (SELECT oid FROM attribute))),
    changed AS MATERIALIZED (
        SELECT oid FROM attribute
        UNION SELECT oid FROM pg_class, since WHERE oid >= 16384 AND age(xmin) <= since.age
        UNION SELECT seqrelid FROM pg_sequence, since WHERE age(xmin) <= since.age
        UNION SELECT d.objid FROM pg_depend d
        WHERE d.classid = 'pg_class'::regclass AND d.refclassid = 'pg_type'::regclass AND d.refobjid IN (
            SELECT oid FROM type UNION SELECT t.oid FROM pg_type t WHERE t.typelem IN (SELECT oid FROM type)))
"""
"""What was written by a transaction that was not over when $2 was the oldest of those at work, ours among them:
relations, columns, to whom a sequence belongs, and the columns of a type that was renamed or has other attributes."""

_STANDING = f"""
    SELECT array_agg(c.oid::bigint) AS oids, EXISTS (
        SELECT FROM pg_namespace WHERE age(xmin) <= age($2::text::xid)) AS renamed
    {_HOLDING}
"""
_INVENTORY = _RELATIONS + _HOLDING
_CHANGED = _SINCE + _RELATIONS + _HOLDING + "AND c.oid IN (SELECT oid FROM changed)"
_WRITTEN = """
    SELECT c.oid::bigint AS oid, x.updated, x.deleted, x.inserted
    FROM pg_class c, LATERAL (
        SELECT pg_stat_get_xact_tuples_updated(c.oid) AS updated, pg_stat_get_xact_tuples_deleted(c.oid) AS deleted,
               pg_stat_get_xact_tuples_inserted(c.oid) AS inserted OFFSET 0) x
    WHERE c.relkind IN ('r', 'p') AND c.oid >= 16384 AND x.updated + x.deleted + x.inserted > 0
"""
"""Counts go on over the end of a savepoint, so that only the growth between two looks says something. The functions of
pg_stat_xact_user_tables: the view looks for the indexes of every table as well."""


async def take_inventory(connection: asyncpg.Connection, before: Inventory | None = None) -> Inventory:
    """`before`: an earlier one of the same transaction. Of many relations only those are read again that may have
    changed since it was taken."""
    horizon = await connection.fetchval("SELECT pg_snapshot_xmin(pg_current_snapshot())::text")
    relations = None
    if before is not None and len(before.relations) >= MANY:
        relations = await _relations_since(connection, before)
    if relations is None:
        relations = {row["oid"]: Relation(*row) for row in await connection.fetch(_INVENTORY, list(OWN_SCHEMAS))}
    written = await connection.fetch(_WRITTEN)
    return Inventory(
        relations,
        {row["oid"]: (row["updated"], row["deleted"]) for row in written},
        {row["oid"]: row["inserted"] for row in written},
        horizon,
    )


async def _relations_since(connection: asyncpg.Connection, before: Inventory) -> Mapping[int, Relation] | None:
    """None where all of them may bear other names."""
    standing = await connection.fetchrow(_STANDING, list(OWN_SCHEMAS), before.horizon)
    assert standing is not None
    if standing["renamed"]:
        return None
    rows = await connection.fetch(_CHANGED, list(OWN_SCHEMAS), before.horizon)
    known = {**before.relations, **{row["oid"]: Relation(*row) for row in rows}}
    oids = standing["oids"] or ()
    # one that has come between the two questions was not asked for in the first, as one that had not come yet
    return {oid: known[oid] for oid in oids} if known.keys() >= set(oids) else None
