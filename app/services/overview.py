"""Environments at a glance: files, ledgers, drift and jobs of many of them, each asked for once."""

import asyncio
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice

from app.domain.axes import NO_JOBS, JobsSeen, Standing, Sync, foreign, left_out, sync_of, unread
from app.domain.drift import DriftCheck, unseen
from app.domain.environment import Environment
from app.domain.errors import BackendUnavailable
from app.domain.ledger import History
from app.domain.migration import Catalog
from app.domain.removed import Removed
from app.domain.standing import MigrationStatus, statuses_of
from app.domain.whole import standing_of
from app.domain.windows import openness_at
from app.ports import Clock, EnvironmentLog, Source, Targets, TargetView
from app.services.looks import Look, LookLimits, TargetLooks
from app.services.validation import diverging

IN_TIME = LookLimits()


@dataclass(frozen=True, slots=True)
class Sided:
    """Files and ledger side by side, as they were for these files and this history."""

    environment: Environment
    catalog: Catalog
    history: History
    statuses: tuple[MigrationStatus, ...]
    sync: Sync


@dataclass(frozen=True, slots=True)
class Glance:
    """All that were asked for, in their order, and the files that they were held against."""

    catalog: Catalog
    standings: tuple[Standing, ...]


class Overview:
    def __init__(
        self, source: Source, targets: Targets, log: EnvironmentLog, clock: Clock, limits: LookLimits = IN_TIME
    ) -> None:
        self._clock = clock
        self._source = source
        self._targets = targets
        self._log = log
        self._looks = TargetLooks(targets, limits)
        self._known: dict[str, Sided] = {}

    async def ledger(self, environment: Environment) -> Look:
        """Within the limit for one alone."""
        return await self._looks.one(environment)

    async def sided(self, environment: Environment) -> Sided:
        """Without a limit of ours. The same object for the same files and the same ledger.

        Raises BackendUnavailable.
        """
        catalog, view = await asyncio.gather(self._source.read(), self._targets.read(environment))
        return self._worked_out(environment, catalog, view)

    async def one(self, environment: Environment) -> Standing:
        """Raises BackendUnavailable for the control database alone."""
        looking = (self._looks.one(part) for part in environment.each())
        beside, looks = await asyncio.gather(self._beside((environment,)), asyncio.gather(*looking))
        return self._standing(environment, looks, beside)

    async def many(self, environments: Sequence[Environment]) -> Glance:
        """Raises BackendUnavailable for the control database alone."""
        parts = [part for one in environments for part in one.each()]
        looks, beside = await asyncio.gather(self._looks.many(parts), self._beside(environments))

        def put_together() -> Glance:
            left = iter(looks)
            taken = ((one, list(islice(left, len(one.each())))) for one in environments)
            return Glance(beside.catalog, tuple(self._standing(one, found, beside) for one, found in taken))

        # many ledgers that have changed take a while: the loop belongs to every request of this process
        return await asyncio.to_thread(put_together)

    async def removed(self, removed: Collection[Removed]) -> tuple[Standing, ...]:
        """Of what is no longer in liftlock.toml, as far as the control database tells. Raises as `one`."""
        names = [one.name for one in removed]
        jobs, drift = await asyncio.gather(self._log.jobs(names), self._log.drift(names)) if names else ({}, {})
        return tuple(
            left_out(one, drift.get(one.name) or unseen(one.name), jobs.get(one.name, NO_JOBS)) for one in removed
        )

    async def _beside(self, environments: Sequence[Environment]) -> "_Beside":
        names = list(dict.fromkeys(one.name for whole in environments for one in (whole, *whole.each())))
        return _Beside(*await asyncio.gather(self._source.read(), self._log.jobs(names), self._log.drift(names)))

    def _standing(self, environment: Environment, looks: Sequence[Look], beside: "_Beside") -> Standing:
        """One look for each target."""
        window = openness_at(environment.windows, self._clock.now())
        each = [
            replace(self._of_target(part, look, beside), window=window)
            for part, look in zip(environment.each(), looks, strict=True)
        ]
        if not environment.targets:
            return each[0]
        return replace(standing_of(environment, each, beside.jobs.get(environment.name, NO_JOBS)), window=window)

    def _of_target(self, environment: Environment, look: Look, beside: "_Beside") -> Standing:
        name = environment.name
        drift, jobs = beside.drift.get(name) or unseen(name), beside.jobs.get(name, NO_JOBS)
        if isinstance(look, BackendUnavailable):
            return Standing(environment, unread(look), drift, jobs)
        sided = self._worked_out(environment, beside.catalog, look)
        seen, recorded = (look.protection, look.environment, look.unlocked), look.environment
        sync = sided.sync
        if recorded is not None and not environment.answers_to(recorded):
            sync = foreign(environment, recorded)
        return Standing(environment, sync, drift, jobs, sided.statuses, *seen)

    def _worked_out(self, environment: Environment, catalog: Catalog, view: TargetView) -> Sided:
        """Histories are compared by what they hold: small ledgers are read anew each time."""
        last = self._known.get(environment.name)
        if (
            last is not None
            and last.catalog is catalog
            and last.environment == environment
            and last.history == view.history
        ):
            return last
        statuses = statuses_of(environment, catalog, view.history, diverging(catalog, view, environment))
        sided = Sided(environment, catalog, view.history, statuses, sync_of(statuses))
        self._known[environment.name] = sided
        return sided


@dataclass(frozen=True, slots=True)
class _Beside:
    """What is known of environments beside their ledgers."""

    catalog: Catalog
    jobs: Mapping[str, JobsSeen]
    drift: Mapping[str, DriftCheck]
