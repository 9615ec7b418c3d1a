import pytest

from app.domain.classify import StatementKind
from app.domain.statements import Statement, parse_script


def only(text: str) -> Statement:
    (statement,) = parse_script(text).statements
    return statement


@pytest.mark.parametrize(
    "text",
    [
        "CREATE DATABASE d",
        "DROP DATABASE IF EXISTS d",
        "CREATE TABLESPACE ts LOCATION '/x'",
        "DROP TABLESPACE ts",
        "ALTER SYSTEM SET work_mem = '5MB'",
        "CREATE INDEX CONCURRENTLY ON t (x)",
        "create /* really */ unique\n-- yes\nindex concurrently if not exists i on t (x)",
        "DROP INDEX CONCURRENTLY IF EXISTS i",
        "REINDEX TABLE CONCURRENTLY t",
        "REINDEX INDEX CONCURRENTLY i",
        "REINDEX SCHEMA s",
        "REINDEX (VERBOSE) DATABASE d",
        "REINDEX SYSTEM d",
        "REINDEX (CONCURRENTLY) TABLE t",
        "REINDEX (VERBOSE, CONCURRENTLY true) INDEX i",
        "REINDEX (CONCURRENTLY 'on') TABLE t",
        "REINDEX (CONCURRENTLY false, CONCURRENTLY) TABLE t",
        "CLUSTER",
        "CLUSTER VERBOSE",
        "CLUSTER (VERBOSE)",
        "VACUUM",
        "VACUUM (FULL, ANALYZE) t",
        "ALTER DATABASE d SET TABLESPACE ts",
        "ALTER DATABASE d WITH TABLESPACE ts",
        "ALTER DATABASE d TABLESPACE ts",
        "ALTER TABLE IF EXISTS s.p DETACH PARTITION s.p1 CONCURRENTLY",
        "CREATE SUBSCRIPTION s CONNECTION 'x' PUBLICATION p",
        "CREATE SUBSCRIPTION s CONNECTION 'x' PUBLICATION connect, p WITH (enabled = false)",
        "CREATE SUBSCRIPTION s CONNECTION 'x' PUBLICATION p WITH (connect, create_slot = true)",
        "DROP SUBSCRIPTION s",
        "ALTER SUBSCRIPTION s REFRESH PUBLICATION WITH (copy_data = false)",
        "ALTER SUBSCRIPTION s SET PUBLICATION p",
        "ALTER SUBSCRIPTION s ADD PUBLICATION p WITH (refresh = on)",
        "ALTER SUBSCRIPTION s SET (failover = true)",
        "DISCARD ALL",
        "COMMIT PREPARED 'x'",
        "ROLLBACK PREPARED 'x'",
    ],
)
def test_it_must_run_outside_a_transaction(text: str) -> None:
    assert only(text).kind is StatementKind.NON_TRANSACTIONAL


@pytest.mark.parametrize(
    "text",
    [
        "REFRESH MATERIALIZED VIEW CONCURRENTLY mv",
        "ANALYZE t",
        "ALTER TYPE e ADD VALUE 'b'",
        "CREATE INDEX i ON t (x)",
        'CREATE TABLE "CONCURRENTLY" (vacuum int)',
        "COMMENT ON TABLE t IS 'CREATE INDEX CONCURRENTLY; VACUUM'",
        "CREATE INDEX /* CONCURRENTLY */ i ON t (x)",
        "DROP INDEX i",
        "REINDEX TABLE t",
        "REINDEX (CONCURRENTLY false) TABLE t",
        "REINDEX (CONCURRENTLY, CONCURRENTLY 0) TABLE t",
        "CLUSTER t USING i",
        "CLUSTER VERBOSE t",
        "ALTER TABLE p DETACH PARTITION p1",
        "ALTER TABLE p DETACH PARTITION p1 FINALIZE",
        "ALTER DATABASE d SET work_mem = '5MB'",
        "ALTER DATABASE tablespace OWNER TO o",
        "CREATE SUBSCRIPTION s CONNECTION 'x' PUBLICATION p WITH (connect = false)",
        "CREATE SUBSCRIPTION s CONNECTION 'x' PUBLICATION p WITH (slot_name = NONE, create_slot = 'off')",
        "ALTER SUBSCRIPTION s DROP PUBLICATION p WITH (refresh = false)",
        "ALTER SUBSCRIPTION s DISABLE",
        "DISCARD PLANS",
        "SAVEPOINT a",
        "RELEASE a",
        "ROLLBACK TO a",
        "ROLLBACK WORK TO SAVEPOINT a",
        "SET SESSION CHARACTERISTICS AS TRANSACTION READ WRITE",
        "PREPARE p AS SELECT 1",
        "CALL p()",
        "DO $$ BEGIN COMMIT; END $$",
        "COPY t FROM '/f'",
        "COPY t TO PROGRAM 'stdout'",
        "COPY (SELECT a FROM stdin) TO '/f'",
    ],
)
def test_it_may_run_inside_a_transaction(text: str) -> None:
    assert only(text).kind is StatementKind.TRANSACTIONAL


@pytest.mark.parametrize(
    "text",
    [
        "BEGIN", "START TRANSACTION", "COMMIT", "COMMIT AND CHAIN", "END", "ROLLBACK", "ROLLBACK AND CHAIN",
        "ABORT", "PREPARE TRANSACTION 'x'",
    ],
)  # fmt: skip
def test_it_controls_the_transaction(text: str) -> None:
    assert only(text).kind is StatementKind.TRANSACTION_CONTROL


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("COPY t FROM STDIN;\n\\.\n", StatementKind.COPY_IN),
        ("copy s.t (a, b) from stdout with (format csv);\n\\.\n", StatementKind.COPY_IN),
        ("COPY t TO STDOUT", StatementKind.COPY_OUT),
        ("COPY (SELECT 1) TO STDIN", StatementKind.COPY_OUT),
        ("\\i other.sql", StatementKind.META_COMMAND),
    ],
)
def test_copy_and_meta_commands_have_kinds_of_their_own(text: str, kind: StatementKind) -> None:
    assert only(text).kind is kind


@pytest.mark.parametrize(
    ("text", "verb"),
    [
        ("create unique index concurrently i on t (x)", "CREATE INDEX CONCURRENTLY"),
        ("create or replace temp view v as select 1", "CREATE VIEW"),
        ("CREATE MATERIALIZED VIEW v AS SELECT 1", "CREATE MATERIALIZED VIEW"),
        ("CREATE USER u", "CREATE USER"),
        ("CREATE USER MAPPING FOR u SERVER s", "CREATE USER MAPPING"),
        ("ALTER TABLE p DETACH PARTITION q CONCURRENTLY", "ALTER TABLE CONCURRENTLY"),
        ("ALTER TEXT SEARCH CONFIGURATION c OWNER TO o", "ALTER TEXT SEARCH CONFIGURATION"),
        ("REINDEX (VERBOSE) TABLE CONCURRENTLY t", "REINDEX TABLE CONCURRENTLY"),
        ("DROP OWNED BY r", "DROP OWNED BY"),
        ("insert into t values (1)", "INSERT"),
        ("((select 1))", "SELECT"),
        ("set local transaction read only", "SET TRANSACTION"),
        ("set search_path to s", "SET"),
        ("commit prepared 'x'", "COMMIT PREPARED"),
        ("\\copy t from 'f'", "\\copy"),
        ("CREATE", "CREATE"),
        ("REINDEX", "REINDEX"),
        ("(", "("),
        (")", ")"),
    ],
)
def test_the_verb_names_the_statement_in_a_few_words(text: str, verb: str) -> None:
    assert only(text).verb == verb


@pytest.mark.parametrize(
    "text",
    [
        "CREATE TABLE t (id bigint GENERATED ALWAYS AS IDENTITY, at timestamptz DEFAULT now())",
        "CREATE TABLE IF NOT EXISTS s.t (template text) PARTITION BY RANGE (template)",
        "CREATE UNIQUE INDEX CONCURRENTLY i ON t (lower(x))",
        "CREATE OR REPLACE FUNCTION f() RETURNS int LANGUAGE sql AS 'select 1'",
        "CREATE TYPE e AS ENUM ('a')",
        "CREATE VIEW v AS SELECT 1",
        "ALTER TABLE t ADD COLUMN x int NOT NULL, DROP COLUMN y",
        "ALTER TABLE t RENAME TO u",
        "ALTER TYPE e ADD VALUE 'b'",
        "DROP TABLE t CASCADE",
        "DROP INDEX CONCURRENTLY i",
        "COMMENT ON TABLE t IS 'x'",
        "GRANT SELECT ON t TO r",
        "REVOKE ALL ON t FROM r",
    ],
)
def test_nothing_of_it_outlives_its_session(text: str) -> None:
    assert not only(text).leaves_session_state
    assert only(text).is_definition


@pytest.mark.parametrize(
    "text",
    [
        "SET search_path = s",
        "SELECT set_config('search_path', 's', false)",
        "INSERT INTO t VALUES (1)",
        "DO $$ BEGIN END $$",
        "CREATE TEMP TABLE t (x int)",
        "CREATE TABLE pg_temp.t (x int)",
        'CREATE TABLE "pg_temp".t (x int)',
        'CREATE TABLE U&"pg\\005ftemp".t (x int)',
        "CREATE LOCAL TEMPORARY SEQUENCE q",
        "CREATE FUNCTION pg_temp.f() RETURNS int LANGUAGE sql AS 'select 1'",
        "CREATE TABLE t AS SELECT set_config('role', 'r', false)",
        "CREATE TABLE q PARTITION OF p FOR VALUES IN (f())",
        "CREATE SCHEMA s CREATE TABLE q PARTITION OF p FOR VALUES IN (f())",
        "CREATE MATERIALIZED VIEW v AS SELECT 1",
        "CREATE EXTENSION postgis",
        "ALTER TABLE t ALTER COLUMN x TYPE int USING f(x)",
        "ALTER TABLE t ADD COLUMN x int DEFAULT f()",
        "ALTER TABLE t ADD CHECK (f(x))",
        "ALTER TABLE t ATTACH PARTITION p DEFAULT",
        "ALTER DOMAIN d ADD CHECK (f(value))",
        "ALTER DATABASE d SET role = r",
        "TRUNCATE t",
        "LISTEN x",
        "PREPARE p AS SELECT 1",
        "SOMETHING NEW",
    ],
)
def test_something_of_it_may_outlive_its_step(text: str) -> None:
    assert only(text).leaves_session_state


@pytest.mark.parametrize("text", ["INSERT INTO t VALUES (1)", "UPDATE t SET x = 1", "DELETE FROM t",
    "MERGE INTO t USING u ON true WHEN MATCHED THEN DELETE", "WITH a AS (SELECT 1) SELECT 1", "TABLE t",
    "CALL p()", "DO ''", "COPY t FROM '/f'", "VACUUM t", "ANALYZE", "SET x = 1"])  # fmt: skip
def test_data_and_settings_are_no_definitions(text: str) -> None:
    assert not only(text).is_definition
