"""A server that dies in the middle of a statement, as the driver may call it, and what people are told."""

import asyncio
from typing import cast

import asyncpg
import pytest

from app.adapters.postgres import unavailable
from app.adapters.target.connection import Patience, begin
from app.domain.environment import Dsn
from app.domain.signals import ConnectionLost

INSIDE = "cannot switch to state 15; another operation (2) is in progress"


class Dying:
    """The driver has met the server's last words in the middle of ours."""

    def get_server_version(self) -> asyncpg.ServerVersion:
        return asyncpg.ServerVersion(18, 0, 0, "final", 0)

    async def execute(self, _query: str) -> str:
        raise asyncpg.InternalClientError(INSIDE)


def test_a_database_that_has_died_in_the_middle_is_called_so() -> None:
    found = unavailable(asyncpg.InternalClientError(INSIDE), Dsn("postgresql://db/shop"), "the control database")
    assert found.detail == (
        "the control database (postgresql://db/shop) cannot be used: "
        "the connection broke off in the middle of a statement; is its server running?"
    )


def test_and_so_it_is_where_a_step_was_at_work_on_it() -> None:
    with pytest.raises(ConnectionLost, match=r"^the connection broke off in the middle of a statement; is its server"):
        asyncio.run(begin(cast(asyncpg.Connection, Dying()), Patience()))
