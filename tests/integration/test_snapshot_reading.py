# ruff: noqa: E501 - a statement a line can be read down
"""A snapshot is the same for the same schema, wherever and by whomever it is taken, and leaves no trace."""

import asyncio
import os
import subprocess
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit

import asyncpg
import pytest

from app.adapters.target import introspect
from app.adapters.target.introspect import OTHERS, RELATIONAL, quietly, read_sections, read_snapshot
from app.adapters.target.schemas import PostgresSchemas
from app.domain.environment import Dsn, Environment
from app.domain.errors import BackendUnavailable
from app.domain.schema import Snapshot
from app.domain.schema_diff import diff
from app.embedded.binaries import find_postgres
from tests.support.eventually import eventually
from tests.support.servers import Servers, execute, value

pytestmark = pytest.mark.servers

T = TypeVar("T")

SETTINGS = (
    "search_path",
    "jit",
    "quote_all_identifiers",
    "datestyle",
    "intervalstyle",
    "timezone",
    "extra_float_digits",
)


@pytest.fixture
def dsn(servers: Servers) -> str:
    return servers.new_database()


def test_the_same_schema_made_in_another_order_and_with_detours_has_the_same_fingerprint(servers: Servers) -> None:
    straight, winding = servers.new_database(), servers.new_database()
    execute(
        straight, "CREATE TABLE a (id integer PRIMARY KEY, note text); CREATE TABLE b (a integer REFERENCES a, n text)"
    )
    execute(
        straight,
        "CREATE INDEX b_by_n ON b (n); CREATE VIEW v AS SELECT note FROM a; CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 1'",
    )
    execute(
        winding,
        "CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 1'; CREATE TABLE b (n text, gone text, a integer)",
    )
    execute(winding, "CREATE INDEX b_by_n ON b (n); CREATE TABLE a (note text, gone integer, id integer)")
    execute(
        winding, "ALTER TABLE a DROP COLUMN gone; ALTER TABLE b DROP COLUMN gone; ALTER TABLE a ADD PRIMARY KEY (id)"
    )
    execute(
        winding,
        "ALTER TABLE b ADD FOREIGN KEY (a) REFERENCES a; CREATE VIEW v AS SELECT note FROM a; GRANT SELECT ON a TO PUBLIC",
    )
    execute(winding, "REVOKE SELECT ON a FROM PUBLIC")

    one, other = _snapshot(straight), _snapshot(winding)

    assert one.fingerprint == other.fingerprint
    differences = diff(one, other)
    assert [difference.text for difference in differences] == [
        "table public.a: column order was id, note, is now note, id",
        "table public.b: column order was a, n, is now n, a",
    ]
    assert all(difference.soft for difference in differences)


def test_dropped_columns_leave_no_trace_in_the_canonical_text(servers: Servers) -> None:
    one, other = servers.new_database(), servers.new_database()
    execute(one, "CREATE TABLE t (a integer, b integer)")
    execute(other, "CREATE TABLE t (a integer, gone integer, b integer); ALTER TABLE t DROP COLUMN gone")
    assert _snapshot(one).canonical == _snapshot(other).canonical


def test_a_dump_and_its_restored_copy_have_the_same_fingerprint(servers: Servers, tmp_path: Path) -> None:
    original, copy = servers.new_database(), servers.new_database()
    execute(original, SHOP)
    bindir = find_postgres(os.environ).bindir
    dump = tmp_path / "schema.sql"
    dumped = subprocess.run(
        [bindir / "pg_dump", "--schema-only", "--dbname", original, "--file", dump],
        capture_output=True,
        text=True,
        check=False,
    )
    assert dumped.returncode == 0, dumped.stderr
    restored = subprocess.run(
        [bindir / "psql", "--no-psqlrc", "--quiet", "--set", "ON_ERROR_STOP=1", "--dbname", copy, "--file", dump],
        capture_output=True,
        text=True,
        check=False,
    )
    assert restored.returncode == 0, restored.stderr
    assert [one.text for one in diff(_snapshot(original), _snapshot(copy)) if not one.soft] == []
    assert _snapshot(original).fingerprint == _snapshot(copy).fingerprint


def test_a_materialized_view_without_its_rows_is_a_soft_difference(dsn: str) -> None:
    execute(dsn, "CREATE MATERIALIZED VIEW m AS SELECT 1 AS a")
    before = _snapshot(dsn)
    execute(dsn, "REFRESH MATERIALIZED VIEW m WITH NO DATA")
    (difference,) = diff(before, _snapshot(dsn))
    assert difference.soft
    assert difference.text == "materialized view public.m: was populated, is now not populated"
    assert before.fingerprint == _snapshot(dsn).fingerprint


def test_liftlocks_own_schemas_are_invisible_and_so_are_their_comments(dsn: str) -> None:
    before = _snapshot(dsn)
    for schema in introspect.OWN_SCHEMAS:
        execute(
            dsn,
            f"CREATE SCHEMA {schema}; CREATE TABLE {schema}.t (a serial PRIMARY KEY); COMMENT ON SCHEMA {schema} IS 'ours'",
        )
        execute(
            dsn,
            f"COMMENT ON TABLE {schema}.t IS 'ours'; CREATE FUNCTION {schema}.f() RETURNS int LANGUAGE sql AS 'SELECT 1'; CREATE TYPE {schema}.e AS ENUM ('a')",
        )
        execute(dsn, f"ALTER DEFAULT PRIVILEGES IN SCHEMA {schema} GRANT SELECT ON TABLES TO PUBLIC")
    assert _snapshot(dsn).canonical == before.canonical


def test_values_of_foreign_options_are_nowhere_in_it(dsn: str) -> None:
    execute(
        dsn,
        "CREATE FOREIGN DATA WRAPPER w OPTIONS (w 'hush1'); CREATE SERVER s FOREIGN DATA WRAPPER w OPTIONS (host 'hush2')",
    )
    execute(dsn, "CREATE USER MAPPING FOR PUBLIC SERVER s OPTIONS (password 'hush3')")
    execute(dsn, "CREATE FOREIGN TABLE t (a integer OPTIONS (c 'hush4')) SERVER s OPTIONS (t 'hush5')")
    text = _snapshot(dsn).canonical
    assert "hush" not in text
    assert '"option_names":["host"]' in text


def test_a_snapshot_inside_a_transaction_changes_neither_it_nor_any_setting(dsn: str) -> None:
    async def work(connection: asyncpg.Connection) -> None:
        await connection.execute(
            "SET search_path = here, public; SET timezone = 'Asia/Tokyo'; BEGIN; SET LOCAL datestyle = 'SQL, DMY'"
        )
        await connection.execute(
            "SET intervalstyle = iso_8601; CREATE TABLE fresh (at timestamptz DEFAULT '2024-01-01 00:00+00')"
        )
        before = [await connection.fetchval(f"SHOW {name}") for name in SETTINGS]

        snapshot = await read_snapshot(connection)

        column = snapshot.get("column", "public.fresh.at")
        assert column is not None
        assert column.text("default") == "'2024-01-01 00:00:00+00'::timestamp with time zone"
        assert [await connection.fetchval(f"SHOW {name}") for name in SETTINGS] == before
        assert connection.is_in_transaction()
        await connection.execute("COMMIT")
        # a SET of the caller's own outlives his transaction, his SET LOCAL does not
        assert await connection.fetchval("SHOW intervalstyle") == "iso_8601"
        assert await connection.fetchval("SHOW search_path") == "here, public"
        assert await connection.fetchval("SHOW datestyle") == "ISO, MDY"
        assert (await read_snapshot(connection)).fingerprint == snapshot.fingerprint
        assert not connection.is_in_transaction()

    _with(dsn, work)


def test_a_snapshot_holds_no_lock_afterwards(dsn: str) -> None:
    async def work(connection: asyncpg.Connection) -> None:
        await connection.execute("CREATE TABLE t (a integer DEFAULT 1); CREATE VIEW v AS SELECT a FROM t")
        await connection.execute("BEGIN")
        await read_snapshot(connection)
        held = "SELECT count(*) FROM pg_locks WHERE pid = pg_backend_pid() AND relation = ANY ('{t,v}'::regclass[])"
        assert await connection.fetchval(held) == 0
        await connection.execute("ROLLBACK")

    _with(dsn, work)


def test_a_role_with_few_rights_sees_the_same(servers: Servers, dsn: str) -> None:
    execute(dsn, SHOP)
    role = f"poor_{os.getpid()}"
    execute(dsn, f"CREATE ROLE {role} LOGIN; REVOKE ALL ON SCHEMA public FROM PUBLIC")

    async def work(connection: asyncpg.Connection) -> None:
        everything = await read_snapshot(connection)
        await connection.execute(f"SET SESSION AUTHORIZATION {role}")
        assert diff(everything, await read_snapshot(connection)) == ()

    _with(dsn, work)
    execute(dsn, f"DROP ROLE {role}")


def test_names_that_shadow_the_catalogs_do_not_confuse_it(dsn: str) -> None:
    execute(dsn, "CREATE SCHEMA sly; CREATE FUNCTION sly.quote_ident(name) RETURNS text LANGUAGE sql AS $$SELECT 'x'$$")
    execute(dsn, "CREATE TABLE sly.pg_class (oid oid); CREATE TABLE t (a integer)")

    async def work(connection: asyncpg.Connection) -> None:
        plain = await read_snapshot(connection)
        await connection.execute("SET search_path = sly, pg_catalog; SET quote_all_identifiers = on")
        assert (await read_snapshot(connection)).fingerprint == plain.fingerprint

    _with(dsn, work)


def test_a_scope_is_one_schema_only(dsn: str) -> None:
    execute(dsn, "CREATE SCHEMA tenant; CREATE TABLE tenant.t (a integer); CREATE TABLE public.t (a integer)")
    scoped = _snapshot(dsn, "tenant")
    assert {one.identity for one in scoped} == {"tenant", "tenant.t", "tenant.t.a"}
    execute(dsn, "ALTER TABLE public.t ADD COLUMN b integer")
    assert _snapshot(dsn, "tenant").fingerprint == scoped.fingerprint


def test_what_disappears_while_it_is_read_is_not_an_error(dsn: str) -> None:
    async def work(connection: asyncpg.Connection) -> None:
        tries = []

        async def read() -> int:
            tries.append(1)
            if len(tries) == 1:
                # what pg_get_constraintdef and its like say of an object that is gone since the query began
                await connection.execute(
                    "DO $$BEGIN RAISE 'cache lookup failed for constraint 1' USING ERRCODE = 'XX000'; END$$"
                )
            return len(await read_sections(connection, "", (*RELATIONAL, *OTHERS)))

        for begin, end in (("SELECT 1", "SELECT 1"), ("BEGIN", "COMMIT")):
            tries.clear()
            await connection.execute(begin)
            assert await quietly(connection, read) > 0
            await connection.execute(end)
            assert len(tries) == 2

    _with(dsn, work)


def test_an_error_that_is_none_of_these_is_not_tried_again(dsn: str) -> None:
    async def work(connection: asyncpg.Connection) -> None:
        with pytest.raises(asyncpg.DivisionByZeroError):
            await quietly(connection, lambda: connection.execute("SELECT 1 / 0"))
        assert not connection.is_in_transaction()

    _with(dsn, work)


def test_tables_that_come_and_go_meanwhile_do_not_break_it(dsn: str) -> None:
    async def churn(stop: asyncio.Event) -> None:
        connection = await asyncpg.connect(dsn)
        while not stop.is_set():
            await connection.execute(
                "CREATE TABLE c (a serial PRIMARY KEY CHECK (a > 0), b text UNIQUE); CREATE VIEW cv AS SELECT b FROM c"
            )
            await connection.execute("DROP TABLE c CASCADE")
        await connection.close()

    async def work(connection: asyncpg.Connection) -> None:
        stop = asyncio.Event()
        churning = asyncio.create_task(churn(stop))
        try:
            for _ in range(30):
                assert len(await read_snapshot(connection)) > 0
        finally:
            stop.set()
            await churning

    _with(dsn, work)


def test_the_canonical_text_reads_back_as_the_same_snapshot(dsn: str) -> None:
    execute(dsn, SHOP)
    snapshot = _snapshot(dsn)
    again = Snapshot.parse(snapshot.canonical)
    assert (again.canonical, again.fingerprint) == (snapshot.canonical, snapshot.fingerprint)
    assert again == snapshot


def test_comparing_databases_leaves_out_owners_and_grants(servers: Servers) -> None:
    one, other = servers.new_database(), servers.new_database()
    for dsn in (one, other):
        execute(dsn, "CREATE TABLE t (a integer NOT NULL); CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 1'")
    execute(other, "GRANT SELECT ON t TO PUBLIC; REVOKE EXECUTE ON FUNCTION f() FROM PUBLIC")
    assert _snapshot(one).fingerprint != _snapshot(other).fingerprint
    assert _snapshot(one).comparable().fingerprint == _snapshot(other).comparable().fingerprint


def test_the_schema_of_an_environment_is_read_over_a_connection_of_its_own(dsn: str) -> None:
    snapshot = asyncio.run(PostgresSchemas().read(Environment("development", Dsn(dsn))))
    assert snapshot.fingerprint == _snapshot(dsn).fingerprint
    there = "datname = current_database() AND application_name = 'liftlock:snapshot'"
    eventually(lambda: value(dsn, f"SELECT count(*) FROM pg_stat_activity WHERE {there}") == 0)


def test_a_target_that_cannot_be_reached_is_said_so(dsn: str) -> None:
    nowhere = urlsplit(dsn)._replace(path="/no_such_database").geturl()
    with pytest.raises(BackendUnavailable, match="no_such_database"):
        asyncio.run(PostgresSchemas().read(Environment("development", Dsn(nowhere))))


def _snapshot(dsn: str, scope: str = "") -> Snapshot:
    return _with(dsn, lambda connection: read_snapshot(connection, scope))


def _with(dsn: str, work: Callable[[asyncpg.Connection], Coroutine[Any, Any, T]]) -> T:
    async def connected() -> T:
        connection = await asyncpg.connect(dsn, statement_cache_size=0)
        try:
            return await work(connection)
        finally:
            await connection.close()

    return asyncio.run(connected())


SHOP = """
CREATE SCHEMA shop; CREATE TYPE shop.mood AS ENUM ('b', 'a'); CREATE DOMAIN shop.email AS text CHECK (value LIKE '%@%');
CREATE TABLE shop.customers (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, email shop.email NOT NULL, mood shop.mood DEFAULT 'a');
CREATE TABLE shop.orders (id serial PRIMARY KEY, customer bigint REFERENCES shop.customers, note text COLLATE "C", at timestamptz DEFAULT now(),
    n integer GENERATED ALWAYS AS (1 + 1) STORED, CHECK (id > 0), UNIQUE (note, at));
CREATE TABLE shop.events (at date NOT NULL, what text) PARTITION BY RANGE (at);
CREATE TABLE shop.events_2024 PARTITION OF shop.events FOR VALUES FROM ('2024-01-01') TO ('2025-01-01');
CREATE INDEX ON shop.events (what); CREATE TABLE shop.parent (a integer); CREATE TABLE shop.child (b integer) INHERITS (shop.parent);
CREATE VIEW shop.v WITH (security_barrier) AS SELECT id FROM shop.orders; CREATE MATERIALIZED VIEW shop.m AS SELECT 1 AS a;
CREATE FUNCTION shop.touch() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN new; END';
CREATE TRIGGER touched BEFORE UPDATE ON shop.orders FOR EACH ROW EXECUTE FUNCTION shop.touch();
ALTER TABLE shop.orders ENABLE ROW LEVEL SECURITY; CREATE POLICY own ON shop.orders USING (customer = 1);
CREATE STATISTICS shop.both ON id, note FROM shop.orders; COMMENT ON TABLE shop.orders IS 'it''s'; COMMENT ON COLUMN shop.orders.note IS 'n';
GRANT SELECT ON shop.orders TO PUBLIC; GRANT UPDATE (note) ON shop.orders TO PUBLIC; REVOKE EXECUTE ON FUNCTION shop.touch() FROM PUBLIC;
ALTER TABLE shop.orders ALTER note SET STATISTICS 50, ALTER note SET STORAGE EXTERNAL; ALTER TABLE shop.orders REPLICA IDENTITY FULL;
CREATE SEQUENCE shop.s INCREMENT 5 CYCLE; CREATE TYPE shop.pair AS (a integer, b text); CREATE TYPE shop.span AS RANGE (subtype = float8);
ALTER DEFAULT PRIVILEGES IN SCHEMA shop GRANT SELECT ON TABLES TO PUBLIC;
"""
