"""Connections to the control database that ended while nobody used them, as after a restart or a failover."""

import asyncio

import asyncpg
import pytest
from sqlalchemy import text

from app.adapters.control.database import ControlDatabase
from app.domain.environment import Dsn
from tests.support.servers import Servers

pytestmark = pytest.mark.servers

END_ALL = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'liftlock:control'"


def test_whoever_asks_next_is_answered_over_a_new_connection(servers: Servers) -> None:
    asyncio.run(ask_before_and_after_all_have_ended(servers.new_database()))


async def ask_before_and_after_all_have_ended(dsn: str) -> None:
    database, other = ControlDatabase(Dsn(dsn)), await asyncpg.connect(dsn)
    try:
        async with database.single() as first, database.single() as second:
            raw = [await one.get_raw_connection() for one in (first, second)]
            drivers = [one.driver_connection for one in raw]
        await other.execute(f"{END_ALL} AND datname = current_database()")
        async with asyncio.timeout(10):
            while not all(driver is not None and driver.is_closed() for driver in drivers):
                await other.fetchval("SELECT 1")
        async with database.single() as connection:
            assert (await connection.execute(text("SELECT 1"))).scalar_one() == 1
        async with database.begin() as connection:
            assert (await connection.execute(text("SELECT 2"))).scalar_one() == 2
    finally:
        await other.close()
        await database.close()
