"""What is found to have changed since an earlier inventory is all that has, as a look at everything tells."""

import asyncpg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.adapters.target.preserve import taking
from app.adapters.target.preserve.taking import take_inventory
from tests.support.changes import DDL, STAGE, attempt, in_a_transaction_that_is_given_up
from tests.support.servers import Servers, execute

pytestmark = pytest.mark.servers

OTHERS = (
    "ALTER SEQUENCE one.t1_id_seq OWNED BY NONE",
    "ALTER SEQUENCE one.t1_id_seq OWNED BY one.t2.a",
    "ALTER TABLE one.t2 ALTER id DROP IDENTITY",
    "ALTER TABLE one.t1 ALTER a ADD GENERATED ALWAYS AS IDENTITY",
    "ALTER TYPE one.pair DROP ATTRIBUTE x CASCADE",
    "ALTER TYPE one.pair ADD ATTRIBUTE z integer CASCADE",
    "ALTER TYPE one.pair ALTER ATTRIBUTE x TYPE bigint CASCADE",
    "ALTER TYPE one.pair SET SCHEMA two",
    "ALTER TABLE one.child ADD COLUMN own one.t2; ALTER TABLE one.t2 DROP COLUMN c",
    "ALTER TABLE one.t2 DROP COLUMN c CASCADE",
    "ALTER TABLE one.parts DETACH PARTITION one.part",
    "ALTER TABLE one.parts ATTACH PARTITION one.part FOR VALUES IN (1)",
    "ALTER TABLE one.child NO INHERIT one.parent",
    "TRUNCATE one.t2",
    "ALTER TABLE one.t2 ALTER a TYPE text, DROP COLUMN t1",
    "UPDATE one.t1 SET a = 1; INSERT INTO one.t1 (a) VALUES (1); DELETE FROM one.t1",
    "CREATE SCHEMA three; CREATE TABLE three.t ()",
    "DROP SCHEMA one CASCADE",
    "SELECT 1",
)


@pytest.fixture(scope="module")
def dsn(servers: Servers) -> str:
    """All of it committed: what a transaction has made itself is always read again."""
    dsn = servers.new_database()
    execute(dsn, STAGE)
    execute(dsn, "CREATE TABLE one.lists (pairs one.pair[], rows one.t2[])")
    return dsn


@pytest.fixture(autouse=True)
def _however_few(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(taking, "MANY", 0)


@pytest.mark.parametrize("statement", [*DDL, *OTHERS])
def test_every_single_change_is_found(dsn: str, statement: str) -> None:
    async def story(connection: asyncpg.Connection) -> None:
        before = await take_inventory(connection)
        await connection.execute("SAVEPOINT here")
        await attempt(connection, statement)
        assert await take_inventory(connection, before) == await take_inventory(connection)
        await connection.execute("ROLLBACK TO here")
        assert (await take_inventory(connection, before)).relations == before.relations

    in_a_transaction_that_is_given_up(dsn, story)


@settings(max_examples=20, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.sampled_from([*DDL, *OTHERS]), min_size=3, max_size=10))
def test_any_sequence_of_changes_is_found(dsn: str, statements: list[str]) -> None:
    async def story(connection: asyncpg.Connection) -> None:
        before = await take_inventory(connection)
        for statement in statements:
            await attempt(connection, statement)
        assert await take_inventory(connection, before) == await take_inventory(connection)

    in_a_transaction_that_is_given_up(dsn, story)


def test_what_others_have_committed_meanwhile_is_found(servers: Servers) -> None:
    dsn = servers.new_database()

    async def story(connection: asyncpg.Connection) -> None:
        other = await asyncpg.connect(dsn)
        try:
            await other.execute("CREATE TABLE early (a integer, b text)")
            begun = other.transaction()
            await begun.start()
            await other.execute("ALTER TABLE early DROP COLUMN a")
            before = await take_inventory(connection)
            await begun.commit()
            await other.execute("CREATE TABLE late (c integer); CREATE TABLE gone (d integer); DROP TABLE gone")
        finally:
            await other.close()
        found = await take_inventory(connection, before)
        assert found == await take_inventory(connection)
        assert {one.name: len(one.columns) for one in found.relations.values()} == {"early": 1, "late": 1}

    in_a_transaction_that_is_given_up(dsn, story)
