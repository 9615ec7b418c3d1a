"""Environments at a glance: files, ledgers, drift and jobs of many of them, each asked for once."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from app.domain.axes import NO_JOBS, JobsSeen, Standing, Sync, sync_of, unread
from app.domain.drift import DriftCheck, unseen
from app.domain.environment import Environment
from app.domain.errors import BackendUnavailable
from app.domain.ledger import History
from app.domain.migration import Catalog
from app.domain.standing import MigrationStatus, statuses_of
from app.ports import EnvironmentLog, Source, Targets, TargetView
from app.services.looks import Look, LookLimits, TargetLooks
from app.services.validation import diverging

IN_TIME = LookLimits()


@dataclass(frozen=True, slots=True)
class Sided:
    """Files and ledger side by side, as they were for these files and this view of the target."""

    environment: Environment
    catalog: Catalog
    view: TargetView
    statuses: tuple[MigrationStatus, ...]
    sync: Sync


@dataclass(frozen=True, slots=True)
class Glance:
    """All that were asked for, in their order. `files`: where they would stand with nothing applied."""

    files: tuple[MigrationStatus, ...]
    standings: tuple[Standing, ...]


class Overview:
    def __init__(self, source: Source, targets: Targets, log: EnvironmentLog, limits: LookLimits = IN_TIME) -> None:
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
        names = (environment.name,)
        catalog, look, jobs, drift = await asyncio.gather(
            self._source.read(), self._looks.one(environment), self._log.jobs(names), self._log.drift(names)
        )
        return self._standing(environment, catalog, look, jobs, drift)

    async def many(self, environments: Sequence[Environment]) -> Glance:
        """Raises BackendUnavailable for the control database alone."""
        names = [one.name for one in environments]
        catalog, looks, jobs, drift = await asyncio.gather(
            self._source.read(), self._looks.many(environments), self._log.jobs(names), self._log.drift(names)
        )

        def put_together() -> Glance:
            return Glance(
                _files(environments, catalog),
                tuple(
                    self._standing(one, catalog, look, jobs, drift)
                    for one, look in zip(environments, looks, strict=True)
                ),
            )

        # many ledgers that have changed take a while: the loop belongs to every request of this process
        return await asyncio.to_thread(put_together)

    def _standing(
        self,
        environment: Environment,
        catalog: Catalog,
        look: Look,
        jobs: Mapping[str, JobsSeen],
        drift: Mapping[str, DriftCheck],
    ) -> Standing:
        name = environment.name
        known = jobs.get(name, NO_JOBS), drift.get(name) or unseen(name)
        if isinstance(look, BackendUnavailable):
            return Standing(environment, unread(look), known[1], known[0])
        sided = self._worked_out(environment, catalog, look)
        return Standing(environment, sided.sync, known[1], known[0], sided.statuses, look.protection, look.environment)

    def _worked_out(self, environment: Environment, catalog: Catalog, view: TargetView) -> Sided:
        """Views are compared by what they hold: small ledgers are read anew each time."""
        last = self._known.get(environment.name)
        if last is not None and last.catalog is catalog and last.environment == environment and last.view == view:
            return last
        statuses = statuses_of(environment, catalog, view.history, diverging(catalog, view, environment))
        sided = self._known[environment.name] = Sided(environment, catalog, view, statuses, sync_of(statuses))
        return sided


def _files(environments: Sequence[Environment], catalog: Catalog) -> tuple[MigrationStatus, ...]:
    """In the name of any environment: what is asked of these is only what the files say."""
    return statuses_of(environments[0], catalog, History(), ())
