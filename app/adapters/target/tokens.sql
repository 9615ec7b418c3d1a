-- What tells that something has changed: for each thing a number made of the rows that describe it, each by its
-- place (ctid) and transaction (xmin). A row that is written again in the same transaction has another place.
-- Valid in one database only. `name` tells a rename from any other change.
-- section: first
WITH rel AS (
    SELECT c.oid, c.relnamespace || '.' || c.relname || ':' || c.relkind::text AS name, hashtidextended(c.ctid, c.xmin::text::bigint) AS token
    FROM pg_class c WHERE c.oid >= 16384 AND c.relnamespace <> 99
),
part(oid, token) AS (
    SELECT attrelid, hashtidextended(ctid, xmin::text::bigint + (1::bigint << 33)) FROM pg_attribute
    WHERE attrelid >= 16384 AND attnum > 0
    UNION ALL SELECT conrelid, hashtidextended(ctid, xmin::text::bigint + (2::bigint << 33)) FROM pg_constraint WHERE conrelid >= 16384
    UNION ALL SELECT indrelid, hashtidextended(ctid, xmin::text::bigint + (3::bigint << 33)) FROM pg_index WHERE indrelid >= 16384
    UNION ALL SELECT tgrelid, hashtidextended(ctid, xmin::text::bigint + (4::bigint << 33)) FROM pg_trigger
    UNION ALL SELECT ev_class, hashtidextended(ctid, xmin::text::bigint + (5::bigint << 33)) FROM pg_rewrite WHERE ev_class >= 16384
    UNION ALL SELECT polrelid, hashtidextended(ctid, xmin::text::bigint + (6::bigint << 33)) FROM pg_policy
    UNION ALL SELECT adrelid, hashtidextended(ctid, xmin::text::bigint + (7::bigint << 33)) FROM pg_attrdef
    UNION ALL SELECT seqrelid, hashtidextended(ctid, xmin::text::bigint + (8::bigint << 33)) FROM pg_sequence
    UNION ALL SELECT inhrelid, hashtidextended(ctid, xmin::text::bigint + (9::bigint << 33)) FROM pg_inherits
    UNION ALL SELECT partrelid, hashtidextended(ctid, xmin::text::bigint + (10::bigint << 33)) FROM pg_partitioned_table
    UNION ALL SELECT stxrelid, hashtidextended(ctid, xmin::text::bigint + (11::bigint << 33)) FROM pg_statistic_ext
    UNION ALL SELECT ftrelid, hashtidextended(ctid, xmin::text::bigint + (12::bigint << 33)) FROM pg_foreign_table
    UNION ALL SELECT objoid, hashtidextended(ctid, xmin::text::bigint + (13::bigint << 33)) FROM pg_description
    WHERE classoid = 'pg_class'::regclass AND objoid >= 16384
    UNION ALL SELECT objid, hashtidextended(ctid, xmin::text::bigint + (14::bigint << 33)) FROM pg_depend
    WHERE classid = 'pg_class'::regclass AND refclassid = 'pg_class'::regclass AND deptype IN ('a', 'i') AND refobjsubid > 0
      AND objid >= 16384
),
whole(catalog, token) AS (
    SELECT 'pg_depend', hashtidextended(ctid, xmin::text::bigint) FROM pg_depend WHERE deptype = 'e'
    UNION ALL SELECT 'comment ' || classoid::regclass::text, hashtidextended(ctid, xmin::text::bigint) FROM pg_description
    WHERE objoid >= 16384 AND classoid <> 'pg_class'::regclass
    UNION ALL SELECT 'comment pg_namespace', hashtidextended(ctid, xmin::text::bigint) FROM pg_description
    WHERE objoid = 2200 AND classoid = 'pg_namespace'::regclass
    UNION ALL SELECT 'pg_roles', hashtextextended(rolname, oid::bigint) FROM pg_roles
    UNION ALL SELECT 'pg_user_mappings', hashtextextended(coalesce(usename, ''), umid::bigint) FROM pg_user_mappings
    UNION ALL SELECT 'pg_tablespace', hashtidextended(ctid, xmin::text::bigint) FROM pg_tablespace
    UNION ALL SELECT 'pg_am', hashtidextended(ctid, xmin::text::bigint) FROM pg_am
    UNION ALL SELECT 'pg_language', hashtidextended(ctid, xmin::text::bigint) FROM pg_language
    UNION ALL SELECT 'pg_extension', hashtidextended(ctid, xmin::text::bigint) FROM pg_extension
    UNION ALL SELECT 'pg_collation', hashtidextended(ctid, xmin::text::bigint) FROM pg_collation WHERE oid >= 16384
    UNION ALL SELECT 'pg_operator', hashtidextended(ctid, xmin::text::bigint) FROM pg_operator WHERE oid >= 16384
    UNION ALL SELECT 'pg_opclass', hashtidextended(ctid, xmin::text::bigint) FROM pg_opclass WHERE oid >= 16384
    UNION ALL SELECT 'pg_opfamily', hashtidextended(ctid, xmin::text::bigint) FROM pg_opfamily WHERE oid >= 16384
    UNION ALL SELECT 'pg_amop', hashtidextended(ctid, xmin::text::bigint) FROM pg_amop WHERE oid >= 16384
    UNION ALL SELECT 'pg_amproc', hashtidextended(ctid, xmin::text::bigint) FROM pg_amproc WHERE oid >= 16384
    UNION ALL SELECT 'pg_range', hashtidextended(ctid, xmin::text::bigint) FROM pg_range WHERE rngtypid >= 16384
    UNION ALL SELECT 'pg_aggregate', hashtidextended(ctid, xmin::text::bigint) FROM pg_aggregate WHERE aggfnoid >= 16384
    UNION ALL SELECT 'pg_cast', hashtidextended(ctid, xmin::text::bigint) FROM pg_cast WHERE oid >= 16384
    UNION ALL SELECT 'pg_ts_config', hashtidextended(ctid, xmin::text::bigint) FROM pg_ts_config WHERE oid >= 16384
    UNION ALL SELECT 'pg_ts_config_map', hashtidextended(ctid, xmin::text::bigint) FROM pg_ts_config_map WHERE mapcfg >= 16384
    UNION ALL SELECT 'pg_ts_dict', hashtidextended(ctid, xmin::text::bigint) FROM pg_ts_dict WHERE oid >= 16384
    UNION ALL SELECT 'pg_ts_parser', hashtidextended(ctid, xmin::text::bigint) FROM pg_ts_parser WHERE oid >= 16384
    UNION ALL SELECT 'pg_ts_template', hashtidextended(ctid, xmin::text::bigint) FROM pg_ts_template WHERE oid >= 16384
    UNION ALL SELECT 'pg_default_acl', hashtidextended(ctid, xmin::text::bigint) FROM pg_default_acl
    UNION ALL SELECT 'pg_event_trigger', hashtidextended(ctid, xmin::text::bigint) FROM pg_event_trigger
    UNION ALL SELECT 'pg_publication', hashtidextended(ctid, xmin::text::bigint) FROM pg_publication
    UNION ALL SELECT 'pg_publication_rel', hashtidextended(ctid, xmin::text::bigint) FROM pg_publication_rel
-- section: since_15
    UNION ALL SELECT 'pg_publication_namespace', hashtidextended(ctid, xmin::text::bigint) FROM pg_publication_namespace
-- section: last
    UNION ALL SELECT 'pg_foreign_data_wrapper', hashtidextended(ctid, xmin::text::bigint) FROM pg_foreign_data_wrapper
    UNION ALL SELECT 'pg_foreign_server', hashtidextended(ctid, xmin::text::bigint) FROM pg_foreign_server
    UNION ALL SELECT 'pg_constraint', hashtidextended(ctid, xmin::text::bigint) FROM pg_constraint WHERE contypid >= 16384
)
SELECT 'pg_class' AS catalog, rel.oid, rel.name, rel.token # coalesce(p.token, 0) AS token
FROM rel LEFT JOIN (SELECT oid, bit_xor(token) AS token FROM part GROUP BY oid) p USING (oid)
UNION ALL
SELECT 'pg_proc', oid, pronamespace || '.' || proname, hashtidextended(ctid, xmin::text::bigint) FROM pg_proc WHERE oid >= 16384
UNION ALL
SELECT 'pg_type', t.oid, t.typnamespace || '.' || t.typname || ':' || t.typstorage::text, hashtidextended(t.ctid, t.xmin::text::bigint)
FROM pg_type t LEFT JOIN pg_class c ON c.oid = t.typrelid
WHERE t.oid >= 16384 AND t.typcategory <> 'A' AND (c.oid IS NULL OR c.relkind = 'c')
UNION ALL
SELECT 'pg_enum', oid, enumlabel, hashtidextended(ctid, xmin::text::bigint) FROM pg_enum WHERE oid >= 16384
UNION ALL
SELECT 'pg_namespace', oid, nspname, hashtidextended(ctid, xmin::text::bigint) FROM pg_namespace
UNION ALL
SELECT catalog, NULL, NULL, bit_xor(token) FROM whole GROUP BY catalog
