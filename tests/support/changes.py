# ruff: noqa: E501 - a statement a line can be read down
"""A stage with a bit of everything, and statements that change it: each alone, and in any order."""

import asyncio
from collections.abc import Awaitable, Callable

import asyncpg

STAGE = """
CREATE SCHEMA one; CREATE SCHEMA two;
CREATE TYPE one.kind AS ENUM ('a', 'b');
CREATE TYPE one.pair AS (x integer, y text);
CREATE DOMAIN one.word AS text CHECK (value <> '');
CREATE TABLE one.t1 (id serial PRIMARY KEY, a integer, b text DEFAULT 'x', k one.kind DEFAULT 'a', w one.word, p one.pair);
CREATE TABLE one.t2 (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, t1 integer REFERENCES one.t1 (id), a integer, c text);
CREATE TABLE one.parent (a integer, b text); CREATE TABLE one.child () INHERITS (one.parent);
CREATE TABLE one.parts (a integer, b text) PARTITION BY LIST (a); CREATE TABLE one.part PARTITION OF one.parts FOR VALUES IN (1);
CREATE FUNCTION one.f(x one.t1, y one.kind) RETURNS integer LANGUAGE sql AS 'SELECT 1';
CREATE FUNCTION one.hook() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN new; END';
CREATE FUNCTION one.parsed() RETURNS bigint BEGIN ATOMIC SELECT count(*) FROM one.t1 JOIN one.t2 USING (id); END;
CREATE VIEW one.v1 AS SELECT id, a FROM one.t1; CREATE VIEW one.v2 AS SELECT v1.id, t2.c FROM one.v1 JOIN one.t2 USING (id);
CREATE VIEW one.v3 AS SELECT one.f(t1, 'a') AS n, (t1.p).x FROM one.t1;
CREATE TRIGGER hooked BEFORE UPDATE OF a ON one.t1 FOR EACH ROW WHEN (new.a > 1) EXECUTE FUNCTION one.hook();
CREATE POLICY seen ON one.t1 USING (EXISTS (SELECT 1 FROM one.t2 WHERE t2.t1 = t1.id));
CREATE RULE logged AS ON INSERT TO one.t2 DO ALSO INSERT INTO one.parent (a) VALUES (new.a);
CREATE INDEX by_kind ON one.t1 (k) WHERE k = 'a'; CREATE PUBLICATION ll_published FOR TABLE one.t1;
"""
ROLES = "CREATE ROLE ll_first; CREATE ROLE ll_second; GRANT SELECT ON one.t1 TO ll_first"
"""They are of the whole server: only for a transaction that is given up."""

DDL = (
    "ALTER SCHEMA one RENAME TO other",
    "ALTER SCHEMA other RENAME TO one",
    "ALTER TABLE one.t1 RENAME TO renamed",
    "ALTER TABLE one.renamed RENAME TO t1",
    "ALTER TABLE one.t1 SET SCHEMA two",
    "ALTER TABLE two.t1 SET SCHEMA one",
    "ALTER TABLE one.t1 RENAME COLUMN a TO z",
    "ALTER TABLE one.t1 RENAME COLUMN z TO a",
    "ALTER TABLE one.t1 RENAME COLUMN id TO number",
    "ALTER TABLE one.t1 RENAME COLUMN a TO swap; ALTER TABLE one.t1 RENAME COLUMN b TO a; ALTER TABLE one.t1 RENAME COLUMN swap TO b",
    "ALTER TABLE one.parent RENAME COLUMN a TO aa",
    "ALTER TYPE one.kind RENAME TO sort",
    "ALTER TYPE one.kind RENAME VALUE 'a' TO 'aa'",
    "ALTER TYPE one.kind ADD VALUE IF NOT EXISTS 'zz'",
    "ALTER TYPE one.pair RENAME ATTRIBUTE x TO xx CASCADE",
    "ALTER TYPE one.pair RENAME TO couple",
    "ALTER DOMAIN one.word RENAME TO words",
    "ALTER DOMAIN one.word ADD CONSTRAINT longer CHECK (length(value) > 1) NOT VALID",
    "ALTER FUNCTION one.hook() RENAME TO hooks",
    "ALTER FUNCTION one.f RENAME TO g",
    "ALTER TRIGGER hooked ON one.t1 RENAME TO caught",
    "ALTER INDEX one.by_kind RENAME TO by_sort",
    "ALTER TABLE one.t1 RENAME CONSTRAINT t1_pkey TO t1_key",
    "ALTER VIEW one.v1 RENAME COLUMN a TO aa",
    "ALTER VIEW one.v1 RENAME TO view1",
    "ALTER ROLE ll_first RENAME TO ll_third",
    "ALTER TABLE one.t1 OWNER TO ll_second",
    "ALTER TABLE one.t1 ADD COLUMN IF NOT EXISTS c text",
    "ALTER TABLE one.t2 ADD COLUMN IF NOT EXISTS b text",
    "ALTER TABLE one.t1 ADD COLUMN IF NOT EXISTS t1 integer DEFAULT 5",
    "ALTER TABLE one.t1 DROP COLUMN IF EXISTS b CASCADE",
    "ALTER TABLE one.t2 ALTER a TYPE bigint",
    "ALTER TABLE one.parent ADD COLUMN IF NOT EXISTS more integer",
    "ALTER TABLE one.child NO INHERIT one.parent",
    "ALTER TABLE one.child INHERIT one.parent",
    "ALTER TABLE one.parts DETACH PARTITION one.part",
    "ALTER TABLE one.parts ATTACH PARTITION one.part FOR VALUES IN (1)",
    "CREATE INDEX ON one.parts (b)",
    "CREATE TABLE IF NOT EXISTS one.fresh (id serial PRIMARY KEY, t2 bigint REFERENCES one.t2 (id))",
    "DROP TABLE IF EXISTS one.fresh",
    "DROP TABLE IF EXISTS one.t2 CASCADE",
    "DROP VIEW one.v1 CASCADE",
    "DROP TYPE one.kind CASCADE",
    "CREATE SEQUENCE one.counter",
    "ALTER SEQUENCE one.counter OWNED BY one.t2.a",
    "ALTER SEQUENCE one.t1_id_seq OWNED BY NONE",
    "ALTER SEQUENCE one.t1_id_seq INCREMENT 4",
    "COMMENT ON TABLE one.t1 IS 'table'",
    "COMMENT ON COLUMN one.t1.a IS 'column'",
    "COMMENT ON CONSTRAINT t1_pkey ON one.t1 IS 'constraint'",
    "COMMENT ON INDEX one.by_kind IS 'index'",
    "COMMENT ON FUNCTION one.hook() IS 'function'",
    "COMMENT ON TYPE one.kind IS 'type'",
    "COMMENT ON SCHEMA one IS 'schema'",
    "GRANT UPDATE (a) ON one.t1 TO ll_second",
    "GRANT USAGE ON SCHEMA one TO ll_second",
    "REVOKE SELECT ON one.t1 FROM ll_first",
    "ALTER DEFAULT PRIVILEGES IN SCHEMA one GRANT SELECT ON TABLES TO ll_second",
    "CREATE OR REPLACE FUNCTION one.hook() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN old; END'",
    "CREATE FUNCTION one.more(one.t2) RETURNS integer LANGUAGE sql AS 'SELECT 2'",
    "DROP FUNCTION one.more(one.t2)",
    "CREATE OPERATOR one.+++ (leftarg = integer, rightarg = integer, function = int4pl)",
    "CREATE TYPE one.range AS RANGE (subtype = integer)",
    "CREATE TYPE two.new AS (a one.kind)",
    "ALTER PUBLICATION ll_published ADD TABLE one.t2",
    "CREATE STATISTICS one.stat ON a, b FROM one.t1",
    "ALTER STATISTICS one.stat RENAME TO statistic",
    "ALTER TABLE one.t1 ENABLE ROW LEVEL SECURITY",
    "ALTER TABLE one.t1 DISABLE TRIGGER hooked",
    "CREATE TEMPORARY TABLE passing (a integer)",
    "TRUNCATE one.t1 CASCADE",
    "ANALYZE one.t1",
)


async def attempt(connection: asyncpg.Connection, statement: str) -> None:
    """What does not fit the state that was reached changes nothing."""
    await connection.execute("SAVEPOINT tried")
    try:
        await connection.execute(statement)
    except asyncpg.PostgresError:
        await connection.execute("ROLLBACK TO tried")
    await connection.execute("RELEASE tried")


def in_a_transaction_that_is_given_up(dsn: str, story: Callable[[asyncpg.Connection], Awaitable[None]]) -> None:
    async def work() -> None:
        connection = await asyncpg.connect(dsn, statement_cache_size=0)
        try:
            await connection.execute("BEGIN")
            await story(connection)
            await connection.execute("ROLLBACK")
        finally:
            await connection.close()

    asyncio.run(work())
