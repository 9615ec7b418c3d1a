"""A job says how far the server is with a statement that takes long."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from app.settings import Timing
from tests.support.eventually import eventually
from tests.support.house import House, open_house, working
from tests.support.servers import Servers, execute

pytestmark = pytest.mark.servers

SLOWLY = """
    CREATE TABLE orders (id int, state text);
    INSERT INTO orders SELECT n, repeat('x', 1500) FROM generate_series(1, 400) n;
    CREATE FUNCTION slowly(n int) RETURNS int IMMUTABLE LANGUAGE plpgsql AS
        'BEGIN PERFORM pg_sleep(0.01); RETURN n; END';
"""
OFTEN = Timing(lease_ttl_ms=30_000, beat_every_ms=500, look_every_ms=50)


@pytest.fixture
def house(servers: Servers, folder: Path) -> Iterator[House]:
    with open_house(servers, folder, timing=OFTEN, shortcut=False) as it:
        execute(it.dsn, SLOWLY)
        yield it


@pytest.mark.parametrize("how", ["INDEX", "INDEX CONCURRENTLY"])
def test_the_message_of_a_job_says_how_far_an_index_is(house: House, how: str) -> None:
    house.write("1_index.sql", f"-- migrate:up\nCREATE {how} orders_slowly ON orders (slowly(id));\n")
    job_id = house.submit().job.id
    begins = f"applying index (1); CREATE {how} on orders: building index: scanning table, "
    seen: set[int] = set()

    def has_moved() -> bool:
        message = house.run_async(house.services.migrations.job(job_id)).message
        if message.startswith(begins):
            seen.add(int(message.removeprefix(begins).removesuffix(" %")))
        return len(seen) > 2

    with working(house, job_id):
        eventually(has_moved, within_s=20, every_s=0.02)
        house.http("POST", f"/jobs/{job_id}/cancel")
    assert max(seen) <= 100
