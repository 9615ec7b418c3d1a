"""What is taken from a table that is moved aside: first what holds on to others, then what others hold on to.

The first must be gone before the script runs, which may drop the function of a trigger or the table that a foreign
key leads to. The second must still be there while it runs: it may drop a view, or a constraint that leads here,
before it drops the table.
"""

from collections.abc import AsyncIterator

import asyncpg

_BEFORE = """
    SELECT format('DROP TRIGGER %I ON', t.tgname) AS drop, '' AS alter FROM pg_trigger t
    WHERE t.tgrelid = $1::bigint::oid AND NOT t.tgisinternal AND t.tgparentid = 0
    UNION ALL
    SELECT format('DROP POLICY %I ON', p.polname), '' FROM pg_policy p WHERE p.polrelid = $1::bigint::oid
    UNION ALL
    SELECT '', format('DROP CONSTRAINT %I', k.conname) FROM pg_constraint k
    WHERE k.conrelid = $1::bigint::oid AND k.contype IN ('f', 'c')
    UNION ALL
    SELECT '', format('ALTER %I DROP DEFAULT', a.attname)
    FROM pg_attribute a JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
    WHERE a.attrelid = $1::bigint::oid AND a.attgenerated = ''
    UNION ALL
    SELECT '', 'NO FORCE ROW LEVEL SECURITY' FROM pg_class c WHERE c.oid = $1::bigint::oid AND c.relforcerowsecurity
"""
_VIEW = """
    SELECT format('DROP %s %I.%I CASCADE', CASE v.relkind WHEN 'm' THEN 'MATERIALIZED VIEW' ELSE 'VIEW' END,
                  n.nspname, v.relname)
    FROM pg_depend d
    JOIN pg_rewrite w ON d.classid = 'pg_rewrite'::regclass AND w.oid = d.objid
    JOIN pg_class v ON v.oid = w.ev_class AND v.relkind IN ('v', 'm')
    JOIN pg_namespace n ON n.oid = v.relnamespace
    WHERE d.refclassid = 'pg_class'::regclass AND d.refobjid = $1::bigint::oid LIMIT 1
"""
"""One at a time: dropping it may take others with it."""

_REST = """
    SELECT 1 AS place, format('ALTER TABLE %s DROP CONSTRAINT %I CASCADE', $2::text, k.conname) AS statement
    FROM pg_constraint k WHERE k.conrelid = $1::bigint::oid AND k.contype IN ('p', 'u', 'x')
    UNION ALL
    SELECT 2, format('DROP INDEX %I.%I', n.nspname, i.relname)
    FROM pg_index x JOIN pg_class i ON i.oid = x.indexrelid JOIN pg_namespace n ON n.oid = i.relnamespace
    WHERE x.indrelid = $1::bigint::oid AND NOT EXISTS (SELECT FROM pg_constraint k WHERE k.conindid = i.oid
                                                       AND k.conrelid = x.indrelid)
    UNION ALL
    SELECT 3, format('DROP STATISTICS %I.%I', n.nspname, s.stxname)
    FROM pg_statistic_ext s JOIN pg_namespace n ON n.oid = s.stxnamespace WHERE s.stxrelid = $1::bigint::oid
    UNION ALL
    SELECT 4, format('ALTER TABLE %s DROP %I CASCADE', $2::text, a.attname)
    FROM pg_attribute a WHERE a.attrelid = $1::bigint::oid AND a.attgenerated <> '' AND NOT a.attisdropped
    UNION ALL
    SELECT 5, format('ALTER TABLE %s ALTER %I DROP IDENTITY', $2::text, a.attname)
    FROM pg_attribute a WHERE a.attrelid = $1::bigint::oid AND a.attidentity <> '' AND NOT a.attisdropped
    UNION ALL
    SELECT 6, format('DROP SEQUENCE %I.%I CASCADE', n.nspname, s.relname)
    FROM pg_depend d JOIN pg_class s ON s.oid = d.objid AND s.relkind = 'S'
    JOIN pg_namespace n ON n.oid = s.relnamespace
    WHERE d.classid = 'pg_class'::regclass AND d.refclassid = 'pg_class'::regclass AND d.deptype = 'a'
      AND d.refobjid = $1::bigint::oid
    ORDER BY 1, 2
"""


async def strip_before(connection: asyncpg.Connection, oid: int, name: str) -> list[str]:
    """The statements that take from the table `name` what holds on to others."""
    rows = await connection.fetch(_BEFORE, oid)
    alter = ", ".join(row["alter"] for row in rows if row["alter"])
    drops = [f"{row['drop']} {name}" for row in rows if row["drop"]]
    return [*drops, f"ALTER TABLE {name} {alter}"] if alter else drops


async def strip_rest(connection: asyncpg.Connection, oid: int, name: str) -> AsyncIterator[str]:
    """The statements that take from it what others hold on to, with those; each is carried out before the next."""
    while (view := await connection.fetchval(_VIEW, oid)) is not None:
        yield view
    for row in await connection.fetch(_REST, oid, name):
        yield row["statement"]
