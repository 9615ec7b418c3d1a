"""Looks at many targets: each within a limit, and none in the way of another."""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

import pytest

from app.domain.environment import Dsn, Environment
from app.domain.errors import BackendUnavailable
from app.domain.ledger import History
from app.ports import TargetView
from app.services.looks import Look, LookLimits, TargetLooks
from tests.fakes.targets import MemoryTargets

T = TypeVar("T")

QUICK = LookLimits(alone_ms=40, among_many_ms=40, at_once=2, turn_ms=10, pause_ms=20, most_ms=400)
VIEW = TargetView(History())


class Unhurried(MemoryTargets):
    """Targets that answer when they are let to; `asked` counts how often each was."""

    def __init__(self) -> None:
        super().__init__()
        self.held: dict[str, asyncio.Event] = {}
        self.asked: list[str] = []
        self.refusing: dict[str, Exception] = {}
        self.under_way, self.most_under_way = 0, 0

    async def read(self, environment: Environment) -> TargetView:
        self.asked.append(environment.name)
        self.under_way += 1
        self.most_under_way = max(self.most_under_way, self.under_way)
        try:
            if environment.name in self.held:
                await self.held[environment.name].wait()
            if environment.name in self.refusing:
                raise self.refusing[environment.name]
            await asyncio.sleep(0)
            return VIEW
        finally:
            self.under_way -= 1


def environments(*names: str) -> list[Environment]:
    return [Environment(name, Dsn(f"postgresql://ada:secret@{name}/shop")) for name in names]


def run(work: Coroutine[Any, Any, T]) -> T:
    return asyncio.run(work)


def seen(looks: tuple[Look, ...]) -> list[str]:
    return ["view" if isinstance(one, TargetView) else one.detail for one in looks]


def test_who_does_not_answer_is_late_and_the_others_are_seen() -> None:
    async def scenario() -> list[str]:
        targets = Unhurried()
        targets.held["deaf"] = asyncio.Event()
        return seen(await TargetLooks(targets, QUICK).many(environments("a", "deaf", "b", "c")))

    found = run(scenario())

    assert [found[0], *found[2:]] == ["view", "view", "view"]
    assert found[1].startswith("the target of deaf (postgresql://ada@deaf/shop) did not answer in time; is it running")


def test_while_one_is_late_nobody_asks_it_again_and_then_it_is_asked_anew() -> None:
    async def scenario() -> tuple[list[str], list[str], int, int]:
        targets = Unhurried()
        targets.held["slow"] = asyncio.Event()
        looks = TargetLooks(targets, QUICK)
        (slow,) = environments("slow")
        first = await looks.one(slow)
        second = await looks.many([slow])
        asked = len(targets.asked)
        targets.held["slow"].set()
        await asyncio.sleep(0.01)
        third = await looks.one(slow)
        return seen((first, *second)), seen((third,)), asked, len(targets.asked)

    late, after, asked, in_all = run(scenario())

    assert all("did not answer in time" in one for one in late)
    assert after == ["view"]
    assert (asked, in_all) == (1, 2)


def test_many_that_are_away_hold_no_place_for_long() -> None:
    async def scenario() -> list[str]:
        targets = Unhurried()
        away = [f"away{number}" for number in range(6)]
        targets.held = {name: asyncio.Event() for name in away}
        return seen(await TargetLooks(targets, QUICK).many(environments(*away, "here")))

    assert run(scenario())[-1] == "view"


def test_only_a_few_are_asked_together() -> None:
    async def scenario() -> int:
        targets = Unhurried()
        await TargetLooks(targets, QUICK).many(environments(*(f"e{number}" for number in range(9))))
        return targets.most_under_way

    assert run(scenario()) == QUICK.at_once


def test_while_answers_come_in_the_others_are_given_time() -> None:
    """One after another, each sooner after the one before than the pause, together far beyond the limit of one."""

    async def scenario() -> list[str]:
        targets = Unhurried()
        names = [f"e{number}" for number in range(10)]
        targets.held = {name: asyncio.Event() for name in names}

        async def let_one_after_another() -> None:
            for name in names:
                await asyncio.sleep(0.012)
                targets.held[name].set()

        limits = LookLimits(among_many_ms=40, at_once=10, turn_ms=10, pause_ms=300, most_ms=5_000)
        letting = asyncio.create_task(let_one_after_another())
        found = seen(await TargetLooks(targets, limits).many(environments(*names)))
        await letting
        return found

    assert run(scenario()) == ["view"] * 10


def test_a_refusal_is_what_is_seen_and_a_fault_of_ours_is_raised() -> None:
    async def scenario(error: Exception) -> list[str]:
        targets = Unhurried()
        targets.refusing["a"] = error
        return seen(await TargetLooks(targets, QUICK).many(environments("a")))

    assert run(scenario(BackendUnavailable("nothing listens there"))) == ["nothing listens there"]
    with pytest.raises(ZeroDivisionError):
        run(scenario(ZeroDivisionError()))
