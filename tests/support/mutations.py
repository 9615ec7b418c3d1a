# ruff: noqa: E501 - an entry a line can be read down
"""A schema with one of everything, and single changes to it: what is changed, and how the difference is called."""

from dataclasses import dataclass

BASE = """
CREATE ROLE ll_reader; CREATE ROLE ll_owner;
CREATE SCHEMA shop; CREATE SCHEMA "Odd Name";
CREATE TYPE shop.mood AS ENUM ('calm', 'cross');
CREATE DOMAIN shop.email AS text DEFAULT 'x@y' CONSTRAINT has_at CHECK (value LIKE '%@%');
CREATE TYPE shop.place AS (street text, zip text);
CREATE TYPE shop.span AS RANGE (subtype = float8);
CREATE FUNCTION shop.total(a integer, b integer DEFAULT 2) RETURNS integer LANGUAGE sql IMMUTABLE AS 'SELECT a + b';
CREATE PROCEDURE shop.tidy() LANGUAGE sql AS 'SELECT 1';
CREATE AGGREGATE shop.sum_up(integer) (sfunc = int4pl, stype = integer);
CREATE FUNCTION shop.touch() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN new; END';
CREATE FUNCTION shop.watch() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN END';
CREATE SEQUENCE shop.numbers;
CREATE TABLE shop.customers (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, email shop.email, mood shop.mood);
CREATE TABLE shop.orders (
    id serial PRIMARY KEY, customer bigint NOT NULL REFERENCES shop.customers (id), note text, amount numeric(10, 2),
    code text COLLATE "C" UNIQUE, double integer GENERATED ALWAYS AS (1 + 1) STORED, placed timestamptz DEFAULT now(),
    CONSTRAINT amount_positive CHECK (amount > 0));
CREATE INDEX orders_by_note ON shop.orders (note);
CREATE UNIQUE INDEX orders_by_number ON shop.orders (id, customer);
CREATE TABLE shop.plain (a integer, b integer, c text);
CREATE TABLE "Odd Name"."Odd ""Table" ("Odd Column" integer);
CREATE TABLE shop.parent (a integer); CREATE TABLE shop.child (b integer) INHERITS (shop.parent);
CREATE TABLE shop.events (at date NOT NULL, what text) PARTITION BY RANGE (at);
CREATE TABLE shop.events_2024 PARTITION OF shop.events FOR VALUES FROM ('2024-01-01') TO ('2025-01-01');
CREATE INDEX events_by_at ON shop.events (at);
CREATE VIEW shop.big AS SELECT id, amount FROM shop.orders WHERE amount > 100;
CREATE MATERIALIZED VIEW shop.counted AS SELECT count(*) AS n FROM shop.orders;
CREATE TRIGGER touched BEFORE UPDATE ON shop.orders FOR EACH ROW EXECUTE FUNCTION shop.touch();
CREATE RULE keep AS ON DELETE TO shop.plain DO INSTEAD NOTHING;
CREATE POLICY own ON shop.orders FOR SELECT TO ll_reader USING (customer = 1);
CREATE STATISTICS shop.together ON a, b FROM shop.plain;
CREATE PUBLICATION ll_feed FOR TABLE shop.plain;
CREATE EVENT TRIGGER ll_watcher ON ddl_command_end EXECUTE FUNCTION shop.watch();
CREATE OPERATOR shop.=== (leftarg = integer, rightarg = integer, function = int4eq);
CREATE OPERATOR CLASS shop.int_ops FOR TYPE integer USING btree AS OPERATOR 1 <, OPERATOR 3 =, FUNCTION 1 btint4cmp(integer, integer);
CREATE FUNCTION shop.to_int(shop.place) RETURNS integer LANGUAGE sql AS 'SELECT 1';
CREATE CAST (shop.place AS integer) WITH FUNCTION shop.to_int(shop.place);
CREATE TEXT SEARCH CONFIGURATION shop.words (copy = simple);
CREATE TEXT SEARCH DICTIONARY shop.dictionary (template = simple);
CREATE COLLATION shop.plainly (provider = libc, locale = 'C');
CREATE FOREIGN DATA WRAPPER ll_wrapper; CREATE SERVER ll_server FOREIGN DATA WRAPPER ll_wrapper OPTIONS (host 'h');
CREATE FOREIGN TABLE shop.far (a integer) SERVER ll_server;
GRANT SELECT ON shop.orders TO ll_reader;
COMMENT ON TABLE shop.plain IS 'as it was';
ALTER DEFAULT PRIVILEGES IN SCHEMA shop GRANT SELECT ON TABLES TO ll_reader;
ALTER DEFAULT PRIVILEGES IN SCHEMA shop REVOKE SELECT ON TABLES FROM ll_reader;
"""


@dataclass(frozen=True, slots=True)
class Mutation:
    """`name`: what the difference names; `word`: what its sentence says; `back`: whether both ways exist as SQL."""

    sql: str
    name: str
    word: str
    back: bool = True
    since: int = 14


M = Mutation
MUTATIONS = (
    M("ALTER TABLE shop.orders ADD COLUMN extra text NOT NULL DEFAULT 'a''b'", "column shop.orders.extra", "not expected: text NOT NULL"),
    M("ALTER TABLE shop.orders DROP COLUMN placed", "column shop.orders.placed", "is missing: timestamp with time zone"),
    M("ALTER TABLE shop.orders ALTER note TYPE varchar(40)", "column shop.orders.note", "type was text, is now character varying(40)"),
    M("ALTER TABLE shop.plain ALTER c SET NOT NULL", "column shop.plain.c", "was nullable, is now NOT NULL"),
    M("ALTER TABLE shop.orders ALTER customer DROP NOT NULL", "column shop.orders.customer", "was NOT NULL, is now nullable"),
    M("ALTER TABLE shop.plain ALTER a SET DEFAULT 4", "column shop.plain.a", "default was none, is now 4"),
    M("ALTER TABLE shop.orders ALTER placed DROP DEFAULT", "column shop.orders.placed", "default was now(), is now none"),
    M("ALTER TABLE shop.orders ALTER code TYPE text COLLATE \"POSIX\"", "column shop.orders.code", 'collation was "C", is now "POSIX"'),
    M("ALTER TABLE shop.plain ALTER c SET STORAGE EXTERNAL", "column shop.plain.c", "is now EXTERNAL"),
    M("ALTER TABLE shop.plain ALTER c SET COMPRESSION pglz", "column shop.plain.c", "compression was none, is now pglz"),
    M("ALTER TABLE shop.plain ALTER a SET STATISTICS 77", "column shop.plain.a", "statistics target was the default, is now 77"),
    M("ALTER TABLE shop.plain ALTER a SET (n_distinct = 5)", "column shop.plain.a", "n_distinct=5"),
    M("ALTER TABLE shop.customers ALTER id SET GENERATED BY DEFAULT", "column shop.customers.id", "identity was ALWAYS, is now BY DEFAULT"),
    M("ALTER TABLE shop.customers ALTER id DROP IDENTITY", "column shop.customers.id", "identity was ALWAYS, is now none"),
    M("ALTER TABLE shop.orders ALTER double DROP EXPRESSION", "column shop.orders.double", "generated was ((1 + 1)) STORED, is now none"),
    M("COMMENT ON COLUMN shop.plain.a IS 'it''s'", "column shop.plain.a", "comment was none, is now 'it''s'"),
    M("GRANT UPDATE (c) ON shop.plain TO ll_reader", "column shop.plain.c", "ll_reader had what is the default, now has UPDATE"),
    M("ALTER TABLE \"Odd Name\".\"Odd \"\"Table\" ALTER \"Odd Column\" SET DEFAULT 1", 'column "Odd Name"."Odd ""Table"."Odd Column"', "default was none"),
    M("CREATE TABLE shop.fresh (a serial PRIMARY KEY, b bigint GENERATED ALWAYS AS IDENTITY (START 7), c text UNIQUE, d integer REFERENCES shop.orders); CREATE INDEX ON shop.fresh (b); COMMENT ON COLUMN shop.fresh.c IS 'c'", "table shop.fresh", "not expected (4 columns, 3 constraints, 1 index, 2 sequences)"),
    M("DROP TABLE shop.plain", "table shop.plain", "is missing (3 columns, 1 rule, 1 statistics)"),
    M("CREATE UNLOGGED TABLE shop.fresh (a integer) WITH (fillfactor = 70)", "table shop.fresh", "not expected (1 column)"),
    M("ALTER TABLE shop.parent SET UNLOGGED", "table shop.parent", "persistence was logged, is now unlogged"),
    M("ALTER TABLE shop.plain SET (fillfactor = 50, autovacuum_enabled = false)", "table shop.plain", "fillfactor=50"),
    M("ALTER TABLE shop.plain OWNER TO ll_owner", "table shop.plain", "is now ll_owner"),
    M("ALTER TABLE shop.plain ENABLE ROW LEVEL SECURITY", "table shop.plain", "row security was off, is now on"),
    M("ALTER TABLE shop.plain FORCE ROW LEVEL SECURITY", "table shop.plain", "forced row security was off, is now on"),
    M("ALTER TABLE shop.plain REPLICA IDENTITY FULL", "table shop.plain", "replica identity was the default, is now FULL"),
    M("ALTER TABLE shop.orders REPLICA IDENTITY USING INDEX orders_by_number", "index shop.orders_by_number", "replica identity was off, is now on"),
    M("ALTER TABLE shop.orders CLUSTER ON orders_by_note", "index shop.orders_by_note", "clustered was off, is now on"),
    M("COMMENT ON TABLE shop.plain IS NULL", "table shop.plain", "comment was 'as it was', is now none"),
    M("GRANT SELECT, INSERT ON shop.plain TO ll_reader WITH GRANT OPTION", "table shop.plain", "INSERT WITH GRANT OPTION"),
    M("REVOKE SELECT ON shop.orders FROM ll_reader", "table shop.orders", "ll_reader had SELECT, now has what is the default"),
    M("REVOKE DELETE ON shop.plain FROM CURRENT_USER", "table shop.plain", "grants: "),
    M("ALTER TABLE shop.child NO INHERIT shop.parent", "table shop.child", "inherits were shop.parent, are now none", back=False),
    M("ALTER TABLE shop.parent ADD COLUMN more text", "column shop.parent.more", "not expected"),
    M("CREATE TABLE shop.events_2025 PARTITION OF shop.events FOR VALUES FROM ('2025-01-01') TO ('2026-01-01')", "table shop.events_2025", "not expected"),
    M("ALTER TABLE shop.events DETACH PARTITION shop.events_2024", "table shop.events_2024", "bound was FOR VALUES FROM", back=False),
    M("ALTER TABLE shop.events ADD COLUMN more text DEFAULT 'x'", "column shop.events.more", "not expected: text"),
    M("CREATE INDEX ON shop.events (what)", "index shop.events_what_idx", "CREATE INDEX"),
    M("CREATE TYPE shop.row AS (a integer); CREATE TABLE shop.typed OF shop.row", "table shop.typed", "not expected"),
    M("CREATE INDEX orders_by_amount ON shop.orders USING btree (amount DESC) WHERE amount > 5", "index shop.orders_by_amount", "not expected: CREATE INDEX orders_by_amount"),
    M("DROP INDEX shop.orders_by_note", "index shop.orders_by_note", "is missing: CREATE INDEX orders_by_note"),
    M("DROP INDEX shop.orders_by_note; CREATE INDEX orders_by_note ON shop.orders (note, id)", "index shop.orders_by_note", "is now CREATE INDEX"),
    M("UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'shop.orders_by_note'::regclass", "index shop.orders_by_note", "was valid, is now INVALID", back=False),
    M("COMMENT ON INDEX shop.orders_by_note IS 'why'", "index shop.orders_by_note", "comment was none, is now 'why'"),
    M("ALTER INDEX shop.orders_by_note RENAME TO renamed", "index shop.renamed", "not expected"),
    M("ALTER TABLE shop.orders ADD CONSTRAINT small CHECK (amount < 9)", "constraint shop.orders.small", "not expected: CHECK"),
    M("ALTER TABLE shop.orders ADD CONSTRAINT small CHECK (amount < 9) NOT VALID", "constraint shop.orders.small", "NOT VALID"),
    M("ALTER TABLE shop.orders DROP CONSTRAINT amount_positive", "constraint shop.orders.amount_positive", "is missing: CHECK ((amount > (0)::numeric))"),
    M("ALTER TABLE shop.orders DROP CONSTRAINT orders_customer_fkey", "constraint shop.orders.orders_customer_fkey", "is missing: FOREIGN KEY"),
    M("ALTER TABLE shop.orders DROP CONSTRAINT orders_code_key", "constraint shop.orders.orders_code_key", "is missing: UNIQUE (code)"),
    M("ALTER TABLE shop.orders DROP CONSTRAINT orders_customer_fkey; ALTER TABLE shop.orders ADD CONSTRAINT orders_customer_fkey FOREIGN KEY (customer) REFERENCES shop.customers ON DELETE CASCADE", "constraint shop.orders.orders_customer_fkey", "ON DELETE CASCADE"),
    M("ALTER TABLE shop.orders ALTER CONSTRAINT orders_customer_fkey DEFERRABLE INITIALLY DEFERRED", "constraint shop.orders.orders_customer_fkey", "DEFERRABLE INITIALLY DEFERRED"),
    M("ALTER TABLE shop.plain ADD EXCLUDE USING btree (a WITH =)", "constraint shop.plain.plain_a_excl", "EXCLUDE USING btree"),
    M("COMMENT ON CONSTRAINT amount_positive ON shop.orders IS 'money'", "constraint shop.orders.amount_positive", "comment was none"),
    M("CREATE OR REPLACE VIEW shop.big AS SELECT id, amount FROM shop.orders WHERE amount > 200", "view shop.big", "definition was"),
    M("CREATE OR REPLACE VIEW shop.big AS SELECT id, amount, note FROM shop.orders", "view shop.big", "definition was"),
    M("DROP VIEW shop.big", "view shop.big", "is missing (2 columns): SELECT"),
    M("CREATE VIEW shop.small WITH (security_barrier) AS SELECT 1 AS one", "view shop.small", "not expected (1 column): SELECT 1 AS one"),
    M("ALTER VIEW shop.big SET (security_barrier = true)", "view shop.big", "security_barrier=true"),
    M("ALTER VIEW shop.big ALTER id SET DEFAULT 3", "column shop.big.id", "default was none, is now 3"),
    M("DROP MATERIALIZED VIEW shop.counted", "materialized view shop.counted", "is missing"),
    M("CREATE UNIQUE INDEX one ON shop.counted (n)", "index shop.one", "not expected"),
    M("CREATE OR REPLACE FUNCTION shop.total(a integer, b integer DEFAULT 2) RETURNS integer LANGUAGE sql IMMUTABLE AS 'SELECT a * b'", "function shop.total(integer, integer)", "SELECT a * b"),
    M("ALTER FUNCTION shop.total SECURITY DEFINER SET search_path = shop", "function shop.total(integer, integer)", "SECURITY DEFINER"),
    M("ALTER FUNCTION shop.total VOLATILE", "function shop.total(integer, integer)", "definition was"),
    M("DROP FUNCTION shop.total", "function shop.total(integer, integer)", "is missing: CREATE OR REPLACE FUNCTION"),
    M("CREATE FUNCTION shop.total(text) RETURNS text LANGUAGE sql AS 'SELECT $1'; COMMENT ON FUNCTION shop.total(text) IS 'x'", "function shop.total(text)", "not expected"),
    M("DROP FUNCTION shop.total; CREATE FUNCTION shop.total(a integer, b integer) RETURNS bigint LANGUAGE sql AS 'SELECT 1::bigint'", "function shop.total(integer, integer)", "returns was integer, is now bigint"),
    M("REVOKE EXECUTE ON FUNCTION shop.total FROM PUBLIC", "function shop.total(integer, integer)", "PUBLIC had what is the default, now has nothing"),
    M("ALTER FUNCTION shop.total OWNER TO ll_owner", "function shop.total(integer, integer)", "is now ll_owner"),
    M("CREATE OR REPLACE PROCEDURE shop.tidy() LANGUAGE sql AS 'SELECT 2'", "procedure shop.tidy()", "SELECT 2"),
    M("DROP PROCEDURE shop.tidy", "procedure shop.tidy()", "is missing"),
    M("DROP AGGREGATE shop.sum_up(integer)", "aggregate shop.sum_up(integer)", "is missing", back=False),
    M("DROP TRIGGER touched ON shop.orders", "trigger shop.orders.touched", "is missing: CREATE TRIGGER touched"),
    M("ALTER TABLE shop.orders DISABLE TRIGGER touched", "trigger shop.orders.touched", "enabled was ENABLE, is now DISABLE"),
    M("CREATE TRIGGER again AFTER INSERT ON shop.plain FOR EACH ROW WHEN (new.a > 1) EXECUTE FUNCTION shop.touch()", "trigger shop.plain.again", "not expected"),
    M("DROP RULE keep ON shop.plain", "rule shop.plain.keep", "is missing"),
    M("ALTER TABLE shop.plain DISABLE RULE keep", "rule shop.plain.keep", "is now DISABLE"),
    M("ALTER TYPE shop.mood ADD VALUE 'glad' AFTER 'calm'", "enum shop.mood", "labels were calm, cross, are now calm, glad, cross", back=False),
    M("ALTER TYPE shop.mood RENAME VALUE 'cross' TO 'angry'", "enum shop.mood", "are now calm, angry"),
    M("CREATE TYPE shop.size AS ENUM ('s', 'it''s')", "enum shop.size", "not expected"),
    M("ALTER DOMAIN shop.email SET NOT NULL", "domain shop.email", "was nullable, is now NOT NULL"),
    M("ALTER DOMAIN shop.email SET DEFAULT 'a@b'", "domain shop.email", "default was 'x@y'::text"),
    M("ALTER DOMAIN shop.email DROP CONSTRAINT has_at", "domain constraint shop.email.has_at", "is missing: CHECK"),
    M("CREATE DOMAIN shop.short AS varchar(5) NOT NULL CHECK (value <> '')", "domain shop.short", "not expected (1 domain constraint)"),
    M("ALTER TYPE shop.place ADD ATTRIBUTE city text", "composite type shop.place", "city text"),
    M("CREATE TYPE shop.pair AS (a integer, \"b c\" text COLLATE \"C\")", "composite type shop.pair", "not expected"),
    M("CREATE TYPE shop.days AS RANGE (subtype = date)", "range shop.days", "not expected"),
    M("DROP TYPE shop.span", "range shop.span", "is missing"),
    M("ALTER SEQUENCE shop.numbers INCREMENT BY 5 CYCLE", "sequence shop.numbers", "cycle was off, is now on; increment was 1, is now 5"),
    M("CREATE SEQUENCE shop.more AS smallint START 5", "sequence shop.more", "not expected"),
    M("DROP SEQUENCE shop.numbers", "sequence shop.numbers", "is missing"),
    M("ALTER SEQUENCE shop.numbers OWNED BY shop.plain.a", "sequence shop.numbers", "owned by was none, is now shop.plain.a"),
    M("DROP POLICY own ON shop.orders", "policy shop.orders.own", "is missing"),
    M("ALTER POLICY own ON shop.orders USING (customer = 2)", "policy shop.orders.own", "using was (customer = 1), is now (customer = 2)"),
    M("ALTER POLICY own ON shop.orders TO PUBLIC", "policy shop.orders.own", "roles were ll_reader, are now PUBLIC"),
    M("CREATE POLICY writes ON shop.plain AS RESTRICTIVE FOR INSERT WITH CHECK (true)", "policy shop.plain.writes", "not expected"),
    M("DROP STATISTICS shop.together", "statistics shop.together", "is missing"),
    M("CREATE SCHEMA fresh; GRANT USAGE ON SCHEMA fresh TO ll_reader", "schema fresh", "not expected"),
    M("GRANT CREATE ON SCHEMA shop TO ll_reader", "schema shop", "now has CREATE"),
    M("COMMENT ON SCHEMA shop IS 'the shop'", "schema shop", "comment was none, is now 'the shop'"),
    M("GRANT USAGE ON SEQUENCE shop.numbers TO ll_reader", "sequence shop.numbers", "now has USAGE"),
    M("REVOKE USAGE ON TYPE shop.mood FROM PUBLIC", "enum shop.mood", "PUBLIC had what is the default, now has nothing"),
    M("ALTER DEFAULT PRIVILEGES IN SCHEMA shop GRANT SELECT ON TABLES TO ll_reader", "default privileges postgres ON TABLES IN SCHEMA shop", "not expected"),
    M("ALTER DEFAULT PRIVILEGES REVOKE EXECUTE ON FUNCTIONS FROM PUBLIC", "default privileges postgres ON FUNCTIONS", "not expected"),
    M("DROP EVENT TRIGGER ll_watcher; DROP FUNCTION shop.touch CASCADE; DROP FUNCTION shop.watch; DROP EXTENSION plpgsql", "extension plpgsql", "is missing"),
    M("ALTER PUBLICATION ll_feed ADD TABLE shop.customers", "publication ll_feed", "tables were shop.plain, are now shop.customers, shop.plain"),
    M("ALTER PUBLICATION ll_feed SET TABLE shop.plain (a, b) WHERE (a > 1)", "publication ll_feed", "shop.plain (a, b) WHERE (a > 1)", since=15),
    M("ALTER PUBLICATION ll_feed ADD TABLES IN SCHEMA \"Odd Name\"", "publication ll_feed", 'schemas were none, are now "Odd Name"', since=15),
    M("ALTER PUBLICATION ll_feed SET (publish = 'insert')", "publication ll_feed", "is now insert"),
    M("ALTER EVENT TRIGGER ll_watcher DISABLE", "event trigger ll_watcher", "is now DISABLE"),
    M("DROP EVENT TRIGGER ll_watcher", "event trigger ll_watcher", "is missing"),
    M("DROP OPERATOR shop.=== (integer, integer)", "operator shop.===(integer,integer)", "is missing", back=False),
    M("DROP OPERATOR FAMILY shop.int_ops USING btree", "operator class shop.int_ops USING btree", "is missing", back=False),
    M("DROP CAST (shop.place AS integer)", "cast shop.place AS integer", "is missing", back=False),
    M("ALTER TEXT SEARCH CONFIGURATION shop.words DROP MAPPING FOR word", "text search configuration shop.words", "mappings were", back=False),
    M("ALTER TEXT SEARCH DICTIONARY shop.dictionary (accept = false)", "text search dictionary shop.dictionary", "accept", back=False),
    M("DROP COLLATION shop.plainly", "collation shop.plainly", "is missing", back=False),
    M("ALTER SERVER ll_server OPTIONS (ADD port '1')", "foreign server ll_server", "option names was host, is now host, port", back=False),
    M("CREATE USER MAPPING FOR ll_reader SERVER ll_server", "user mapping ll_reader ON ll_server", "not expected", back=False),
    M("DROP FOREIGN TABLE shop.far", "foreign table shop.far", "is missing", back=False),
    M("ALTER FOREIGN TABLE shop.far ALTER a TYPE bigint", "column shop.far.a", "type was integer, is now bigint", back=False),
    M("DROP TABLE shop.orders, shop.customers CASCADE", "table shop.orders", "is missing (7 columns"),
    M("DROP TABLE shop.events", "table shop.events_2024", "is missing"),
    M('CREATE VIEW shop.a AS SELECT 1 AS n; CREATE VIEW shop."Z" AS SELECT n FROM shop.a; CREATE MATERIALIZED VIEW shop.b AS SELECT n FROM shop."Z"', "view shop.a", "not expected"),
    M(r"ALTER TABLE shop.orders ADD CHECK (note <> 'it''s \'), ALTER note SET DEFAULT E'\\ ''x'", "constraint shop.orders.orders_note_check", "not expected"),
    M("ALTER INDEX shop.orders_pkey SET (fillfactor = 60)", "index shop.orders_pkey", "options were none, are now fillfactor=60"),
    M("ALTER TABLE shop.orders CLUSTER ON orders_pkey", "index shop.orders_pkey", "clustered was off, is now on"),
    M("ALTER TABLE shop.plain RENAME TO renamed", "table shop.renamed", "not expected"),
)  # fmt: skip
