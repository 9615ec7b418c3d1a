"""The statements that find what a plan takes away in a target's catalogs.

What DROP takes along is read from pg_depend, as PostgreSQL itself reads it: without CASCADE it would refuse instead.
https://www.postgresql.org/docs/current/catalog-pg-depend.html
"""

from app.adapters.target.movable import IN_DOUBT

DROPPED = """
    WITH RECURSIVE asked AS (
        SELECT asked.* FROM json_to_recordset($1::text::json)
            AS asked (at int, act text, noun text, schema text, name text, columns text[], only_it boolean,
                      references_too boolean)),
    family AS (
        SELECT a.at, a.act, c.oid, a.columns
        FROM asked a JOIN pg_namespace n ON n.nspname = a.schema
        JOIN pg_class c ON c.relnamespace = n.oid AND c.relname = a.name
        WHERE a.noun = 'relation' AND c.relkind IN ('r', 'p', 'S')
        UNION ALL
        SELECT f.at, f.act, i.inhrelid, f.columns
        FROM family f JOIN pg_inherits i ON i.inhparent = f.oid JOIN pg_class c ON c.oid = i.inhrelid
        WHERE f.columns <> '{}' AND NOT c.relispartition),
    seed AS (
        SELECT f.at, f.act, 'pg_class'::regclass::oid AS classid, f.oid AS objid, COALESCE(t.attnum, 0)::int AS sub
        FROM family f
        LEFT JOIN pg_attribute t ON t.attrelid = f.oid AND t.attname = ANY (f.columns) AND NOT t.attisdropped
        WHERE f.columns = '{}' OR t.attnum IS NOT NULL
        UNION ALL
        SELECT a.at, a.act, 'pg_namespace'::regclass, n.oid, 0 FROM asked a JOIN pg_namespace n ON n.nspname = a.name
        WHERE a.noun = 'schema'
        UNION ALL
        SELECT a.at, a.act, 'pg_type'::regclass, t.oid, 0 FROM asked a JOIN pg_namespace n ON n.nspname = a.schema
        JOIN pg_type t ON t.typnamespace = n.oid AND t.typname = a.name WHERE a.noun = 'type'
        UNION ALL
        SELECT a.at, a.act, 'pg_extension'::regclass, e.oid, 0 FROM asked a JOIN pg_extension e ON e.extname = a.name
        WHERE a.noun = 'extension'
        UNION ALL
        SELECT a.at, a.act, d.classid, d.objid, 0 FROM asked a JOIN pg_roles r ON r.rolname = a.name
        JOIN pg_shdepend d ON d.refclassid = 'pg_authid'::regclass AND d.refobjid = r.oid AND d.deptype = 'o'
          AND d.dbid = (SELECT oid FROM pg_database WHERE datname = current_database())
        WHERE a.noun = 'role'),
    gone AS (
        SELECT at, act, classid, objid, sub FROM seed
        UNION
        SELECT g.at, g.act, d.classid, d.objid, d.objsubid FROM gone g
        JOIN pg_depend d ON d.refclassid = g.classid AND d.refobjid = g.objid AND (g.sub = 0 OR d.refobjsubid = g.sub)
        WHERE g.act = 'dropped')
    SELECT g.at, g.objid AS oid, array_agg(g.sub::oid ORDER BY g.sub) AS numbers,
           NOT EXISTS (SELECT FROM seed s WHERE s.at = g.at AND s.objid = g.objid AND s.classid = g.classid) AS beside
    FROM gone g JOIN pg_class c ON c.oid = g.objid
    WHERE g.classid = 'pg_class'::regclass AND c.relkind IN ('r', 'p', 'S')
      AND NOT (c.relispartition AND EXISTS (
          SELECT FROM pg_inherits i JOIN gone p ON p.objid = i.inhparent AND p.sub = 0
          WHERE i.inhrelid = c.oid AND p.at = g.at AND p.classid = g.classid))
      AND NOT (c.relkind = 'S' AND EXISTS (
          SELECT FROM pg_depend d JOIN gone p ON p.objid = d.refobjid AND p.sub = 0
          WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.refclassid = d.classid
            AND d.deptype IN ('a', 'i') AND p.at = g.at AND p.classid = g.classid))
    GROUP BY g.at, g.classid, g.objid
    ORDER BY g.at, g.objid
"""
"""Partitions go with their table, and sequences with the one whose columns they are for. Numbers of columns are cast to
oid, arrays of which asyncpg knows; for others it asks the server what they are, in four more round trips."""

WRITTEN = """
    WITH RECURSIVE asked AS (
        SELECT asked.* FROM json_to_recordset($1::text::json)
            AS asked (at int, act text, noun text, schema text, name text, columns text[], only_it boolean,
                      references_too boolean)),
    reach AS (
        SELECT a.at, c.oid, a.act, a.only_it, a.references_too, 'itself' AS via
        FROM asked a JOIN pg_namespace n ON n.nspname = a.schema
        JOIN pg_class c ON c.relnamespace = n.oid AND c.relname = a.name
        UNION
        SELECT r.at, further.oid, further.act, false, r.references_too, further.via
        FROM reach r CROSS JOIN LATERAL (
            SELECT i.inhrelid AS oid, r.act,
                   CASE WHEN c.relkind <> 'p' AND r.via = 'itself' THEN 'parent' ELSE r.via END AS via
            FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhparent WHERE i.inhparent = r.oid AND NOT r.only_it
            UNION ALL
            SELECT k.conrelid, CASE WHEN r.act = 'truncated' OR k.confdeltype = 'c' THEN r.act ELSE 'overwritten' END,
                   'reference'
            FROM pg_constraint k
            WHERE k.contype = 'f' AND k.confrelid = r.oid AND k.conrelid <> r.oid AND r.references_too
              AND (r.act = 'truncated' OR (r.act = 'deleted' AND k.confdeltype IN ('c', 'n', 'd')))) AS further)
    SELECT DISTINCT r.at, r.oid, r.act, r.via, c.relkind::text AS kind
    FROM reach r JOIN pg_class c ON c.oid = r.oid
    WHERE CASE WHEN r.act = 'truncated' THEN c.relkind IN ('r', 'f')
               ELSE c.relkind IN ('r', 'p', 'f') AND NOT (c.relispartition AND EXISTS (
                   SELECT FROM pg_inherits i JOIN reach p ON p.oid = i.inhparent
                   WHERE i.inhrelid = c.oid AND p.at = r.at)) END
    ORDER BY r.at, r.oid
"""
"""Each partition is truncated by itself, and other statements write rows of the whole."""

TABLES = f"""
    SELECT c.oid, n.nspname AS schema, c.relname AS name, c.relkind::text AS kind, c.relforcerowsecurity AS forced,
           EXISTS (SELECT FROM pg_inherits i WHERE i.inhparent = c.oid) AS parent,
           ({IN_DOUBT}) IS NULL AND NOT EXISTS (
               SELECT FROM pg_attribute a JOIN pg_type t ON t.oid = a.atttypid
               WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = ''
                 AND NOT (t.typnamespace = 'pg_catalog'::regnamespace AND t.typtype IN ('b', 'r', 'm'))) AS movable,
           (SELECT json_agg(x.columns ORDER BY x.indisprimary DESC, x.filled DESC, x.indnkeyatts, x.indexrelid)
            FROM (
                SELECT i.indisprimary, i.indnkeyatts, i.indexrelid, bool_and(a.attnotnull) AS filled,
                       json_agg(a.attname ORDER BY k.place) AS columns
                FROM pg_index i
                CROSS JOIN unnest((i.indkey::int2[])[0:i.indnkeyatts - 1]) WITH ORDINALITY AS k (number, place)
                JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.number
                WHERE i.indrelid = c.oid AND i.indisunique AND i.indisvalid AND i.indisready
                  AND i.indpred IS NULL AND i.indexprs IS NULL
                GROUP BY i.indisprimary, i.indnkeyatts, i.indexrelid) x)::text AS keys
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE c.oid = ANY ($1) AND c.relpersistence <> 't' AND n.nspname <> ALL ($2::text[]) AND n.nspname !~ '^pg_'
      AND n.nspname <> 'information_schema'
"""  # noqa: S608 - a constant of our own
"""The keys in the order in which the keeper takes them."""

COLUMNS = """
    SELECT a.attrelid AS oid, a.attnum AS number, a.attname AS name, format_type(a.atttypid, a.atttypmod) AS type,
           a.attgenerated <> '' AS generated, s.avg_width::float8 AS width, s.null_frac::float8 AS empty
    FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid JOIN pg_namespace n ON n.oid = c.relnamespace
    LEFT JOIN LATERAL (
        SELECT avg_width, null_frac FROM pg_stats s
        WHERE s.schemaname = n.nspname AND s.tablename = c.relname AND s.attname = a.attname
          AND s.inherited = (c.relkind = 'p')
        OFFSET 0) s ON true
    WHERE a.attrelid = ANY ($1) AND a.attnum > 0 AND NOT a.attisdropped
    ORDER BY a.attrelid, a.attnum
"""
"""OFFSET 0 keeps LATERAL what it says: joined, all of the view would be read, and the rights on each column asked."""
