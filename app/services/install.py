"""Liftlock's own tables, applied by its own engine: safe when any number of processes start together."""

import uuid

import structlog

from app.domain.environment import Dsn, Environment, OutOfOrder, SchemaCheck
from app.domain.job import Attempt, Ended, JobId, JobKind, JobRequest, JobState
from app.domain.migration import Catalog
from app.domain.pinned import bind
from app.domain.plan import plan_run
from app.domain.signals import Fenced
from app.ports import Clock, FenceBusy, Limits, Source, Targets, TargetSession

SCOPE = "liftlock_control"
ACTOR = "liftlock"
POLL_S = 0.1
STUCK_AFTER_S = 10.0

log = structlog.get_logger()


class ControlInstaller:
    """A job of the control scope without a row in the control database, which does not exist yet."""

    def __init__(self, dsn: Dsn, source: Source, targets: Targets, clock: Clock, limits: Limits) -> None:
        self._environment = Environment(
            "liftlock-control", dsn, out_of_order=OutOfOrder.ALLOW, scope=SCOPE, schema_check=SchemaCheck.OFF
        )
        self._source = source
        self._targets = targets
        self._clock = clock
        self._limits = limits

    async def install(self) -> int:
        """Bring the control tables up to this release; how many migrations that took.

        Whoever holds the fence of the control scope installs; the others wait for it. One that has not
        moved for ten seconds is taken over under its own job id by a newer attempt, which goes on where it
        stood. Raises BackendUnavailable.
        """
        catalog = await self._source.read()
        attempt, waited_s = self._attempt(JobId(self._clock.new_id()), 1), 0.0
        while await self._is_pending(catalog):
            applied = await self._try(catalog, attempt)
            if not isinstance(applied, FenceBusy):
                return applied
            await self._clock.pause(POLL_S)
            waited_s += POLL_S
            if waited_s >= STUCK_AFTER_S and applied.job_id is not None:
                attempt, waited_s = self._attempt(JobId(applied.job_id), (applied.attempt or 0) + 1), 0.0
        return 0

    async def is_complete(self) -> bool:
        """Whether the control tables have all that this release needs. Raises BackendUnavailable."""
        return not await self._is_pending(await self._source.read())

    async def _is_pending(self, catalog: Catalog) -> bool:
        view = await self._targets.read(self._environment)
        return not all(view.history.is_applied(migration.name) for migration in catalog.migrations)

    async def _try(self, catalog: Catalog, attempt: Attempt) -> int | FenceBusy:
        async with self._targets.open(self._environment, attempt) as session:
            acquired = await session.acquire(attempt, uuid.uuid4())
            if isinstance(acquired, FenceBusy):
                return acquired
            try:
                return await self._apply(session, catalog, attempt)
            except Fenced:
                return FenceBusy(None, None, None)

    async def _apply(self, session: TargetSession, catalog: Catalog, attempt: Attempt) -> int:
        pinned, history = await session.pin(lambda view: plan_run(catalog, view.history, OutOfOrder.ALLOW))
        steps = bind(pinned, catalog, history, attempt.job_id)
        for ordinal, step in enumerate(steps):
            await session.apply(ordinal, [step], self._limits)
            log.info("control.migrated", migration=step.name)
        await session.finish(Ended(JobState.SUCCEEDED, "applied", f"{len(steps)} control migrations applied"))
        return len(steps)

    def _attempt(self, job_id: JobId, number: int) -> Attempt:
        return Attempt(
            job_id=job_id,
            number=number,
            request=JobRequest(JobKind.RUN, self._environment.name),
            floor_epoch=0,
            starts=0,
            max_starts=1,
            queued_since=self._clock.now(),
            owner=ACTOR,
            actor=ACTOR,
        )
