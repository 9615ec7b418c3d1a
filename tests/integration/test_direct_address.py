"""Where `directUrl` leads nowhere, that is the address that is named, and not the one that answers."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any
from uuid import UUID

import pytest

from app.adapters.target.connection import Patience
from app.adapters.target.release import release
from app.adapters.target.schemas import PostgresSchemas
from app.adapters.target.survey import PostgresSurveys
from app.domain.environment import Dsn, Environment
from app.domain.errors import BackendUnavailable
from app.domain.job import Ended, JobState
from tests.support.servers import Servers

pytestmark = pytest.mark.servers

ENDED = Ended(JobState.NEEDS_ATTENTION, "stranded", "given up")


async def freed(environment: Environment) -> None:
    await release(environment, UUID(int=7), ENDED, Patience())


@pytest.mark.parametrize(
    "asked",
    [
        PostgresSchemas().read,
        PostgresSchemas().sight,
        lambda environment: PostgresSurveys().look(environment, ["public.a"]),
        freed,
    ],
    ids=["schema", "sight", "survey", "release"],
)
def test_what_works_past_a_pooler_names_the_address_that_it_has_tried(
    servers: Servers, asked: Callable[[Environment], Coroutine[Any, Any, object]]
) -> None:
    here, nowhere = Dsn(servers.new_database()), Dsn("postgresql://clerk:hush@127.0.0.1:1/shop")

    with pytest.raises(BackendUnavailable) as refused:
        asyncio.run(asked(Environment("shop", here, direct=nowhere)))

    assert "(postgresql://clerk@127.0.0.1:1/shop) cannot be used: nothing listens there" in refused.value.detail
    assert here.database not in refused.value.detail
