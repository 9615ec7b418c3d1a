"""Looks at the ledgers of many targets at once, each within a limit: who is late keeps nobody waiting."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from app.domain.environment import Environment
from app.domain.errors import BackendUnavailable
from app.ports import Targets, TargetView

Look = TargetView | BackendUnavailable
"""What was seen, or why nothing was."""


@dataclass(frozen=True, slots=True)
class LookLimits:
    """How long one target may take when it is asked for alone, and when it is one of many, in ms."""

    alone_ms: int = 3_000
    among_many_ms: int = 500
    at_once: int = 64


class TargetLooks:
    """A look that was given up goes on by itself, and ends as the target's own limits say.

    Until then no other is begun there: a target that swallows connections holds one of ours, however many ask.
    """

    def __init__(self, targets: Targets, limits: LookLimits) -> None:
        self._targets = targets
        self._limits = limits
        self._late: dict[str, asyncio.Task[TargetView]] = {}

    async def one(self, environment: Environment) -> Look:
        return await self._look(environment, self._limits.alone_ms)

    async def many(self, environments: Sequence[Environment]) -> tuple[Look, ...]:
        """In the order given. The limit of each runs from when it is asked, not from when it was its turn."""
        places = asyncio.Semaphore(self._limits.at_once)

        async def look(environment: Environment) -> Look:
            async with places:
                return await self._look(environment, self._limits.among_many_ms)

        return tuple(await asyncio.gather(*(look(one) for one in environments)))

    async def _look(self, environment: Environment, limit_ms: int) -> Look:
        if environment.name in self._late:
            return _late(environment, limit_ms)
        asked = asyncio.create_task(self._targets.read(environment))
        # in time or not, cancelled or not: what comes of it is heard, and it is late no more
        asked.add_done_callback(lambda ended: self._ended(environment, ended))
        done, _ = await asyncio.wait({asked}, timeout=limit_ms / 1000)
        if not done:
            self._late[environment.name] = asked
            return _late(environment, limit_ms)
        error = asked.exception()
        if error is None:
            return asked.result()
        if isinstance(error, BackendUnavailable):
            return error
        raise error

    def _ended(self, environment: Environment, look: "asyncio.Task[TargetView]") -> None:
        if self._late.get(environment.name) is look:
            del self._late[environment.name]
        if not look.cancelled():
            look.exception()


def _late(environment: Environment, limit_ms: int) -> BackendUnavailable:
    """Always in the same words, so that the answer stays the same one while nothing changes."""
    what = f"the target of {environment.name}"
    return BackendUnavailable(
        f"{what} ({environment.dsn}) did not answer within {limit_ms} ms; is it running, and reachable from here?",
        next_steps=(f"psql '{environment.dsn}' -c 'select 1'",),
        facts={"backend": "postgresql", "which": what, "address": str(environment.dsn)},
    )
