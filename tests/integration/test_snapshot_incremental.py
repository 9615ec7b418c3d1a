"""What is read of changed things only is exactly what a look at everything gives."""

import asyncpg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.adapters.target.incremental import SchemaReader
from app.adapters.target.introspect import read_snapshot
from tests.support.changes import DDL, ROLES, STAGE, attempt, in_a_transaction_that_is_given_up
from tests.support.mutations import BASE, MUTATIONS
from tests.support.servers import Servers

pytestmark = pytest.mark.servers


@pytest.fixture(scope="module")
def dsn(servers: Servers) -> str:
    return servers.new_database()


@settings(max_examples=25, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(statements=st.lists(st.sampled_from(DDL), min_size=4, max_size=12), scope=st.sampled_from(("", "one")))
def test_any_sequence_of_changes_is_followed(dsn: str, statements: list[str], scope: str) -> None:
    async def story(connection: asyncpg.Connection) -> None:
        await connection.execute(STAGE + ROLES)
        reader = SchemaReader(connection, scope)
        await reader.read()
        for statement in statements:
            await attempt(connection, statement)
            assert (await reader.read()).canonical == (await read_snapshot(connection, scope)).canonical, statement

    in_a_transaction_that_is_given_up(dsn, story)


@pytest.mark.parametrize("statement", DDL)
def test_every_single_change_is_followed(dsn: str, statement: str) -> None:
    async def story(connection: asyncpg.Connection) -> None:
        await connection.execute(STAGE + ROLES)
        await connection.execute("CREATE TABLE one.renamed (a integer); CREATE SCHEMA other")
        reader = SchemaReader(connection)
        await reader.read()
        await attempt(connection, statement)
        assert (await reader.read()).canonical == (await read_snapshot(connection)).canonical

    in_a_transaction_that_is_given_up(dsn, story)


def test_every_kind_of_change_is_followed_one_after_another(dsn: str) -> None:
    async def story(connection: asyncpg.Connection) -> None:
        await connection.execute(BASE)
        reader = SchemaReader(connection)
        await reader.read()
        for mutation in MUTATIONS:
            await attempt(connection, mutation.sql)
            assert (await reader.read()).canonical == (await read_snapshot(connection)).canonical, mutation.sql

    in_a_transaction_that_is_given_up(dsn, story)


@pytest.mark.parametrize(
    "statement",
    [
        "CREATE TABLE one.fresh (id serial PRIMARY KEY, note text)",
        "ALTER TABLE one.t1 ADD COLUMN fresh text DEFAULT 'x'",
        "CREATE INDEX ON one.t1 (a)",
        "CREATE VIEW one.fresh AS SELECT 1 AS one",
        "CREATE OR REPLACE FUNCTION one.hook() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN old; END'",
        "SELECT 1",
    ],
)
def test_ordinary_changes_are_read_without_reading_everything(dsn: str, statement: str) -> None:
    async def story(connection: asyncpg.Connection) -> None:
        await connection.execute(STAGE + ROLES)
        reader = SchemaReader(connection)
        await reader.read()
        await connection.execute(statement)
        await reader.read()
        assert not reader.last_was_whole

    in_a_transaction_that_is_given_up(dsn, story)


def test_a_scope_that_is_a_small_part_of_its_database_is_read_as_a_whole(dsn: str) -> None:
    async def story(connection: asyncpg.Connection) -> None:
        await connection.execute(STAGE + ROLES)
        reader = SchemaReader(connection, "one")
        await reader.read()
        await reader.read()
        assert not reader.last_was_whole, "it is a good part of its database"
        tables = "".join(f"CREATE TABLE two.of_others_{number} (a integer);" for number in range(400))
        await connection.execute(tables)
        reader = SchemaReader(connection, "one")
        before = await reader.read()
        await connection.execute("ALTER TABLE one.t1 ADD COLUMN fresh text")
        after = await reader.read()
        assert reader.last_was_whole
        assert after.canonical == (await read_snapshot(connection, "one")).canonical != before.canonical

    in_a_transaction_that_is_given_up(dsn, story)


def test_changes_that_were_rolled_back_are_followed_too(dsn: str) -> None:
    async def story(connection: asyncpg.Connection) -> None:
        await connection.execute(STAGE + ROLES)
        reader = SchemaReader(connection)
        before = await reader.read()
        await connection.execute("SAVEPOINT here; ALTER TABLE one.t1 ADD COLUMN fresh text")
        between = await reader.read()
        await connection.execute("ROLLBACK TO here")
        after = await reader.read()
        assert before.fingerprint == after.fingerprint != between.fingerprint

    in_a_transaction_that_is_given_up(dsn, story)
