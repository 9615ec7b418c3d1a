"""A pooler before the control database: one that lends connections by the transaction is refused, with what to do."""

import asyncio
from pathlib import Path

import pytest
from sqlalchemy import text

from app.adapters.control.database import ControlDatabase
from app.adapters.control.direct import Direct
from app.adapters.target import pooling
from app.domain.environment import Dsn
from app.domain.errors import BackendUnavailable
from tests.support.pgbouncer import PgBouncer, running_pgbouncer
from tests.support.servers import Servers

pytestmark = [pytest.mark.servers, pytest.mark.system]

PASSES_ON_NOTHING = (
    "ignore_startup_parameters = jit, lock_timeout, statement_timeout, enable_seqscan, enable_bitmapscan"
)


def test_that_it_lends_connections_by_the_transaction_is_said(servers: Servers, tmp_path: Path) -> None:
    with running_pgbouncer(tmp_path, servers.postgres, PASSES_ON_NOTHING) as pooler:
        expect_refusal(servers, pooler, "lends connections by the transaction; give the address of the server itself")


def test_and_so_it_is_where_it_gives_its_sessions_numbers_like_those_of_processes(
    servers: Servers, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pooling, "is_made_up", lambda _: False)
    with running_pgbouncer(tmp_path, servers.postgres, PASSES_ON_NOTHING, "server_round_robin = 0") as pooler:
        expect_refusal(servers, pooler, "lends connections by the transaction")


def test_that_it_passes_on_no_settings_is_said(servers: Servers, tmp_path: Path) -> None:
    with running_pgbouncer(tmp_path, servers.postgres) as pooler:
        expect_refusal(servers, pooler, "passes on no settings of a session .*; give the address of the server itself")


def test_one_that_lends_them_by_the_session_is_used(servers: Servers, tmp_path: Path) -> None:
    with running_pgbouncer(tmp_path, servers.postgres, PASSES_ON_NOTHING, mode="session") as pooler:
        assert asyncio.run(asked(pooler.reached(servers.new_database()))) == 2


def expect_refusal(servers: Servers, pooler: PgBouncer, why: str) -> None:
    with pytest.raises(BackendUnavailable, match=f"the control database .*a pooler stands before it, which {why}"):
        asyncio.run(asked(pooler.reached(servers.new_database())))


async def asked(dsn: str) -> int:
    """In both ways that the service has."""
    database = ControlDatabase(Dsn(dsn))
    try:
        one = await database.row(Direct(text("SELECT 1 AS n")), {})
        async with database.single() as connection:
            other = (await connection.execute(text("SELECT 1"))).scalar_one()
        return int(one["n"]) + int(other) if one else 0
    finally:
        await database.close()
