"""Environments as they are registered over HTTP, beside those of liftlock.toml, which cannot be changed here."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import structlog

from app.domain.environment import Dsn, Environment
from app.domain.errors import (
    BackendUnavailable,
    ConfirmationRequired,
    NotFound,
    PreconditionFailed,
    StandsInFile,
    StillNeeded,
    TargetBusy,
    ValidationFailed,
)
from app.domain.job import Job, JobState, Origin
from app.domain.registered import Registered
from app.domain.removed import Removed
from app.domain.step import count_of
from app.domain.unusable import Unusable
from app.ports import JobBoard, JobQuery, Reader, Registry, Targets
from app.services.approving import ApprovalDesk
from app.services.environments import Environments
from app.services.removed import RemovedEnvironments
from app.services.schedule import ScheduleService
from app.services.submission import Submission

TRIES = 5
"""While others change the same environment."""

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Put:
    """`is_new`: there was none of that name."""

    registered: Registered
    environment: Environment
    is_new: bool


class EnvironmentRegistry:
    def __init__(
        self,
        environments: Environments,
        registry: Registry,
        reader: Reader,
        board: JobBoard,
        targets: Targets,
        submission: Submission,
        schedules: ScheduleService,
        removed: RemovedEnvironments,
        approvals: ApprovalDesk,
    ) -> None:
        self._removed = removed
        self._approvals = approvals
        self._environments = environments
        self._registry = registry
        self._reader = reader
        self._board = board
        self._targets = targets
        self._submission = submission
        self._schedules = schedules
        self._seen: tuple[Registered, ...] = ()
        self._held_to: tuple[Registered, ...] = self._seen

    async def refresh(self) -> None:
        """Know what is registered by now, and what has been taken out of the file; every process does so every few
        seconds. Raises BackendUnavailable."""
        found = await self._registry.all()
        if found != self._seen:
            self._environments.register(*self._read_all(found))
            # with nothing between: who looks at the same time, and was answered earlier, is put right the next time
            self._seen = found
        if self._held_to is not self._seen:
            seen = self._seen
            await self._approvals.look_again()
            # not before: where it does not come to an end it is done again
            self._held_to = seen
        await self._removed.refresh()

    async def begin(self) -> None:
        """At the start of a process: what stands in its file is on record from here on. Raises BackendUnavailable."""
        await self._removed.note_file()
        await self.refresh()
        await self._removed.wake()

    def _read_all(self, found: tuple[Registered, ...]) -> tuple[dict[str, Environment], dict[str, Unusable]]:
        """They may name one another in any order, so each is read twice: alone, and beside all others."""
        file = self._environments.of_file
        alone = {one.name: self._reader.read(one.name, one.document, file)[0] for one in found}
        every = {**file, **{name: one for name, one in alone.items() if one is not None}}
        usable, unusable = dict[str, Environment](), dict[str, Unusable]()
        for one in found:
            others = {name: other for name, other in every.items() if name != one.name}
            environment, problems = self._reader.read(one.name, one.document, others)
            if environment is not None and not problems:
                usable[one.name] = environment
                continue
            why = [problem.message for problem in problems]
            unusable[one.name] = Unusable(environment or Environment(one.name, Dsn("")), "; ".join(why))
            log.error("environment.unusable", environment=one.name, why=why)
        return usable, unusable

    async def registered(self, name: str) -> Registered | None:
        """As it was sent; None for one of the file. Raises NotFound."""
        await self.refresh()
        found = next((one for one in self._seen if one.name == name), None)
        removed = self._environments.removed_as(name)
        if removed is not None:
            raise NotFound(f"{name} {removed.gone}, and is not registered", next_steps=(f"GET /environments/{name}",))
        if found is None:
            self._environments.configured(name)
        return found

    async def put(self, name: str, document: Mapping[str, object], version: int | None, origin: Origin) -> Put:
        """Register it, or change it. `version`: the one that the caller has seen, 0 for none, None for any.

        Raises ReadOnly, StandsInFile, ValidationFailed with every problem, TargetBusy for another address while a job
        is at work, PreconditionFailed, or BackendUnavailable.
        """
        self._submission.refuse_when_read_only()
        self._refuse_file(name)
        for _ in range(TRIES):
            await self.refresh()
            environment = self._read(name, document)
            moved = self._moved_by(environment)
            await self._refuse_at_work(name, moved)
            seen = self._version_of(name) if version is None else version
            written = await self._registry.put(name, document, seen, origin, moved)
            if written is not None:
                await self._changed()
                await self._removed.wake()
                return Put(written, environment, written.version == 1)
            if version is not None:
                # a job may have begun since
                await self._refuse_at_work(name, moved)
                break
        raise _moved(name)

    async def delete(self, name: str, version: int | None, confirm: str | None, origin: Origin) -> None:
        """Forget it; its target is left as it is, and its jobs stay on record. `version`: as of `put`.

        One that was taken out of the file is removed for good: its jobs that wait are cancelled. Raises ReadOnly,
        NotFound, StandsInFile, StillNeeded, TargetBusy, PreconditionFailed, or ConfirmationRequired for a history.
        """
        self._submission.refuse_when_read_only()
        await self.refresh()
        self._refuse_file(name)
        if name in self._environments.removed:
            if version is not None:
                raise _moved(name)
            await self._removed.remove(self._environments.removed[name], confirm, origin)
            await self._changed()
            return
        unusable = self._environments.unread.get(name)
        environment = self._environments.configured(name) if unusable is None else unusable.environment
        self._refuse_needed(name)
        await self._refuse_open(environment, unusable)
        if confirm != name:
            await self._refuse_history(environment, unusable)
        if not await self._registry.delete(name, version, origin):
            if version is not None:
                raise _moved(name)
            raise NotFound(f"there is no environment {name!r}", next_steps=("GET /environments",))
        await self._changed()

    async def _changed(self) -> None:
        """The schedules of those that follow by themselves go with it; they are put right at the next start if not."""
        await self.refresh()
        await self._schedules.configure()

    def _refuse_file(self, name: str) -> None:
        if name in self._environments.of_file:
            raise StandsInFile(
                f"{name} stands in liftlock.toml, which wins; change it there and start Liftlock again",
                facts={"environment": name},
            )

    def _refuse_needed(self, name: str) -> None:
        needing = [
            one.name
            for one in self._environments.all()
            if one.name != name and (name in one.requires or (one.sync is not None and one.sync.source == name))
        ]
        if needing:
            raise StillNeeded(
                f"{', '.join(needing)} requires or follows {name}; change that first",
                facts={"environment": name, "neededBy": needing},
                next_steps=tuple(f"PUT /environments/{one}" for one in needing),
            )

    def _read(self, name: str, document: Mapping[str, object]) -> Environment:
        """Raises ValidationFailed with every problem."""
        environment, problems = self._reader.read(name, document, self._environments.without(name))
        if environment is None or problems:
            raise ValidationFailed(problems[0].message, problems, next_steps=("GET /docs",))
        return environment

    def _version_of(self, name: str) -> int:
        """0 where there is none."""
        return next((one.version for one in self._seen if one.name == name), 0)

    def _moved_by(self, environment: Environment) -> tuple[str, ...]:
        """The queues of what would have another address; of one that nobody here can read nobody knows.

        A new one may have the name of one that is gone, whose jobs are still there.
        """
        name = environment.name
        if not self._version_of(name):
            removed = self._environments.removed.get(name)
            is_back = removed is not None and removed.has_stood_at(environment)
            return () if is_back else _queues_of(environment)
        known = (self._environments.configured(name),) if self._environments.knows(name) else ()
        if any(one.is_at(environment) for one in known):
            return ()
        return _queues_of(*known, environment)

    async def _refuse_at_work(self, name: str, queues: Sequence[str]) -> None:
        """A job that has begun would go on in another database than the one where it began."""
        for job in await self._open_on(queues):
            leads = job.request.convoy is not None and job.attempt > 0
            if job.state is JobState.RUNNING or job.starts > 0 or leads:
                removed = self._environments.removed.get(name)
                raise _busy(job, _would_move(name)) if removed is None else _left_there(job, removed)

    async def _refuse_open(self, environment: Environment, unusable: Unusable | None) -> None:
        """Of one that cannot be used not every target need be known, so that all jobs of its name are looked at."""
        name = environment.name
        states = (JobState.WAITING,) if unusable is None else (JobState.WAITING, JobState.QUEUED, JobState.RUNNING)
        named = [JobQuery(environment=name, with_targets=True, state=state, limit=1) for state in states]
        found = [job for query in named for job in await self._board.find(query)]
        for job in (*await self._open_on(_queues_of(environment)), *found):
            raise _busy(job, f"of {name} has not ended; wait for it, or cancel it")

    async def _open_on(self, queues: Sequence[str]) -> list[Job]:
        return [job for queue in queues for job in await self._board.open_on(queue)]

    async def _refuse_history(self, environment: Environment, unusable: Unusable | None) -> None:
        if unusable is not None:
            raise _unconfirmed(environment, "may have a history, which cannot be looked at here", None)
        jobs = await self._board.find(JobQuery(environment=environment.name, limit=1))
        try:
            views = [await self._targets.read(one) for one in environment.each()]
            applied = sum(len(view.history.applied) for view in views)
        except BackendUnavailable:
            # nobody can tell: it is asked about
            applied = 1
        if jobs or applied:
            raise _unconfirmed(environment, f"has a history ({count_of(applied, 'migration')} applied)", applied)


def _queues_of(*every: Environment) -> tuple[str, ...]:
    return tuple(dict.fromkeys(name for one in every for name in (one.name, *(part.name for part in one.each()))))


def _unconfirmed(environment: Environment, has: str, applied: int | None) -> ConfirmationRequired:
    return ConfirmationRequired(
        f"{environment.name} {has}; its database stays as it is, and nobody looks after it then; type its name to say "
        f"that you mean it",
        facts={"environment": environment.name, "applied": applied},
        next_steps=(f"DELETE /environments/{environment.name}?confirm={environment.name}",),
    )


def _busy(job: Job, why: str) -> TargetBusy:
    return TargetBusy(
        f"job {job.id} ({job.request.kind}) {why}",
        facts={"jobId": str(job.id), "state": job.state.value},
        next_steps=(f"POST /jobs/{job.id}/cancel",),
    )


def _would_move(name: str) -> str:
    return f"is at work in {name}, which would have another address; wait for it, or cancel it"


def _left_there(job: Job, removed: Removed) -> TargetBusy:
    """Nobody can cancel it there before it is back."""
    return TargetBusy(
        f"job {job.id} ({job.request.kind}) of {removed.name} has begun in {removed.stood.address}, and may hold it; "
        f"put {removed.name} back there, and let the job end before it has another address",
        facts={"jobId": str(job.id), "state": job.state.value},
        next_steps=(f"GET /jobs/{job.id}",),
    )


def _moved(name: str) -> PreconditionFailed:
    return PreconditionFailed(
        f"the environment {name} is not, or no longer, the one that the request is held to; look again, then decide",
        facts={"environment": name},
        next_steps=(f"GET /environments/{name}/registration",),
    )
