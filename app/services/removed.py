"""Environments that were taken out of liftlock.toml: found out, and removed for good when somebody says so."""

from collections.abc import Mapping

import structlog

from app.domain.convoying import UNDER_WAY
from app.domain.errors import ConfirmationRequired, NotFound, TargetBusy
from app.domain.job import Job, JobState, Origin
from app.domain.removed import InFile, Removed, beside
from app.ports import FileRecord, JobBoard, JobQuery
from app.services.environments import Environments
from app.services.migration import MigrationService

AT_ONCE = 200

log = structlog.get_logger()


class RemovedEnvironments:
    def __init__(
        self, environments: Environments, record: FileRecord, board: JobBoard, migrations: MigrationService
    ) -> None:
        self._environments = environments
        self._record = record
        self._board = board
        self._migrations = migrations

    async def note_file(self) -> None:
        """Have on record what stands in the file of this process: at its start. Raises BackendUnavailable."""
        every = self._environments.of_file.values()
        named = {part.name: part for one in every for part in (one, *one.each())}
        await self._record.seen([InFile.of(one) for one in named.values()])

    async def wake(self) -> None:
        """Jobs that have waited for a process that has their environment go on. Raises BackendUnavailable."""
        await self._record.wake([one.name for one in self._environments.all()])

    async def refresh(self) -> None:
        """Know which are left out by now. Raises BackendUnavailable."""
        configured = self._environments.all()
        wholes = [one.name for one in configured]
        known = {*wholes, *self._environments.unread, *(part.name for one in configured for part in one.each())}
        found = await self._record.left_out(known, wholes)
        self._environments.removed = {one.name: beside(one, configured) for one in found}

    def tell(self) -> None:
        """One line of the log, where there are some."""
        removed = self._environments.removed
        if removed:
            log.warning("environments.removed", **_told(removed))

    async def remove(self, removed: Removed, confirm: str | None, origin: Origin) -> None:
        """For good: its jobs that wait are cancelled, what has ended stays on record.

        Raises TargetBusy for a job that has begun, ConfirmationRequired, NotFound or BackendUnavailable.
        """
        name = removed.name
        for state in (JobState.RUNNING, JobState.QUEUED):
            for job in await self._open(name, state):
                _refuse_begun(job, name)
        if confirm != name:
            raise _unconfirmed(removed)
        for state in (JobState.QUEUED, JobState.WAITING):
            while every := await self._open(name, state):
                for job in every:
                    _refuse_begun(await self._migrations.cancel(job.id, origin), name)
        if not await self._record.remove(name, origin):
            raise NotFound(f"there is no environment {name!r}", next_steps=("GET /environments",))
        # a scan or a proof that waits for it ends at once, as of what is not there
        await self._record.wake([name])

    async def _open(self, name: str, state: JobState) -> list[Job]:
        """The oldest first: of those in the queue it alone can have been taken, and then no other is cancelled."""
        found: list[Job] = []
        while True:
            before = found[-1].id if found else None
            wanted = JobQuery(AT_ONCE, before, state, environment=name, with_targets=True, idle=True)
            page = await self._board.find(wanted)
            found += page
            if len(page) < AT_ONCE:
                return found[::-1]


def _refuse_begun(job: Job, name: str) -> None:
    """It may hold its target, and go on there when the environment is back. One that was cancelled has ended."""
    begun = job.starts > 0 or job.state is JobState.RUNNING or job.reason == UNDER_WAY or job.cancelling
    if begun and not job.state.final:
        raise TargetBusy(
            f"job {job.id} ({job.request.kind}) of {name} has begun, and may hold its target; put {name} back, and "
            f"wait for it or cancel it there",
            facts={"jobId": str(job.id), "state": job.state.value},
            next_steps=(f"GET /jobs/{job.id}",),
        )


def _unconfirmed(removed: Removed) -> ConfirmationRequired:
    cancelled = "what has not ended would be cancelled, " if removed.open_jobs else ""
    return ConfirmationRequired(
        f"{removed.name} {removed.gone}, and has {removed.on_record}; {cancelled}its database stays as it is; type its "
        f"name to say that you mean it",
        facts=removed.facts,
        next_steps=(f"DELETE /environments/{removed.name}?confirm={removed.name}",),
    )


def _told(removed: Mapping[str, Removed]) -> dict[str, object]:
    return {
        "names": list(removed),
        "why": "; ".join(f"{one.name} {one.gone}, and has {one.on_record}" for one in removed.values()),
    }
