"""Our table of casts against the server's own: a table that is written anew has another file afterwards."""

import asyncio
from collections.abc import Iterator

import asyncpg
import pytest

from app.domain.casts import Cast, cast_between, type_of
from app.domain.examination import examine
from app.domain.step import step_up
from tests.domain.literals import sql
from tests.support.servers import Servers

pytestmark = pytest.mark.servers

TYPES = [
    "smallint", "integer", "bigint", "numeric", "numeric(10,2)", "numeric(12,2)", "numeric(12,4)", "real",
    "double precision", "text", "varchar", "varchar(10)", "varchar(20)", "char(5)", "char(9)", "date", "timestamp",
    "timestamp(3)", "timestamptz", "timestamptz(3)", "time", "time(3)", "interval", "boolean", "uuid", "json", "jsonb",
    "cidr", "inet", "varbit(4)", "varbit(9)", "varbit", "integer[]", "bigint[]", "xml",
]  # fmt: skip
DEFAULTS = [
    "int DEFAULT 0", "timestamptz NOT NULL DEFAULT now()", "uuid DEFAULT gen_random_uuid()", "float DEFAULT random()",
    "serial", "bigserial", "int GENERATED ALWAYS AS IDENTITY", "int GENERATED ALWAYS AS (id + 1) STORED",
    "date DEFAULT CURRENT_DATE", "text DEFAULT lower('X')","jsonb DEFAULT '{}'::jsonb",
    "text[] DEFAULT ARRAY[]::text[]",
    "timestamptz DEFAULT clock_timestamp()", "numeric(10, 2) DEFAULT 1.5::numeric(10, 2)", "int",
    "text NOT NULL DEFAULT ''",
    "varchar(10) DEFAULT upper('x')", "bigint DEFAULT nextval('numbers')", "text DEFAULT md5('a') || 'b'",
    "text DEFAULT current_setting('work_mem')", "timestamptz DEFAULT date_trunc('day', now())",
    "int DEFAULT greatest(1, 2)", "text DEFAULT concat('a', 'b')",
]  # fmt: skip


@pytest.fixture(scope="module")
def dsn(servers: Servers) -> Iterator[str]:
    yield servers.new_database()


async def is_written_anew(connection: asyncpg.Connection, create: str, alter: str) -> bool | None:
    """None: the server has no such cast."""
    await connection.execute(f"BEGIN; SET LOCAL timezone = 'Europe/Berlin'; CREATE SEQUENCE numbers; {create}")
    try:
        before = await connection.fetchval("SELECT pg_relation_filenode('t')")
        await connection.execute(alter)
        return bool(await connection.fetchval("SELECT pg_relation_filenode('t')") != before)
    except asyncpg.DatatypeMismatchError:
        return None
    finally:
        await connection.execute("ROLLBACK")


@pytest.mark.parametrize("old", TYPES)
def test_a_change_of_type_keeps_the_file_exactly_where_our_table_says(dsn: str, old: str) -> None:
    async def differing() -> list[tuple[str, bool, Cast]]:
        found: list[tuple[str, bool, Cast]] = []
        connection = await asyncpg.connect(dsn)
        for new in TYPES:
            anew = await is_written_anew(connection, f"CREATE TABLE t (a {old})", f"ALTER TABLE t ALTER a TYPE {new}")
            cast = cast_between(type_of(old), type_of(new))
            # what is made to fit may be checked in place or copied; it is said to be copied, which is the safe side
            if anew is not None and (cast is Cast.IN_PLACE) == anew and cast is not Cast.NARROWED:
                found.append((new, anew, cast))
        await connection.close()
        return found

    assert asyncio.run(differing()) == []


@pytest.mark.parametrize("definition", DEFAULTS)
def test_a_new_column_writes_the_table_anew_exactly_where_we_say(dsn: str, definition: str) -> None:
    alter = f"ALTER TABLE t ADD COLUMN a {definition}"

    async def on_the_server() -> bool | None:
        connection = await asyncpg.connect(dsn)
        try:
            return await is_written_anew(connection, "CREATE TABLE t (id int)", alter)
        finally:
            await connection.close()

    hazards = examine([step_up(sql("a", up=alter))]).hazards
    anew = asyncio.run(on_the_server())
    assert ("TABLE_REWRITE" in [hazard.code for hazard in hazards]) is anew
