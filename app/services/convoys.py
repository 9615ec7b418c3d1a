"""ConvoyLeader: one attempt at a job over several targets. It makes the next job, or waits for the one under way.

What has been done is told by the jobs of the targets alone, so whoever takes the job over goes on where it stood. It
holds no worker while it waits: it gives the job back, and is rung for when the job of the target has ended.
"""

from datetime import timedelta

from app.domain.convoying import UNDER_WAY, Skip, Start, Stop, Wait, child_request, next_move
from app.domain.errors import NotFound
from app.domain.job import Attempt, Ended, GivenBack, Job, JobId, Origin
from app.domain.principal import Principal
from app.ports import Clock, Convoys, Doorbell, JobBoard, JobClaims, JobControl, JobSweep, NewJob
from app.services.roll_call import RollCall

LONGEST_PAUSE_MS = 300_000


class ConvoyLeader:
    """`look_again_ms`: how soon it looks again by itself at first, should nobody ring."""

    def __init__(
        self,
        convoys: Convoys,
        claims: JobClaims,
        board: JobBoard,
        control: JobControl,
        sweep: JobSweep,
        doorbell: Doorbell,
        clock: Clock,
        roll_call: RollCall,
        *,
        look_again_ms: int,
    ) -> None:
        self._roll_call = roll_call
        self._convoys = convoys
        self._claims = claims
        self._board = board
        self._control = control
        self._sweep = sweep
        self._doorbell = doorbell
        self._clock = clock
        self._look_again_ms = look_again_ms

    async def advance(self, attempt: Attempt) -> tuple[Ended | GivenBack, JobId | None]:
        """How the attempt ends, and the job to ring for after that. Raises BackendUnavailable or NotFound.

        Each round is decided anew from what is on record; to start twice what stands there already changes nothing.
        """
        while True:
            jobs = await self._convoys.of(attempt.job_id)
            match next_move(attempt.request, jobs, attempt.wishes):
                case Start(place):
                    refused = await self._roll_call.refused(attempt) if not jobs else None
                    if refused is not None:
                        return refused, None
                    started = await self._add(attempt, place, None)
                    if not started.state.final:
                        said = f"{place + 1} of {_number(attempt)}: {started.request.environment} (job {started.id})"
                        return self._until(said, started), started.id
                case Skip(place, ended):
                    await self._add(attempt, place, ended)
                case Stop(job, by):
                    await self._control.cancel(job.id, Principal(by))
                case Wait(message, job):
                    return self._until(message, job), None
                case Ended() as ended:
                    return ended, None

    async def has_begun(self, attempt: Attempt) -> bool:
        """Whether there is a job of one of its targets."""
        return bool(await self._convoys.of(attempt.job_id))

    async def has_moved(self, attempt: Attempt) -> bool:
        """Whether there is something to do by now: what was asked, or ended, during the attempt has rung for nobody."""
        jobs, wishes = await self._convoys.of(attempt.job_id), await self._claims.wishes(attempt)
        return not isinstance(next_move(attempt.request, jobs, wishes), Wait)

    async def ring(self, job_id: JobId) -> None:
        """Where nobody hears it the sweeper rings again."""
        if not await self._doorbell.ring(job_id):
            await self._sweep.unrung(job_id)

    async def _add(self, attempt: Attempt, place: int, finished: Ended | None) -> Job:
        request = child_request(attempt.request, place, attempt.job_id)
        new = NewJob(
            id=JobId(self._clock.new_id()),
            request=request,
            origin=await self._asked_by(attempt.job_id),
            message=f"it is the turn of {request.environment}; waiting for a worker",
            finished=finished,
        )
        return await self._convoys.add(attempt.job_id, place, new)

    async def _asked_by(self, job_id: JobId) -> Origin:
        job = await self._board.get(job_id)
        if job is None:
            raise NotFound(f"there is no job {job_id}")
        return job.origin

    def _until(self, message: str, job: Job | None) -> GivenBack:
        """Rung for at the end of the job; should that be lost, it looks again, the more seldom the longer it lasts.

        Without a job it is paused, and rung for when it is to go on.
        """
        if job is None:
            return GivenBack(UNDER_WAY, message, LONGEST_PAUSE_MS)
        age_ms = round((self._clock.now() - job.created_at) / timedelta(milliseconds=1))
        return GivenBack(UNDER_WAY, message, min(max(age_ms, self._look_again_ms), LONGEST_PAUSE_MS))


def _number(attempt: Attempt) -> int:
    return 0 if attempt.request.convoy is None else len(attempt.request.convoy.targets)
