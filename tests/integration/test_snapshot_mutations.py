"""Every kind of change to a schema is seen and named, and SQL leads back from it and there again."""

import asyncio
from collections.abc import Awaitable, Callable

import asyncpg
import pytest

from app.adapters.target.introspect import read_snapshot
from app.domain.schema import Snapshot
from app.domain.schema_diff import Script, adopting, diff, restoring
from tests.support.mutations import BASE, MUTATIONS, Mutation
from tests.support.servers import Servers

pytestmark = pytest.mark.servers


@pytest.fixture(scope="module")
def dsn(servers: Servers) -> str:
    return servers.new_database()


@pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda mutation: mutation.sql[:70])
def test_a_change_is_seen_named_and_can_be_taken_back_and_made_again(dsn: str, mutation: Mutation) -> None:
    async def story(connection: asyncpg.Connection) -> None:
        if connection.get_server_version().major < mutation.since:
            return
        before = await read_snapshot(connection)
        await connection.execute(mutation.sql)
        after = await read_snapshot(connection)
        differences = diff(before, after)

        assert before.fingerprint != after.fingerprint
        named = [one.text for one in differences if one.text.startswith((f"{mutation.name} ", f"{mutation.name}:"))]
        assert [text for text in named if mutation.word in text], [one.text for one in differences]
        there, back = adopting(differences), restoring(differences)
        assert (there.left or back.left) == () if mutation.back else not (there.left == back.left == ()), (there, back)
        if mutation.back:
            assert await _after(connection, back) == before.fingerprint, (
                back,
                _texts(before, await read_snapshot(connection)),
            )
            assert await _after(connection, there) == after.fingerprint, (
                there,
                _texts(after, await read_snapshot(connection)),
            )

    _in_a_transaction_that_is_given_up(dsn, story)


def test_nothing_changed_is_no_difference(dsn: str) -> None:
    async def story(connection: asyncpg.Connection) -> None:
        assert diff(await read_snapshot(connection), await read_snapshot(connection)) == ()

    _in_a_transaction_that_is_given_up(dsn, story)


async def _after(connection: asyncpg.Connection, script: Script) -> str:
    for statement in script.statements:
        await connection.execute(statement)
    return (await read_snapshot(connection)).fingerprint


def _texts(expected: Snapshot, found: Snapshot) -> list[str]:
    return [one.text for one in diff(expected, found)]


def _in_a_transaction_that_is_given_up(dsn: str, story: Callable[[asyncpg.Connection], Awaitable[None]]) -> None:
    async def work() -> None:
        connection = await asyncpg.connect(dsn, statement_cache_size=0)
        try:
            await connection.execute("BEGIN")
            await connection.execute(BASE)
            await story(connection)
            await connection.execute("ROLLBACK")
        finally:
            await connection.close()

    asyncio.run(work())
