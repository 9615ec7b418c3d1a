"""Events on a real server: what commits out of order, who is cut off, and what a run tells."""

import asyncio
import random
from pathlib import Path
from uuid import UUID

import asyncpg
import pytest

from app.adapters.control.database import ControlDatabase
from app.adapters.control.events import ControlEvents
from app.adapters.control.feed import ControlFeed
from app.domain.environment import Dsn
from app.domain.events import Event
from app.domain.job import JobState
from app.ports import EventsWanted
from tests.support.eventually import eventually
from tests.support.house import House, open_house
from tests.support.servers import Servers, execute, fetch, value

pytestmark = pytest.mark.servers

_TELL = "UPDATE liftlock_control.schedules SET next_due = next_due + interval '1 s' WHERE name = $1"
_ALL = "SELECT id FROM liftlock_control.events ORDER BY id"
_LINGER = """
    CREATE FUNCTION linger() RETURNS trigger LANGUAGE plpgsql AS
        $$ BEGIN PERFORM pg_sleep(random() * 0.01); RETURN NULL; END $$;
    CREATE CONSTRAINT TRIGGER linger AFTER INSERT ON liftlock_control.events
        DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION linger();
"""
"""Between the moment when an event has its id and the moment when others see it."""
_CUT = """
    SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
    WHERE datname = current_database() AND application_name = 'liftlock:events'
"""


def test_a_run_and_what_becomes_of_it_is_told(servers: Servers, folder: Path) -> None:
    with open_house(servers, folder) as house:
        house.write("0001_one.sql", "-- migrate:up\nCREATE TABLE one (a int);\n-- migrate:down\nDROP TABLE one;\n")
        house.write("0002_two.sql", "-- migrate:up\nCREATE TABLE one (a int);\n-- migrate:down\nDROP TABLE one;\n")
        job = house.do()
        assert job.state is JobState.FAILED
        told = house.run_async(house.services.events.find(EventsWanted(0, job_id=job.id)))
        types = [one.type for one in told]
        assert types[0] == "job.accepted" and "step.applied" in types and "step.failed" in types
        ended = next(one for one in told if one.ends_job)
        assert ended.error is not None and "0002_two.sql:2" in ended.said
        _check_history(house)
        log = house.http("GET", f"/jobs/{job.id}/log").text
        assert len(log.splitlines()) == len(told) and "two (0002) up: " in log


def _check_history(house: House) -> None:
    whole = house.http("GET", "/history").get_json()
    assert [(one["source"], one["event"], one["migration"]) for one in whole] == [
        ("ledger", "failed", "two"), ("ledger", "run", "one"), ("job", "run", None),
    ]  # fmt: skip
    assert "already exists" in whole[0]["message"] and whole[1]["durationMs"] is not None
    assert house.http("GET", "/history?migration=one").get_json() == whole[1:2]
    pages, path = [], "/history?limit=1"
    while path:
        page = house.http("GET", path)
        pages += page.get_json()
        path = page.headers.get("Link", "").partition(">")[0].lstrip("<")
    assert pages == whole


def test_nobody_overtakes_a_change_that_has_begun_to_commit(servers: Servers, folder: Path) -> None:
    """Many writers whose changes begin in one order and commit in another; a reader that follows all the while."""
    with open_house(servers, folder) as house:
        execute(house.dsn, _LINGER)
        read, expected = asyncio.run(_race(house.dsn))
    assert read == expected and len(read) > 100


async def _race(dsn: str) -> tuple[list[int], list[int]]:
    """What a cursor has seen while others wrote, and what there is."""
    read: list[int] = []
    writers = [asyncio.create_task(_write(dsn, number)) for number in range(4)]
    reader = await asyncpg.connect(dsn)
    first = int(await reader.fetchval("SELECT max(id) FROM liftlock_control.events"))
    while True:
        over = all(writer.done() for writer in writers)
        after = read[-1] if read else first
        read += [row["id"] for row in await reader.fetch(
            "SELECT id FROM liftlock_control.events WHERE id > $1 ORDER BY id", after
        )]  # fmt: skip
        if over:
            break
    await asyncio.gather(*writers)
    expected = [row["id"] for row in await reader.fetch(_ALL) if row["id"] > first]
    await reader.close()
    return read, expected


async def _write(dsn: str, number: int) -> None:
    chance = random.Random(number)
    connection = await asyncpg.connect(dsn)
    names = [row["name"] for row in await connection.fetch("SELECT name FROM liftlock_control.schedules ORDER BY name")]
    for _ in range(40):
        async with connection.transaction():
            await connection.execute(_TELL, names[number])
            await asyncio.sleep(chance.random() / 500)
    await connection.close()


def test_a_feed_that_is_cut_off_again_and_again_loses_and_doubles_nothing(servers: Servers, folder: Path) -> None:
    with open_house(servers, folder) as house:
        heard = asyncio.run(_cut(house.dsn))
        rows = [row["id"] for row in fetch(house.dsn, _ALL)]
    assert [one.id for one in heard] == rows[-len(heard) :] and len(heard) >= 60


async def _cut(dsn: str) -> list[Event]:
    database = ControlDatabase(Dsn(dsn))
    feed, heard = ControlFeed(Dsn(dsn), ControlEvents(database)), list[Event]()
    begun = await feed.join(["schedules"], heard.append)
    connection = await asyncpg.connect(dsn)
    for _ in range(20):
        await connection.execute(_TELL, "purge")
        await connection.execute(_CUT)
        await connection.execute(_TELL, "rescue")
        await connection.execute(_TELL, "drift")
    newest = await connection.fetchval("SELECT max(id) FROM liftlock_control.events")
    deadline = asyncio.get_running_loop().time() + 10
    while not heard or heard[-1].id < newest:
        assert asyncio.get_running_loop().time() < deadline, (begun, len(heard), newest)
        await asyncio.sleep(0.02)
    await feed.leave(heard.append)
    await connection.close()
    await database.close()
    return heard


def test_while_nobody_follows_nobody_listens(servers: Servers, folder: Path) -> None:
    listening = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND application_name = $1"
    with open_house(servers, folder) as house:
        feed, heard = house.services.feed, list[Event]()
        house.run_async(feed.join(["jobs"], heard.append))
        assert value(house.dsn, listening, "liftlock:events") == 1
        house.run_async(feed.leave(heard.append))
        eventually(lambda: value(house.dsn, listening, "liftlock:events") == 0)


def test_what_a_tick_told_goes_with_it(servers: Servers, folder: Path) -> None:
    with open_house(servers, folder) as house:
        execute(house.dsn, "UPDATE liftlock_control.schedules SET next_due = clock_timestamp() - interval '1 s'")
        execute(house.dsn, "UPDATE liftlock_control.schedules SET next_due = clock_timestamp() - interval '1 s'")
        execute(house.dsn, "UPDATE liftlock_control.events SET at = at - interval '8 days'")
        assert value(house.dsn, "SELECT count(*) FROM liftlock_control.events") != 0
        house.run_async(house.services.sweeper._sweep.purge())
        assert value(house.dsn, "SELECT count(*) FROM liftlock_control.events") == 0


def test_what_happened_before_there_were_events_is_told_too(servers: Servers, folder: Path) -> None:
    with open_house(servers, folder) as house:
        house.write("0001_one.sql", "-- migrate:up\nCREATE TABLE one (a int);\n-- migrate:down\nDROP TABLE one;\n")
        job = house.do()
        text = Path("migrations/control/0016_events.sql").read_text(encoding="utf-8")
        up, down = text.split("-- migrate:up\n")[1].split("-- migrate:down\n")
        execute(house.dsn, down)
        execute(house.dsn, up)
        told = house.run_async(house.services.events.find(EventsWanted(0, job_id=UUID(str(job.id)))))
        assert [one.type for one in told] == ["job.accepted", "job.changed", "job.ended"]
        log = house.http("GET", f"/jobs/{job.id}/log")
        assert int(log.headers["Content-Length"]) == len(log.data) > 100
