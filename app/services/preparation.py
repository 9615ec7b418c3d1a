"""What an environment has done before a run touches it, such as a backup; without it nothing is run."""

import shlex

from app.domain.consent import call_of
from app.domain.environment import Environment
from app.domain.errors import OutsideWindow
from app.domain.failure import Failure, FailureCode
from app.domain.job import Attempt, Ended, JobState
from app.domain.signals import Cancelled
from app.domain.windows import Closed, closed_at
from app.ports import Clock, CommandEnd, Commands
from app.services.lookout import Watch
from app.services.progress import Progress


class Preparation:
    def __init__(self, commands: Commands, clock: Clock) -> None:
        self._commands = commands
        self._clock = clock

    async def before(
        self, environment: Environment, attempt: Attempt, watch: Watch, progress: Progress
    ) -> tuple[str, ...] | Ended:
        """What is said of it, or how the job ends because of it. Raises Cancelled."""
        if not environment.before_run or not attempt.request.kind.goes_up:
            return ()
        # its arguments may hold what is not for everybody who may look at jobs
        said = shlex.quote(environment.before_run[0])
        progress.say(f"before the first step: {said}")
        end = await self._commands.run(
            environment.before_run,
            environment.direct or environment.dsn,
            environment.before_run_timeout.total_seconds(),
            lambda: watch.lost or watch.cancelled_by is not None,
        )
        if watch.cancelled_by is not None:
            raise Cancelled(watch.cancelled_by, 0)
        if end.exit_code != 0 or end.problem is not None:
            return _failed(said, end, call_of(attempt.request))
        closed = closed_at(environment.windows, attempt.moment(self._clock.now()))
        if closed is not None:
            return _too_late(environment, said, closed, call_of(attempt.request))
        return (f"before the run: {said}" + (f"\n{end.output}" if end.output else ""),)


def _failed(said: str, end: CommandEnd, call: str) -> Ended:
    how = end.problem or f"it ended with exit code {end.exit_code}"
    failure = Failure(
        code=FailureCode.REFUSED,
        message=f"what has to be done before a run has failed: {said}: {how}",
        detail=end.output or None,
        left_behind="nothing: the run was refused before its first step",
        next_steps=("correct what the command says, or `beforeRun` in liftlock.toml", call),
    )
    return Ended(JobState.FAILED, "before_run_failed", failure.message, failure)


def _too_late(environment: Environment, said: str, closed: Closed, call: str) -> Ended:
    failure = Failure(
        code=FailureCode.REFUSED,
        message=f"while {said} was at work the window has closed: {environment.name} may not be changed now: "
        f"{closed.said()}",
        left_behind="nothing: the run was refused before its first step",
        next_steps=(f'{call} {{"outsideWindow": "queue"}}',),
    )
    return Ended(JobState.FAILED, OutsideWindow.slug.replace("-", "_"), failure.message, failure)
