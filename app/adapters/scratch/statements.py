"""What is sent to make, find and drop scratch databases, and to look into them."""

SERVER_NOW = "SELECT clock_timestamp()"

LIKE_WHICH = """
    SELECT pg_catalog.pg_encoding_to_char(d.encoding) AS encoding, d.datcollate AS collate, d.datctype AS ctype,
           pg_catalog.to_jsonb(d) ->> 'datlocprovider' AS provider,
           COALESCE(pg_catalog.to_jsonb(d) ->> 'datlocale', pg_catalog.to_jsonb(d) ->> 'daticulocale') AS locale,
           pg_catalog.to_jsonb(d) ->> 'daticurules' AS rules
    FROM pg_catalog.pg_database d WHERE d.datname = pg_catalog.current_database()
"""
"""As JSON, since each release calls what it knows of a locale something else."""

SETTINGS = """
    SELECT s.one FROM pg_catalog.pg_db_role_setting r
    JOIN pg_catalog.pg_database d ON d.oid = r.setdatabase
    CROSS JOIN LATERAL unnest(r.setconfig) AS s (one)
    WHERE d.datname = pg_catalog.current_database() AND r.setrole = 0
"""

LISTS = frozenset({
    "local_preload_libraries", "search_path", "session_preload_libraries", "temp_tablespaces",
})  # fmt: skip
"""Settings whose value is a list of names, each quoted already (variable_is_guc_list_quote in dumputils.c)."""

OURS = """
    SELECT d.datname AS name, pg_catalog.shobj_description(d.oid, 'pg_database') AS comment,
           clock_timestamp() AS now,
           (SELECT count(*)::int FROM pg_catalog.pg_stat_activity a WHERE a.datid = d.oid) AS connections
    FROM pg_catalog.pg_database d
    WHERE d.datname LIKE 'liftlock\\_scratch\\_%' AND ($1::text IS NULL OR d.datname = $1)
    ORDER BY d.datname
"""

RECORDED = """
    SELECT name, up, source_format FROM liftlock.migrations
    WHERE scope = $1 AND status = 'completed' ORDER BY position
"""

USER_MAPPINGS = """
    SELECT CASE WHEN m.umuser = 0 THEN 'PUBLIC' ELSE quote_ident(m.usename) END AS who, quote_ident(m.srvname) AS server
    FROM pg_catalog.pg_user_mappings m
"""

TABLES = """
    SELECT c.oid, quote_ident(n.nspname) || '.' || quote_ident(c.relname) AS name
    FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition AND c.relpersistence <> 't'
      AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema' AND NOT (n.nspname = ANY ($1::text[]))
      AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend d
                      WHERE d.classid = 'pg_catalog.pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e')
      AND NOT EXISTS (SELECT FROM pg_catalog.pg_partition_tree(c.oid) p JOIN pg_catalog.pg_class f ON f.oid = p.relid
                      WHERE f.relkind = 'f')
    ORDER BY name
"""
"""Without those that have a partition on another server."""

COLUMNS = """
    SELECT a.attrelid AS table_oid, quote_ident(a.attname) AS name, b.typname AS base, b.typcategory AS category,
           pg_catalog.format_type(a.atttypid, a.atttypmod) AS type,
           CASE WHEN b.typname IN ('varchar', 'bpchar') AND m.mod > 4 THEN m.mod - 4
                WHEN b.typname IN ('bit', 'varbit') AND m.mod > 0 THEN m.mod END AS length,
           (a.attnotnull OR t.typnotnull) AND NOT a.atthasdef AND a.attidentity = '' AND a.attgenerated = ''
               AS required,
           a.attidentity <> '' OR a.attgenerated <> ''
               OR COALESCE(pg_catalog.pg_get_expr(d.adbin, d.adrelid) ~ '^nextval\\(', false) AS own,
           (SELECT array_agg(e.enumlabel::text ORDER BY e.enumsortorder) FROM pg_catalog.pg_enum e
            WHERE e.enumtypid = b.oid) AS labels,
           (SELECT array_agg(pg_catalog.pg_get_constraintdef(k.oid)) FROM pg_catalog.pg_constraint k
            WHERE k.conrelid = a.attrelid AND k.contype = 'c' AND k.conkey = ARRAY[a.attnum]
               OR k.contypid = a.atttypid AND k.contype = 'c') AS checks
    FROM pg_catalog.pg_attribute a
    JOIN pg_catalog.pg_type t ON t.oid = a.atttypid
    LEFT JOIN pg_catalog.pg_type u ON u.oid = t.typbasetype AND t.typtype = 'd'
    JOIN pg_catalog.pg_type b ON b.oid = CASE WHEN t.typtype <> 'd' THEN t.oid
                                              WHEN u.typtype = 'd' THEN u.typbasetype ELSE u.oid END
    CROSS JOIN LATERAL (SELECT CASE WHEN t.typtype = 'd' THEN t.typtypmod ELSE a.atttypmod END AS mod) m
    LEFT JOIN pg_catalog.pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
    WHERE a.attrelid = ANY ($1::oid[]) AND a.attnum > 0 AND NOT a.attisdropped
    ORDER BY a.attrelid, a.attnum
"""

KEYS = """
    SELECT k.conrelid AS table_oid, quote_ident(n.nspname) || '.' || quote_ident(c.relname) AS parent,
           (SELECT array_agg(quote_ident(a.attname) ORDER BY s.i) FROM unnest(k.conkey) WITH ORDINALITY s (num, i)
            JOIN pg_catalog.pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = s.num) AS columns,
           (SELECT array_agg(quote_ident(a.attname) ORDER BY s.i) FROM unnest(k.confkey) WITH ORDINALITY s (num, i)
            JOIN pg_catalog.pg_attribute a ON a.attrelid = k.confrelid AND a.attnum = s.num) AS referenced
    FROM pg_catalog.pg_constraint k
    JOIN pg_catalog.pg_class c ON c.oid = k.confrelid JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
    WHERE k.contype = 'f' AND k.conrelid = ANY ($1::oid[]) AND k.conparentid = 0
    ORDER BY k.conname
"""

LOCKS = """
    SELECT pg_catalog.quote_ident(n.nspname) || '.' || pg_catalog.quote_ident(c.relname) AS name,
           pg_catalog.quote_ident(tn.nspname) || '.' || pg_catalog.quote_ident(t.relname) AS table,
           array_agg(l.mode) AS modes
    FROM pg_catalog.pg_locks l
    JOIN pg_catalog.pg_class c ON c.oid = l.relation AND c.relkind IN ('r', 'p', 'v', 'm', 'f', 'S', 'i', 'I')
    JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
    LEFT JOIN pg_catalog.pg_index i ON i.indexrelid = c.oid
    LEFT JOIN pg_catalog.pg_class t ON t.oid = i.indrelid
    LEFT JOIN pg_catalog.pg_namespace tn ON tn.oid = t.relnamespace
    WHERE l.pid = $1 AND l.granted AND l.locktype = 'relation' AND c.relpersistence <> 't'
      AND l.database = (SELECT d.oid FROM pg_catalog.pg_database d WHERE d.datname = pg_catalog.current_database())
      AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema' AND NOT (n.nspname = ANY ($2::text[]))
    GROUP BY 1, 2 ORDER BY 1
"""
"""By whoever asks in a transaction of his own: what the session has made is not there for him, and what it has
renamed has the name that everybody knows."""
