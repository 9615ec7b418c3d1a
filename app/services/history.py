"""HistoryService: what has happened in the environments, newest first, from their ledgers and the jobs."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from app.domain.environment import Environment
from app.domain.errors import BackendUnavailable
from app.domain.history import Happening, Place, jobs_before, ledger_before, newest, of_job, of_ledger
from app.ports import JobBoard, JobQuery, LedgerWanted, Targets
from app.services.environments import Environments


@dataclass(frozen=True, slots=True)
class Page:
    """`away`: targets whose ledger could not be asked, and is missing from it."""

    happenings: tuple[Happening, ...]
    away: tuple[str, ...] = ()


class HistoryService:
    def __init__(self, environments: Environments, targets: Targets, board: JobBoard) -> None:
        self._environments = environments
        self._targets = targets
        self._board = board

    async def page(self, environment: str | None, migration: str | None, before: Place, limit: int) -> Page:
        """Of an environment with several targets the ledgers of all; of one that is no more its jobs alone. With
        `migration` what its ledger rows say, without jobs.

        Raises BackendUnavailable where the one environment that is asked about is away, with all of it.
        """
        asked = self._asked(environment)
        ledgers = await asyncio.gather(*(self._ledger(one, migration, before, limit) for one in asked))
        away = [error for error in ledgers if isinstance(error, BackendUnavailable)]
        if environment is not None and away and len(away) == len(asked):
            raise away[0]
        found = [one for rows in ledgers if not isinstance(rows, BackendUnavailable) for one in rows]
        if migration is None:
            found += await self._jobs(environment, before, limit)
        missing = [one.name for one, rows in zip(asked, ledgers, strict=True) if isinstance(rows, BackendUnavailable)]
        if environment is not None and not asked:
            missing.append(environment)
        return Page(newest(found, limit), tuple(missing))

    def _asked(self, environment: str | None) -> Sequence[Environment]:
        """Those whose ledgers tell; nobody knows any more where that of an environment that is gone stands."""
        if environment is None:
            return self._environments.every_target()
        return self._environments.each(environment) if self._environments.knows(environment) else ()

    async def _ledger(
        self, environment: Environment, migration: str | None, before: Place, limit: int
    ) -> Sequence[Happening] | BackendUnavailable:
        wanted = LedgerWanted(limit, *ledger_before(environment.name, before), name=migration)
        try:
            return [of_ledger(environment.name, one) for one in await self._targets.past(environment, wanted)]
        except BackendUnavailable as error:
            return error

    async def _jobs(self, environment: str | None, before: Place, limit: int) -> list[Happening]:
        known = environment is None or self._environments.knows(environment)
        whole = environment is not None and (not known or self._environments.has_several(environment))
        query = JobQuery(limit, jobs_before(before), environment=environment, with_targets=whole, chores=True)
        return [of_job(one) for one in await self._board.find(query)]
