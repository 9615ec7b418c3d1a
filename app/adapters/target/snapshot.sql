-- The schema of a database, one row a kind: JSON arrays of identity, the relation it belongs to, its number in that,
-- facts, owner, comment, grants. A row an object would cost more to send and to read than to find.
-- Sections are put together by introspect.py: `shared` comes first, `rows` or `places` last, between them those that are wanted.
-- $1 names the schemas that are none of the application's, $2 is the scope ('' or one schema), $3 the relations
-- to read (NULL: all). Everything is sorted in the "C" collation, or two databases would sort differently.

-- section: present
-- Of sections that few databases have anything of, which this one has: what is asked for nothing takes its time to plan.
SELECT unnest(ARRAY[
    CASE WHEN EXISTS (SELECT FROM pg_sequence) THEN 'sequences' END,
    CASE WHEN EXISTS (SELECT FROM pg_trigger WHERE NOT tgisinternal) THEN 'triggers' END,
    CASE WHEN EXISTS (SELECT FROM pg_rewrite WHERE ev_class >= 16384 AND rulename <> '_RETURN') THEN 'rules' END,
    CASE WHEN EXISTS (SELECT FROM pg_policy) THEN 'policies' END,
    CASE WHEN EXISTS (SELECT FROM pg_statistic_ext) THEN 'statistics' END,
    CASE WHEN EXISTS (SELECT FROM pg_proc WHERE oid >= 16384) THEN 'functions' END,
    CASE WHEN EXISTS (SELECT FROM pg_type WHERE oid >= 16384 AND typtype <> 'c' AND typcategory <> 'A')
           OR EXISTS (SELECT FROM pg_class WHERE oid >= 16384 AND relkind = 'c') THEN 'types' END,
    CASE WHEN EXISTS (SELECT FROM pg_constraint WHERE contypid >= 16384) THEN 'domain_constraints' END,
    CASE WHEN EXISTS (SELECT FROM pg_collation WHERE oid >= 16384) THEN 'collations' END,
    CASE WHEN EXISTS (SELECT FROM pg_operator WHERE oid >= 16384) THEN 'operators' END,
    CASE WHEN EXISTS (SELECT FROM pg_opclass WHERE oid >= 16384)
           OR EXISTS (SELECT FROM pg_opfamily WHERE oid >= 16384) THEN 'operator_classes' END,
    CASE WHEN EXISTS (SELECT FROM pg_ts_config WHERE oid >= 16384)
           OR EXISTS (SELECT FROM pg_ts_dict WHERE oid >= 16384) THEN 'text_search' END,
    CASE WHEN EXISTS (SELECT FROM pg_default_acl) THEN 'default_privileges' END,
    CASE WHEN EXISTS (SELECT FROM pg_cast WHERE oid >= 16384) THEN 'casts' END,
    CASE WHEN EXISTS (SELECT FROM pg_language WHERE oid >= 16384) THEN 'languages' END,
    CASE WHEN EXISTS (SELECT FROM pg_event_trigger) THEN 'event_triggers' END,
    CASE WHEN EXISTS (SELECT FROM pg_publication) THEN 'publications' END,
    CASE WHEN EXISTS (SELECT FROM pg_foreign_data_wrapper) THEN 'foreign' END]) AS section

-- section: shared
WITH ns AS MATERIALIZED (
    SELECT n.oid, quote_ident(n.nspname) AS q, n.nspowner, n.nspacl
    FROM pg_namespace n
    WHERE n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
      AND NOT (n.nspname = ANY ($1::text[])) AND ($2::text = '' OR n.nspname = $2::text)
),
ext AS MATERIALIZED (SELECT d.classid, d.objid FROM pg_depend d WHERE d.deptype = 'e'),
rel AS MATERIALIZED (
    SELECT c.*, ns.q || '.' || quote_ident(c.relname) AS q, ns.q AS nsq
    FROM pg_class c JOIN ns ON ns.oid = c.relnamespace
    WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f', 'S') AND ($3::oid[] IS NULL OR c.oid = ANY ($3::oid[]))
      AND NOT EXISTS (SELECT FROM ext e WHERE e.classid = 'pg_class'::regclass AND e.objid = c.oid)
),
item(kind, identity, relation, class, oid, sub, owner, aclkind, acl, facts) AS (

-- section: relations
SELECT CASE r.relkind WHEN 'v' THEN 'view' WHEN 'm' THEN 'materialized view' WHEN 'f' THEN 'foreign table'
                      ELSE 'table' END,
       r.q, r.oid, 'pg_class'::regclass::oid, r.oid, 0, r.relowner, 'r'::"char", r.relacl,
       json_build_object(
           'persistence', CASE r.relpersistence WHEN 'u' THEN 'unlogged' END,
           'options', CASE WHEN r.reloptions IS NOT NULL THEN
               (SELECT jsonb_agg(o ORDER BY o COLLATE "C") FROM unnest(r.reloptions) o) END,
           'row_security', nullif(r.relrowsecurity, false),
           'forced_row_security', nullif(r.relforcerowsecurity, false),
           'replica_identity', CASE WHEN r.relkind IN ('r', 'p') THEN CASE r.relreplident
               WHEN 'f' THEN 'FULL' WHEN 'n' THEN 'NOTHING' WHEN 'i' THEN 'USING INDEX' END END,
           'partition_by', CASE WHEN r.relkind = 'p' THEN pg_get_partkeydef(r.oid) END,
           'bound', CASE WHEN r.relispartition THEN pg_get_expr(r.relpartbound, r.oid) END,
           'inherits', (SELECT jsonb_agg(i.inhparent::regclass::text ORDER BY i.inhseqno)
                        FROM pg_inherits i WHERE i.inhrelid = r.oid),
           'tablespace', CASE WHEN r.reltablespace <> 0 THEN
               (SELECT quote_ident(t.spcname) FROM pg_tablespace t WHERE t.oid = r.reltablespace) END,
           'access_method', (SELECT quote_ident(m.amname) FROM pg_am m WHERE m.oid = r.relam AND m.amname <> 'heap'),
           'of_type', nullif(r.reloftype, 0)::regtype::text,
           'unpopulated', CASE WHEN r.relkind = 'm' AND NOT r.relispopulated THEN true END,
           'definition', CASE WHEN r.relkind IN ('v', 'm') THEN rtrim(btrim(pg_get_viewdef(r.oid)), ';') END,
           'server', CASE WHEN r.relkind = 'f' THEN
               (SELECT quote_ident(s.srvname) FROM pg_foreign_table f JOIN pg_foreign_server s ON s.oid = f.ftserver
                WHERE f.ftrelid = r.oid) END,
           'option_names', CASE WHEN r.relkind = 'f' THEN
               (SELECT jsonb_agg(split_part(o, '=', 1) ORDER BY split_part(o, '=', 1) COLLATE "C")
                FROM pg_foreign_table f, unnest(f.ftoptions) o WHERE f.ftrelid = r.oid) END)
FROM rel r WHERE r.relkind <> 'S'

-- section: columns
SELECT 'column', r.q || '.' || quote_ident(a.attname), r.oid, 'pg_class'::regclass::oid, r.oid, a.attnum::int,
       NULL::oid, 'c'::"char", a.attacl,
       json_build_object(
           'of', r.q,
           'position', row_number() OVER (PARTITION BY a.attrelid ORDER BY a.attnum),
           'type', format_type(a.atttypid, a.atttypmod),
           'not_null', nullif(a.attnotnull, false),
           'default', CASE WHEN a.attgenerated = '' THEN pg_get_expr(d.adbin, d.adrelid) END,
           'generated', CASE WHEN a.attgenerated <> '' THEN '(' || pg_get_expr(d.adbin, d.adrelid) || ')'
               || CASE a.attgenerated WHEN 's' THEN ' STORED' ELSE ' VIRTUAL' END END,
           'identity', CASE a.attidentity WHEN 'a' THEN 'ALWAYS' WHEN 'd' THEN 'BY DEFAULT' END,
           'collation', CASE WHEN a.attcollation <> t.typcollation THEN a.attcollation::regcollation::text END,
           'storage', CASE WHEN a.attstorage <> t.typstorage AND r.relkind NOT IN ('v', 'f') THEN CASE a.attstorage
               WHEN 'p' THEN 'PLAIN' WHEN 'e' THEN 'EXTERNAL' WHEN 'm' THEN 'MAIN' ELSE 'EXTENDED' END END,
           'compression', CASE a.attcompression WHEN 'p' THEN 'pglz' WHEN 'l' THEN 'lz4' END,
           -- -1 until PostgreSQL 16, NULL since
           'statistics_target', nullif(a.attstattarget::int, -1),
           'inherited', CASE WHEN a.attinhcount > 0 AND NOT a.attislocal THEN true END,
           'also_inherited', CASE WHEN a.attinhcount > 0 AND a.attislocal THEN true END,
           'options', CASE WHEN a.attoptions IS NOT NULL THEN
               (SELECT jsonb_agg(o ORDER BY o COLLATE "C") FROM unnest(a.attoptions) o) END,
           'option_names', CASE WHEN a.attfdwoptions IS NOT NULL THEN
               (SELECT jsonb_agg(split_part(o, '=', 1) ORDER BY split_part(o, '=', 1) COLLATE "C")
                FROM unnest(a.attfdwoptions) o) END)
FROM rel r
JOIN pg_attribute a ON a.attrelid = r.oid AND a.attnum > 0 AND NOT a.attisdropped
JOIN pg_type t ON t.oid = a.atttypid
LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
WHERE r.relkind <> 'S'

-- section: sequences
SELECT 'sequence', r.q, r.oid, 'pg_class'::regclass::oid, r.oid, 0, r.relowner, 's'::"char", r.relacl,
       json_build_object(
           'type', s.seqtypid::regtype::text, 'start', s.seqstart, 'increment', s.seqincrement,
           'minimum', s.seqmin, 'maximum', s.seqmax, 'cache', s.seqcache, 'cycle', nullif(s.seqcycle, false),
           'persistence', CASE r.relpersistence WHEN 'u' THEN 'unlogged' END,
           'of', o.q, 'owned_by', o.q || '.' || o.column_q, 'for_identity', nullif(o.deptype = 'i', false))
FROM rel r
JOIN pg_sequence s ON s.seqrelid = r.oid
LEFT JOIN LATERAL (
    SELECT d.refobjid::regclass::text AS q, quote_ident(a.attname) AS column_q, d.deptype
    FROM pg_depend d JOIN pg_attribute a ON a.attrelid = d.refobjid AND a.attnum = d.refobjsubid
    WHERE d.classid = 'pg_class'::regclass AND d.objid = r.oid AND d.objsubid = 0
      AND d.refclassid = 'pg_class'::regclass AND d.deptype IN ('a', 'i') AND d.refobjsubid > 0) o ON true

-- section: constraints
SELECT CASE k.contype WHEN 'n' THEN 'not null constraint' ELSE 'constraint' END,
       r.q || '.' || quote_ident(k.conname), r.oid, 'pg_constraint'::regclass::oid, k.oid, 0,
       NULL::oid, NULL::"char", NULL::aclitem[],
       json_build_object(
           'of', r.q, 'definition', pg_get_constraintdef(k.oid),
           'inherited', CASE WHEN NOT k.conislocal THEN true END)
FROM pg_constraint k JOIN rel r ON r.oid = k.conrelid
-- constraint triggers are shown as triggers; the foreign keys that partitions get follow from the parent's
WHERE k.contype <> 't' AND NOT (k.contype = 'f' AND k.conparentid <> 0)

-- section: indexes
SELECT 'index', r.nsq || '.' || quote_ident(ic.relname), r.oid, 'pg_class'::regclass::oid, ic.oid, 0,
       NULL::oid, NULL::"char", NULL::aclitem[],
       json_build_object(
           'of', r.q,
           -- that of a constraint says the same twice, and writing it out is what takes longest
           'definition', CASE WHEN k.oid IS NULL THEN pg_get_indexdef(i.indexrelid) END,
           'options', CASE WHEN k.oid IS NOT NULL AND ic.reloptions IS NOT NULL THEN
               (SELECT jsonb_agg(o ORDER BY o COLLATE "C") FROM unnest(ic.reloptions) o) END,
           'invalid', CASE WHEN NOT i.indisvalid THEN true END,
           'clustered', nullif(i.indisclustered, false),
           'replica_identity', nullif(i.indisreplident, false),
           'tablespace', CASE WHEN ic.reltablespace <> 0 THEN
               (SELECT quote_ident(t.spcname) FROM pg_tablespace t WHERE t.oid = ic.reltablespace) END,
           'constraint', quote_ident(k.conname),
           'partition_of', CASE WHEN ic.relispartition THEN
               (SELECT h.inhparent::regclass::text FROM pg_inherits h WHERE h.inhrelid = i.indexrelid) END)
FROM pg_index i JOIN rel r ON r.oid = i.indrelid JOIN pg_class ic ON ic.oid = i.indexrelid
LEFT JOIN pg_constraint k ON k.conindid = i.indexrelid AND k.conrelid = i.indrelid AND k.contype IN ('p', 'u', 'x')

-- section: triggers
SELECT 'trigger', r.q || '.' || quote_ident(t.tgname), r.oid, 'pg_trigger'::regclass::oid, t.oid, 0,
       NULL::oid, NULL::"char", NULL::aclitem[],
       json_build_object(
           'of', r.q, 'definition', pg_get_triggerdef(t.oid),
           'enabled', CASE t.tgenabled WHEN 'D' THEN 'DISABLE' WHEN 'R' THEN 'ENABLE REPLICA' WHEN 'A' THEN 'ENABLE ALWAYS' END,
           'inherited', CASE WHEN t.tgparentid <> 0 THEN true END)
FROM pg_trigger t JOIN rel r ON r.oid = t.tgrelid
WHERE NOT t.tgisinternal

-- section: rules
SELECT 'rule', r.q || '.' || quote_ident(u.rulename), r.oid, 'pg_rewrite'::regclass::oid, u.oid, 0,
       NULL::oid, NULL::"char", NULL::aclitem[],
       json_build_object(
           'of', r.q, 'definition', pg_get_ruledef(u.oid),
           'enabled', CASE u.ev_enabled WHEN 'D' THEN 'DISABLE' WHEN 'R' THEN 'ENABLE REPLICA' WHEN 'A' THEN 'ENABLE ALWAYS' END)
FROM pg_rewrite u JOIN rel r ON r.oid = u.ev_class
WHERE u.rulename <> '_RETURN'

-- section: policies
SELECT 'policy', r.q || '.' || quote_ident(p.polname), r.oid, 'pg_policy'::regclass::oid, p.oid, 0,
       NULL::oid, NULL::"char", NULL::aclitem[],
       json_build_object(
           'of', r.q,
           'command', CASE p.polcmd WHEN 'r' THEN 'SELECT' WHEN 'a' THEN 'INSERT' WHEN 'w' THEN 'UPDATE'
                                    WHEN 'd' THEN 'DELETE' ELSE 'ALL' END,
           'mode', CASE WHEN NOT p.polpermissive THEN 'RESTRICTIVE' END,
           'roles', (SELECT jsonb_agg(w.who ORDER BY w.who COLLATE "C")
                     FROM (SELECT CASE x WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(x)) END AS who
                           FROM unnest(p.polroles) x) w),
           'using', pg_get_expr(p.polqual, p.polrelid), 'check', pg_get_expr(p.polwithcheck, p.polrelid))
FROM pg_policy p JOIN rel r ON r.oid = p.polrelid

-- section: statistics
SELECT 'statistics', s.stxnamespace::regnamespace::text || '.' || quote_ident(s.stxname), r.oid,
       'pg_statistic_ext'::regclass::oid, s.oid, 0, s.stxowner, NULL::"char", NULL::aclitem[],
       json_build_object(
           'of', r.q, 'definition', pg_get_statisticsobjdef(s.oid),
           'statistics_target', nullif(s.stxstattarget::int, -1))
FROM pg_statistic_ext s JOIN rel r ON r.oid = s.stxrelid

-- section: schemas
SELECT 'schema', n.q, NULL::oid, 'pg_namespace'::regclass::oid, n.oid, 0, n.nspowner, 'n'::"char", n.nspacl, '{}'::json
FROM ns n
WHERE NOT EXISTS (SELECT FROM ext e WHERE e.classid = 'pg_namespace'::regclass AND e.objid = n.oid)

-- section: functions
SELECT CASE p.prokind WHEN 'p' THEN 'procedure' WHEN 'a' THEN 'aggregate' ELSE 'function' END,
       ns.q || '.' || quote_ident(p.proname) || '(' || oidvectortypes(p.proargtypes) || ')', NULL::oid,
       'pg_proc'::regclass::oid, p.oid, 0, p.proowner, 'f'::"char", p.proacl,
       CASE WHEN p.prokind <> 'a' THEN json_build_object(
           'definition', rtrim(pg_get_functiondef(p.oid), E'\n'), 'returns', pg_get_function_result(p.oid))
       ELSE (SELECT json_build_object(
           'arguments', pg_get_function_arguments(p.oid), 'returns', pg_get_function_result(p.oid),
           'kind', CASE g.aggkind WHEN 'o' THEN 'ordered set' WHEN 'h' THEN 'hypothetical set' END,
           'transition', g.aggtransfn::regprocedure::text, 'state_type', format_type(g.aggtranstype, NULL),
           'final', nullif(g.aggfinalfn::oid, 0)::regprocedure::text,
           'combine', nullif(g.aggcombinefn::oid, 0)::regprocedure::text,
           'moving_transition', nullif(g.aggmtransfn::oid, 0)::regprocedure::text,
           'initial', g.agginitval, 'sort_operator', nullif(g.aggsortop, 0)::regoperator::text,
           'parallel', CASE p.proparallel WHEN 's' THEN 'SAFE' WHEN 'r' THEN 'RESTRICTED' END)
           FROM pg_aggregate g WHERE g.aggfnoid = p.oid) END
FROM pg_proc p JOIN ns ON ns.oid = p.pronamespace
WHERE NOT EXISTS (SELECT FROM ext e WHERE e.classid = 'pg_proc'::regclass AND e.objid = p.oid)
  -- the constructors of ranges belong to their type
  AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND d.deptype = 'i')

-- section: types
SELECT CASE t.typtype WHEN 'e' THEN 'enum' WHEN 'd' THEN 'domain' WHEN 'r' THEN 'range' WHEN 'c' THEN 'composite type'
                      ELSE 'base type' END,
       ns.q || '.' || quote_ident(t.typname), NULL::oid, 'pg_type'::regclass::oid, t.oid, 0, t.typowner, 'T'::"char", t.typacl,
       json_build_object(
           'labels', CASE WHEN t.typtype = 'e' THEN
               (SELECT jsonb_agg(e.enumlabel ORDER BY e.enumsortorder) FROM pg_enum e WHERE e.enumtypid = t.oid) END,
           'type', CASE WHEN t.typtype = 'd' THEN format_type(t.typbasetype, t.typtypmod) END,
           'not_null', CASE WHEN t.typtype = 'd' THEN nullif(t.typnotnull, false) END,
           'default', t.typdefault,
           'collation', CASE WHEN t.typtype = 'd' AND t.typcollation <> b.typcollation THEN t.typcollation::regcollation::text END,
           'attributes', CASE WHEN t.typtype = 'c' THEN
               (SELECT jsonb_agg(quote_ident(a.attname) || ' ' || format_type(a.atttypid, a.atttypmod)
                    || CASE WHEN a.attcollation <> at.typcollation THEN ' COLLATE ' || a.attcollation::regcollation::text ELSE '' END
                    ORDER BY a.attnum)
                FROM pg_attribute a JOIN pg_type at ON at.oid = a.atttypid
                WHERE a.attrelid = t.typrelid AND a.attnum > 0 AND NOT a.attisdropped) END,
           'range', CASE WHEN t.typtype = 'r' THEN
               (SELECT json_build_object('subtype', format_type(g.rngsubtype, NULL),
                    'multirange', format_type(g.rngmultitypid, NULL),
                    'collation', nullif(g.rngcollation, 0)::regcollation::text,
                    'operator_class', (SELECT o.opcnamespace::regnamespace::text || '.' || quote_ident(o.opcname)
                                       FROM pg_opclass o WHERE o.oid = g.rngsubopc),
                    'canonical', nullif(g.rngcanonical::oid, 0)::regprocedure::text,
                    'difference', nullif(g.rngsubdiff::oid, 0)::regprocedure::text)
                FROM pg_range g WHERE g.rngtypid = t.oid) END,
           'input', CASE WHEN t.typtype = 'b' THEN t.typinput::regprocedure::text END,
           'output', CASE WHEN t.typtype = 'b' THEN t.typoutput::regprocedure::text END)
FROM pg_type t JOIN ns ON ns.oid = t.typnamespace
LEFT JOIN pg_class c ON c.oid = t.typrelid
LEFT JOIN pg_type b ON b.oid = t.typbasetype
WHERE (t.typtype IN ('e', 'd', 'r') OR (t.typtype = 'b' AND t.typcategory <> 'A') OR (t.typtype = 'c' AND c.relkind = 'c'))
  AND NOT EXISTS (SELECT FROM ext e WHERE e.classid = 'pg_type'::regclass AND e.objid = t.oid)

-- section: domain_constraints
SELECT 'domain constraint', ns.q || '.' || quote_ident(t.typname) || '.' || quote_ident(k.conname), NULL::oid,
       'pg_constraint'::regclass::oid, k.oid, 0, NULL::oid, NULL::"char", NULL::aclitem[],
       json_build_object('of', ns.q || '.' || quote_ident(t.typname), 'definition', pg_get_constraintdef(k.oid))
FROM pg_constraint k JOIN pg_type t ON t.oid = k.contypid JOIN ns ON ns.oid = t.typnamespace
-- NOT NULL of a domain is a fact of the domain
WHERE k.contype = 'c' AND NOT EXISTS (SELECT FROM ext e WHERE e.classid = 'pg_type'::regclass AND e.objid = t.oid)

-- section: collations
SELECT 'collation', ns.q || '.' || quote_ident(c.collname), NULL::oid, 'pg_collation'::regclass::oid, c.oid, 0, c.collowner,
       NULL::"char", NULL::aclitem[],
       json_build_object(
           'provider', CASE c.collprovider WHEN 'i' THEN 'icu' WHEN 'c' THEN 'libc' WHEN 'b' THEN 'builtin' ELSE 'default' END,
           'collate', c.collcollate, 'ctype', c.collctype,
           'locale', coalesce(to_jsonb(c) ->> 'colllocale', to_jsonb(c) ->> 'colliculocale'),
           'rules', to_jsonb(c) ->> 'collicurules',
           'nondeterministic', CASE WHEN NOT c.collisdeterministic THEN true END, 'version', c.collversion)
FROM pg_collation c JOIN ns ON ns.oid = c.collnamespace
WHERE NOT EXISTS (SELECT FROM ext e WHERE e.classid = 'pg_collation'::regclass AND e.objid = c.oid)

-- section: operators
SELECT 'operator', o.oid::regoperator::text, NULL::oid, 'pg_operator'::regclass::oid, o.oid, 0, o.oprowner,
       NULL::"char", NULL::aclitem[],
       json_build_object(
           'function', nullif(o.oprcode::oid, 0)::regprocedure::text, 'result', format_type(o.oprresult, NULL),
           'commutator', nullif(o.oprcom, 0)::regoperator::text, 'negator', nullif(o.oprnegate, 0)::regoperator::text,
           'restrict', nullif(o.oprrest::oid, 0)::regproc::text, 'join', nullif(o.oprjoin::oid, 0)::regproc::text,
           'hashes', nullif(o.oprcanhash, false), 'merges', nullif(o.oprcanmerge, false))
FROM pg_operator o JOIN ns ON ns.oid = o.oprnamespace
WHERE NOT EXISTS (SELECT FROM ext e WHERE e.classid = 'pg_operator'::regclass AND e.objid = o.oid)

-- section: operator_classes
SELECT 'operator class', ns.q || '.' || quote_ident(o.opcname) || ' USING ' || quote_ident(m.amname), NULL::oid,
       'pg_opclass'::regclass::oid, o.oid, 0, o.opcowner, NULL::"char", NULL::aclitem[],
       json_build_object(
           'type', format_type(o.opcintype, NULL), 'default', nullif(o.opcdefault, false),
           'storage', CASE WHEN o.opckeytype <> 0 THEN format_type(o.opckeytype, NULL) END,
           'family', (SELECT f.opfnamespace::regnamespace::text || '.' || quote_ident(f.opfname)
                      FROM pg_opfamily f WHERE f.oid = o.opcfamily))
FROM pg_opclass o JOIN ns ON ns.oid = o.opcnamespace JOIN pg_am m ON m.oid = o.opcmethod
WHERE NOT EXISTS (SELECT FROM ext e WHERE e.classid = 'pg_opclass'::regclass AND e.objid = o.oid)
UNION ALL
SELECT 'operator family', ns.q || '.' || quote_ident(f.opfname) || ' USING ' || quote_ident(m.amname), NULL::oid,
       'pg_opfamily'::regclass::oid, f.oid, 0, f.opfowner, NULL::"char", NULL::aclitem[],
       json_build_object(
           'operators', (SELECT jsonb_agg(x.said ORDER BY x.said COLLATE "C") FROM (
               SELECT p.amopstrategy || ' ' || p.amopopr::regoperator::text AS said FROM pg_amop p WHERE p.amopfamily = f.oid) x),
           'functions', (SELECT jsonb_agg(x.said ORDER BY x.said COLLATE "C") FROM (
               SELECT p.amprocnum || ' ' || p.amproc::oid::regprocedure::text AS said FROM pg_amproc p WHERE p.amprocfamily = f.oid) x))
FROM pg_opfamily f JOIN ns ON ns.oid = f.opfnamespace JOIN pg_am m ON m.oid = f.opfmethod
WHERE NOT EXISTS (SELECT FROM ext e WHERE e.classid = 'pg_opfamily'::regclass AND e.objid = f.oid)

-- section: text_search
SELECT 'text search configuration', ns.q || '.' || quote_ident(c.cfgname), NULL::oid, 'pg_ts_config'::regclass::oid, c.oid, 0,
       c.cfgowner, NULL::"char", NULL::aclitem[],
       json_build_object(
           'parser', (SELECT p.prsnamespace::regnamespace::text || '.' || quote_ident(p.prsname)
                      FROM pg_ts_parser p WHERE p.oid = c.cfgparser),
           'mappings', (SELECT jsonb_agg(m.maptokentype || ' ' || m.mapdict::regdictionary::text ORDER BY m.maptokentype, m.mapseqno)
                        FROM pg_ts_config_map m WHERE m.mapcfg = c.oid))
FROM pg_ts_config c JOIN ns ON ns.oid = c.cfgnamespace
WHERE NOT EXISTS (SELECT FROM ext e WHERE e.classid = 'pg_ts_config'::regclass AND e.objid = c.oid)
UNION ALL
SELECT 'text search dictionary', ns.q || '.' || quote_ident(d.dictname), NULL::oid, 'pg_ts_dict'::regclass::oid, d.oid, 0,
       d.dictowner, NULL::"char", NULL::aclitem[],
       json_build_object(
           'template', (SELECT t.tmplnamespace::regnamespace::text || '.' || quote_ident(t.tmplname)
                        FROM pg_ts_template t WHERE t.oid = d.dicttemplate),
           'options', d.dictinitoption)
FROM pg_ts_dict d JOIN ns ON ns.oid = d.dictnamespace
WHERE NOT EXISTS (SELECT FROM ext e WHERE e.classid = 'pg_ts_dict'::regclass AND e.objid = d.oid)

-- section: default_privileges
SELECT 'default privileges',
       quote_ident(pg_get_userbyid(d.defaclrole)) || CASE d.defaclobjtype WHEN 'r' THEN ' ON TABLES' WHEN 'S' THEN ' ON SEQUENCES'
           WHEN 'f' THEN ' ON FUNCTIONS' WHEN 'T' THEN ' ON TYPES' WHEN 'n' THEN ' ON SCHEMAS' ELSE ' ON LARGE OBJECTS' END
           || coalesce(' IN SCHEMA ' || ns.q, ''), NULL::oid, 'pg_default_acl'::regclass::oid, d.oid, 0,
       -- for the whole database they replace what holds by default, for a schema they are added to it
       CASE d.defaclnamespace WHEN 0 THEN d.defaclrole END,
       CASE d.defaclnamespace WHEN 0 THEN CASE d.defaclobjtype WHEN 'S' THEN 's'::"char" ELSE d.defaclobjtype END END,
       d.defaclacl,
       json_build_object(
           'role', quote_ident(pg_get_userbyid(d.defaclrole)), 'schema', ns.q,
           'objects', CASE d.defaclobjtype WHEN 'r' THEN 'TABLES' WHEN 'S' THEN 'SEQUENCES' WHEN 'f' THEN 'FUNCTIONS'
               WHEN 'T' THEN 'TYPES' WHEN 'n' THEN 'SCHEMAS' ELSE 'LARGE OBJECTS' END)
FROM pg_default_acl d LEFT JOIN ns ON ns.oid = d.defaclnamespace
WHERE ns.oid IS NOT NULL OR (d.defaclnamespace = 0 AND $2::text = '')

-- section: extensions
SELECT 'extension', quote_ident(e.extname), NULL::oid, 'pg_extension'::regclass::oid, e.oid, 0, e.extowner,
       NULL::"char", NULL::aclitem[],
       json_build_object('version', e.extversion, 'schema', e.extnamespace::regnamespace::text)
FROM pg_extension e WHERE $2::text = ''

-- section: casts
SELECT 'cast', format_type(c.castsource, NULL) || ' AS ' || format_type(c.casttarget, NULL), NULL::oid,
       'pg_cast'::regclass::oid, c.oid, 0, NULL::oid, NULL::"char", NULL::aclitem[],
       json_build_object(
           'function', nullif(c.castfunc, 0)::regprocedure::text,
           'context', CASE c.castcontext WHEN 'i' THEN 'IMPLICIT' WHEN 'a' THEN 'ASSIGNMENT' ELSE 'EXPLICIT' END,
           'method', CASE c.castmethod WHEN 'f' THEN 'FUNCTION' WHEN 'i' THEN 'INOUT' ELSE 'BINARY' END)
FROM pg_cast c
WHERE $2::text = '' AND c.oid >= 16384
  AND NOT EXISTS (SELECT FROM ext e WHERE e.classid = 'pg_cast'::regclass AND e.objid = c.oid)
  -- those between a range and its multirange belong to the type
  AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_cast'::regclass AND d.objid = c.oid AND d.deptype = 'i')

-- section: languages
SELECT 'language', quote_ident(l.lanname), NULL::oid, 'pg_language'::regclass::oid, l.oid, 0, l.lanowner, 'l'::"char", l.lanacl,
       json_build_object('trusted', nullif(l.lanpltrusted, false), 'function', nullif(l.lanplcallfoid, 0)::regprocedure::text)
FROM pg_language l
WHERE $2::text = '' AND l.lanispl
  AND NOT EXISTS (SELECT FROM ext e WHERE e.classid = 'pg_language'::regclass AND e.objid = l.oid)

-- section: event_triggers
SELECT 'event trigger', quote_ident(t.evtname), NULL::oid, 'pg_event_trigger'::regclass::oid, t.oid, 0, t.evtowner,
       NULL::"char", NULL::aclitem[],
       json_build_object(
           'event', t.evtevent, 'function', t.evtfoid::regproc::text,
           'enabled', CASE t.evtenabled WHEN 'D' THEN 'DISABLE' WHEN 'R' THEN 'ENABLE REPLICA' WHEN 'A' THEN 'ENABLE ALWAYS' END,
           'tags', (SELECT jsonb_agg(x ORDER BY x COLLATE "C") FROM unnest(t.evttags) x))
FROM pg_event_trigger t
WHERE $2::text = ''
  AND NOT EXISTS (SELECT FROM ext e WHERE e.classid = 'pg_event_trigger'::regclass AND e.objid = t.oid)

-- section: publications_14
SELECT 'publication', quote_ident(p.pubname), NULL::oid, 'pg_publication'::regclass::oid, p.oid, 0, p.pubowner,
       NULL::"char", NULL::aclitem[],
       json_build_object(
           'all_tables', nullif(p.puballtables, false), 'via_root', nullif(p.pubviaroot, false),
           'publishes', concat_ws(', ', CASE WHEN p.pubinsert THEN 'insert' END, CASE WHEN p.pubupdate THEN 'update' END,
                                  CASE WHEN p.pubdelete THEN 'delete' END, CASE WHEN p.pubtruncate THEN 'truncate' END),
           'tables', (SELECT jsonb_agg(r.prrelid::regclass::text ORDER BY r.prrelid::regclass::text COLLATE "C")
                      FROM pg_publication_rel r WHERE r.prpubid = p.oid))
FROM pg_publication p WHERE $2::text = ''

-- section: publications_15
SELECT 'publication', quote_ident(p.pubname), NULL::oid, 'pg_publication'::regclass::oid, p.oid, 0, p.pubowner,
       NULL::"char", NULL::aclitem[],
       json_build_object(
           'all_tables', nullif(p.puballtables, false), 'via_root', nullif(p.pubviaroot, false),
           'publishes', concat_ws(', ', CASE WHEN p.pubinsert THEN 'insert' END, CASE WHEN p.pubupdate THEN 'update' END,
                                  CASE WHEN p.pubdelete THEN 'delete' END, CASE WHEN p.pubtruncate THEN 'truncate' END),
           'generated_columns', nullif(to_jsonb(p) ->> 'pubgencols', 'n'),
           'schemas', (SELECT jsonb_agg(s.pnnspid::regnamespace::text ORDER BY s.pnnspid::regnamespace::text COLLATE "C")
                       FROM pg_publication_namespace s WHERE s.pnpubid = p.oid),
           'tables', (SELECT jsonb_agg(x.said ORDER BY x.said COLLATE "C") FROM (
               SELECT r.prrelid::regclass::text
                   || coalesce(' (' || (SELECT string_agg(quote_ident(a.attname), ', ' ORDER BY a.attnum) FROM pg_attribute a
                                        WHERE a.attrelid = r.prrelid AND a.attnum = ANY (r.prattrs)) || ')', '')
                   || coalesce(' WHERE ' || pg_get_expr(r.prqual, r.prrelid), '') AS said
               FROM pg_publication_rel r WHERE r.prpubid = p.oid) x))
FROM pg_publication p WHERE $2::text = ''

-- section: foreign
SELECT 'foreign data wrapper', quote_ident(w.fdwname), NULL::oid, 'pg_foreign_data_wrapper'::regclass::oid, w.oid, 0, w.fdwowner,
       'F'::"char", w.fdwacl,
       json_build_object(
           'function', nullif(w.fdwhandler, 0)::regprocedure::text,
           'validator', nullif(w.fdwvalidator, 0)::regprocedure::text,
           'option_names', (SELECT jsonb_agg(split_part(o, '=', 1) ORDER BY split_part(o, '=', 1) COLLATE "C") FROM unnest(w.fdwoptions) o))
FROM pg_foreign_data_wrapper w
WHERE $2::text = '' AND NOT EXISTS (SELECT FROM ext e WHERE e.classid = 'pg_foreign_data_wrapper'::regclass AND e.objid = w.oid)
UNION ALL
SELECT 'foreign server', quote_ident(s.srvname), NULL::oid, 'pg_foreign_server'::regclass::oid, s.oid, 0, s.srvowner,
       'S'::"char", s.srvacl,
       json_build_object(
           'wrapper', (SELECT quote_ident(w.fdwname) FROM pg_foreign_data_wrapper w WHERE w.oid = s.srvfdw),
           'type', s.srvtype, 'version', s.srvversion,
           -- values may be secrets: only that an option is set
           'option_names', (SELECT jsonb_agg(split_part(o, '=', 1) ORDER BY split_part(o, '=', 1) COLLATE "C") FROM unnest(s.srvoptions) o))
FROM pg_foreign_server s
WHERE $2::text = '' AND NOT EXISTS (SELECT FROM ext e WHERE e.classid = 'pg_foreign_server'::regclass AND e.objid = s.oid)
UNION ALL
SELECT 'user mapping', CASE m.umuser WHEN 0 THEN 'PUBLIC' ELSE quote_ident(m.usename) END || ' ON ' || quote_ident(m.srvname), NULL::oid,
       0::oid, m.umid, 0, NULL::oid, NULL::"char", NULL::aclitem[], '{}'::json
FROM pg_user_mappings m WHERE $2::text = ''

-- section: rows
)
SELECT i.kind, json_agg(json_build_array(
       -- as a number: JSON makes a text of an oid
       i.identity, i.relation::bigint, i.sub, json_strip_nulls(i.facts),
       CASE WHEN i.owner IS NOT NULL THEN quote_ident(pg_get_userbyid(i.owner)) END,
       d.description,
       -- only what differs from the default: a grant that was revoked again leaves an acl, but no grant
       CASE WHEN i.acl IS NOT NULL THEN (
           SELECT jsonb_object_agg(g.who, g.holds) FROM (
               SELECT CASE x.grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(x.grantee)) END AS who,
                      coalesce(jsonb_agg(x.holds ORDER BY x.holds COLLATE "C") FILTER (WHERE x.given), '[]') AS holds
               FROM (SELECT a.grantee, a.privilege_type || CASE WHEN a.is_grantable THEN ' WITH GRANT OPTION' ELSE '' END AS holds,
                            true AS given FROM aclexplode(i.acl) a
                     UNION SELECT a.grantee, a.privilege_type, false FROM aclexplode(acldefault(i.aclkind, i.owner)) a) x
               GROUP BY x.grantee
               HAVING array_agg(x.holds ORDER BY x.holds COLLATE "C") FILTER (WHERE x.given)
                   IS DISTINCT FROM array_agg(x.holds ORDER BY x.holds COLLATE "C") FILTER (WHERE NOT x.given)) g)
       END))::text
FROM item i
LEFT JOIN pg_description d ON d.classoid = i.class AND d.objoid = i.oid AND d.objsubid = i.sub
     AND NOT (i.kind = 'schema' AND d.description = 'standard public schema')
GROUP BY i.kind

-- section: places
)
SELECT i.kind, json_agg(json_build_array(
       i.identity, i.class::bigint, i.oid::bigint, i.sub,
       CASE WHEN i.kind IN ('table', 'materialized view') THEN coalesce(pg_relation_filenode(i.oid), 0)::bigint ELSE 0 END))::text
FROM item i
GROUP BY i.kind
