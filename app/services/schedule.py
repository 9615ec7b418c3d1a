"""ScheduleService: what runs by itself, and when; a tick starts what is due."""

import structlog

from app.domain.errors import BackendUnavailable, NotFound
from app.domain.job import JobId, JobKind, JobRequest, Origin
from app.domain.schedule import Schedule, following, name_of_following
from app.ports import Clock, Doorbell, JobBoard, JobSweep, KeyClaim, NewJob, Schedules
from app.services.environments import Environments
from app.services.submission import Submission, Submitted

log = structlog.get_logger()


class ScheduleService:
    def __init__(
        self,
        schedules: Schedules,
        environments: Environments,
        submission: Submission,
        board: JobBoard,
        sweep: JobSweep,
        doorbell: Doorbell,
        clock: Clock,
    ) -> None:
        self._schedules = schedules
        self._environments = environments
        self._submission = submission
        self._board = board
        self._sweep = sweep
        self._doorbell = doorbell
        self._clock = clock

    async def configure(self) -> None:
        """Have the schedules that the configuration asks for, and no other of their kind. Raises BackendUnavailable.

        What an environment asks for that cannot be read here is for those processes to say that can. That of one that
        was taken out of the file stays as it is, paused or not: it may be put back.
        """
        left_alone = [name_of_following(name) for name in (*self._environments.unread, *self._environments.removed)]
        await self._schedules.keep(JobKind.FOLLOW, following(self._environments.all()), left_alone)

    async def list(self) -> tuple[Schedule, ...]:
        return await self._schedules.all()

    async def get(self, name: str) -> Schedule:
        """Raises NotFound with the names there are."""
        every = await self._schedules.all()
        for schedule in every:
            if schedule.name == name:
                return schedule
        raise _unknown(name, [schedule.name for schedule in every])

    async def pause(self, name: str, origin: Origin) -> Schedule:
        self._submission.refuse_when_read_only()
        return await self._schedules.pause(name, origin) or await self.get(name)

    async def resume(self, name: str, origin: Origin) -> Schedule:
        """What was missed meanwhile is made up for once, with the next tick."""
        self._submission.refuse_when_read_only()
        return await self._schedules.resume(name, origin) or await self.get(name)

    async def run(self, name: str, note: str | None, origin: Origin, idempotency: KeyClaim | None = None) -> Submitted:
        """Now, paused or not; its next moment stays as it is. Raises EnvironmentRemoved, or as `get`."""
        self._submission.refuse_when_read_only()
        schedule = await self.get(name)
        self._environments.refuse_removed(schedule.environment)
        new = NewJob(
            id=JobId(self._clock.new_id()),
            request=JobRequest(schedule.kind, schedule.environment, note=note, schedule=name),
            origin=origin,
            message=f"the schedule {name} is waiting for a worker",
            idempotency=idempotency,
        )
        job = await self._board.add(new)
        await self._schedules.ran(name, job.id)
        return Submitted(job, await self._submission.ring(job))

    async def tick(self) -> None:
        """Start what is due; whoever ticks beside us starts nothing twice.

        While the control database is away the tick is lost, and the next one makes up for it.
        """
        try:
            started = await self._schedules.tick()
        except BackendUnavailable as error:
            log.warning("schedule.waits", why=error.detail)
            return
        for job_id in started:
            log.info("schedule.started", job=str(job_id))
            if not await self._doorbell.ring(job_id):
                await self._sweep.unrung(job_id)


def _unknown(name: str, names: list[str]) -> NotFound:
    return NotFound(
        f"there is no schedule {name[:100]!r}; there is {', '.join(names)}",
        facts={"schedules": names},
        next_steps=("GET /schedules",),
    )
