"""A gateway drops a connection that rests, and tells nobody: who listens on it finds out."""

import asyncio
from pathlib import Path
from uuid import UUID, uuid4

import pytest

from app.adapters.control import ear, feed
from app.adapters.control.announcements import CHANNEL, Announcements
from app.adapters.control.database import ControlDatabase
from app.adapters.control.events import ControlEvents
from app.domain.environment import Dsn
from tests.chaos.proxy import Proxy, proxied
from tests.support.house import open_house
from tests.support.servers import Servers, execute

pytestmark = pytest.mark.servers


def test_who_waits_for_a_job_hears_of_it_also_after_the_connection_was_dropped_in_silence(
    servers: Servers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ear, "PROVEN_FOR_S", 0.0)
    monkeypatch.setattr(ear, "ANSWER_S", 0.2)
    dsn, job_id = servers.new_database(), uuid4()
    with proxied(dsn) as proxy:
        assert asyncio.run(heard_after(Announcements(Dsn(proxy.reached(dsn))), proxy, dsn, job_id))


async def heard_after(announcements: Announcements, proxy: Proxy, dsn: str, job_id: UUID) -> bool:
    async with announcements.watch(job_id):
        pass
    await asyncio.to_thread(proxy.freeze_connections)
    try:
        async with announcements.watch(job_id) as watcher:
            await asyncio.to_thread(execute, dsn, f"SELECT pg_notify('{CHANNEL}', '{job_id} succeeded')")
            return await watcher.wait(2) and announcements.hearing and watcher.ended
    finally:
        await announcements.close()


def test_who_follows_events_is_told_also_after_the_connection_was_dropped_in_silence(
    servers: Servers, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feed, "HEARING_POLL_S", 0.1)
    monkeypatch.setattr(ear, "ANSWER_S", 0.2)
    with open_house(servers, folder) as house, proxied(house.dsn) as proxy:
        assert asyncio.run(rung_after(proxy, house.dsn))


async def rung_after(proxy: Proxy, dsn: str) -> bool:
    """Whether it listens on another connection than the one that was dropped."""
    database = ControlDatabase(Dsn(dsn))
    following = feed.ControlFeed(Dsn(proxy.reached(dsn)), ControlEvents(database))
    try:
        await following.join(["jobs"], lambda _: None)
        first = following._connection
        await asyncio.to_thread(proxy.freeze_connections)
        async with asyncio.timeout(10):
            while following._connection is first or not following._hearing:
                await asyncio.sleep(0.02)
        return True
    finally:
        await following.close()
        await database.close()
