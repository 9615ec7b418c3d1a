"""Looks at the ledgers of many targets at once, each within a limit: who is late keeps nobody waiting."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from app.domain.environment import Environment
from app.domain.errors import BackendUnavailable
from app.ports import Targets, TargetView

Look = TargetView | BackendUnavailable
"""What was seen, or why nothing was."""

Asked = asyncio.Task[TargetView]


@dataclass(frozen=True, slots=True)
class LookLimits:
    """How long one target may take when it is asked for alone, and when it is one of many, in ms.

    Of many, `at_once` are asked together; who has not answered within `turn_ms` gives its place to the next one. While
    answers come in, one in each `pause_ms`, the others are not late but we are slow, up to `most_ms`: making dozens of
    connections takes a processor of ours longer than their limit.
    """

    alone_ms: int = 3_000
    among_many_ms: int = 500
    at_once: int = 12
    turn_ms: int = 150
    pause_ms: int = 200
    most_ms: int = 2_000


class TargetLooks:
    """A look that was given up goes on by itself, and ends as the target's own limits say.

    Until then no other is begun there: a target that swallows connections holds one of ours, however many ask.
    """

    def __init__(self, targets: Targets, limits: LookLimits) -> None:
        self._targets = targets
        self._limits = limits
        self._late: dict[str, Asked] = {}

    async def one(self, environment: Environment) -> Look:
        asked = self._ask(environment)
        await _wait(asked, self._limits.alone_ms)
        return self._answer(environment, asked)

    async def many(self, environments: Sequence[Environment]) -> tuple[Look, ...]:
        """In the order given. The limit of each runs from when it is asked, not from when it has to wait its turn."""
        turns, answers = asyncio.Semaphore(self._limits.at_once), _Answers()

        async def look(environment: Environment) -> Look:
            async with turns:
                asked = self._ask(environment)
                if asked is not None:
                    asked.add_done_callback(answers.note)
                await _wait(asked, self._limits.turn_ms)
            await self._wait_among(answers, asked)
            return self._answer(environment, asked)

        return tuple(await asyncio.gather(*(look(one) for one in environments)))

    def _ask(self, environment: Environment) -> Asked | None:
        """None while an earlier look is late."""
        if environment.name in self._late:
            return None
        asked = asyncio.create_task(self._targets.read(environment))
        # in time or not, waited for or not: what comes of it is heard, and it is late no more
        asked.add_done_callback(lambda ended: self._ended(environment, ended))
        return asked

    async def _wait_among(self, answers: "_Answers", asked: Asked | None) -> None:
        await _wait(asked, self._limits.among_many_ms - self._limits.turn_ms)
        waited_ms = self._limits.among_many_ms
        while asked is not None and not asked.done() and waited_ms < self._limits.most_ms:
            patience_ms = self._limits.pause_ms - answers.quiet_ms
            if patience_ms <= 0:
                return
            await _wait(asked, patience_ms)
            waited_ms += patience_ms

    def _answer(self, environment: Environment, asked: Asked | None) -> Look:
        if asked is None or not asked.done():
            if asked is not None:
                self._late.setdefault(environment.name, asked)
            return _late(environment)
        error = asked.exception()
        if error is None:
            return asked.result()
        if isinstance(error, BackendUnavailable):
            return error
        raise error

    def _ended(self, environment: Environment, asked: Asked) -> None:
        if self._late.get(environment.name) is asked:
            del self._late[environment.name]
        if not asked.cancelled():
            asked.exception()


class _Answers:
    """When the newest of many came in."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._newest = self._loop.time()

    def note(self, _: Asked) -> None:
        self._newest = self._loop.time()

    @property
    def quiet_ms(self) -> int:
        return round((self._loop.time() - self._newest) * 1000)


async def _wait(asked: Asked | None, limit_ms: int) -> None:
    if asked is not None and not asked.done():
        await asyncio.wait({asked}, timeout=limit_ms / 1000)


def _late(environment: Environment) -> BackendUnavailable:
    """Always in the same words, so that the answer stays the same one while nothing changes."""
    what = f"the target of {environment.name}"
    return BackendUnavailable(
        f"{what} ({environment.dsn}) did not answer in time; is it running, and reachable from here?",
        next_steps=(f"psql '{environment.dsn}' -c 'select 1'",),
        facts={"backend": "postgresql", "which": what, "address": str(environment.dsn)},
    )
