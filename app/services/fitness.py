"""FitnessCheck: whether every target of an environment could be worked on, each asked at the same time."""

import asyncio

from app.domain.environment import Environment
from app.domain.errors import BackendUnusable
from app.domain.job import JobKind
from app.domain.whole import together
from app.ports import Fitness

AT_ONCE = 16


class FitnessCheck:
    def __init__(self, fitness: Fitness) -> None:
        self._fitness = fitness

    async def refuse_unfit(self, whole: Environment, kind: JobKind) -> None:
        """Raises BackendUnusable with every target that cannot be worked on, why, and what to do about it."""
        places = asyncio.Semaphore(AT_ONCE)

        async def one(target: Environment) -> BackendUnusable | None:
            async with places:
                try:
                    await self._fitness.refuse_unfit(target, kind)
                except BackendUnusable as error:
                    return error
            return None

        each = whole.each()
        answers = await asyncio.gather(*(one(target) for target in each))
        unfit = {target.name: error for target, error in zip(each, answers, strict=True) if error is not None}
        if unfit:
            raise together(whole.name, unfit)
