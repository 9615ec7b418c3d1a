"""What a process says of the work beside its work."""

import asyncio
from concurrent.futures import CancelledError
from types import SimpleNamespace
from typing import cast

import pytest
from structlog.testing import capture_logs

from app import caretaker as module
from app.caretaker import Caretaker
from app.domain.census import ProcessKind
from app.portal import Portal, PortalClosed
from app.wiring import Services


def test_what_ends_with_the_process_is_no_error_in_its_log() -> None:
    for ended in (CancelledError(), PortalClosed()):
        caretaker = Caretaker(cast(Services, object()), ProcessKind.API)

        def work(ended: Exception = ended) -> None:
            raise ended

        with capture_logs() as said:
            assert caretaker._tried("install", work) is False
        assert said == []


def test_a_database_that_is_silent_does_not_keep_a_process_that_says_goodbye(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "GOODBYE_S", 0.05)
    portal, cut_off = Portal("silent"), []

    async def say_gone(_: object) -> None:
        try:
            await asyncio.sleep(5)
        except asyncio.CancelledError:
            cut_off.append(True)
            raise

    services = SimpleNamespace(portal=portal, measuring=SimpleNamespace(say_gone=say_gone))
    with capture_logs() as said:
        Caretaker(cast(Services, services), ProcessKind.WORKER)._say_gone()
    portal.close()

    assert cut_off == [True]
    assert [one["event"] for one in said] == ["goodbye.unsaid"]
