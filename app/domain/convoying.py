"""One job over several targets: a job for each, one after the other, and how it ends with them.

The procedure: start the job of the next target when the one before it has succeeded. When one has not, or somebody
has cancelled the whole, those that are left end as cancelled without having begun; then the whole ends as the worst.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from urllib.parse import quote
from uuid import UUID

from app.domain.environment import whole_of
from app.domain.errors import ValidationFailed
from app.domain.failure import Failure, FailureCode
from app.domain.job import Ended, Job, JobKind, JobRequest, JobState, OnBusy, Wishes
from app.domain.problem import Problem
from app.domain.step import Plan, count_of

MOST_NAMED = 10
UNDER_WAY = "for_targets"
"""The reason of a job that waits for the jobs of its targets."""
NOT_REACHED = "not_reached"
"""That of a job that never began, since the whole went no further."""


@dataclass(frozen=True, slots=True)
class Start:
    """Make the job of the target at this place, and have it begin."""

    place: int


@dataclass(frozen=True, slots=True)
class Skip:
    """Put on record that the target at this place is not touched."""

    place: int
    ended: Ended


@dataclass(frozen=True, slots=True)
class Stop:
    """Ask the job to stop, since the whole is to."""

    job: Job
    by: str


@dataclass(frozen=True, slots=True)
class Wait:
    """There is nothing to do before something else happens; `job`: until its end."""

    message: str
    job: Job | None = None


Move = Start | Skip | Stop | Wait | Ended


def next_move(request: JobRequest, jobs: Sequence[Job], wishes: Wishes) -> Move:
    """`jobs`: those that were made by now, in the order of their targets; so they tell what has been done."""
    targets = _targets(request)
    under_way = next((job for job in jobs if not job.state.final), None)
    if under_way is not None:
        if wishes.cancelled_by is not None and not under_way.cancelling:
            return Stop(under_way, wishes.cancelled_by)
        return Wait(
            f"{_place(jobs, under_way)} of {len(targets)}: job {under_way.id} is at {_of(under_way)}", under_way
        )
    place = len(jobs)
    if place == len(targets):
        return _ended(request, jobs)
    broken = _broken(jobs)
    if broken is not None:
        return Skip(place, _skipped(targets[place], f"job {broken.id} of {_of(broken)} is {broken.state}"))
    if wishes.cancelled_by is not None:
        return Skip(place, _skipped(targets[place], f"{wishes.cancelled_by} has cancelled the whole job"))
    if wishes.paused_by is not None:
        return Wait(f"paused by {wishes.paused_by} before {targets[place]}")
    return Start(place)


def child_request(request: JobRequest, place: int, parent: UUID) -> JobRequest:
    """What is asked of the target at this place; a confirmation of the whole confirms each."""
    assert request.convoy is not None
    return replace(
        for_target(request, request.convoy.targets[place]),
        approved=request.convoy.approved[place],
        parent=parent,
        unasked=not any(request.convoy.approved),
    )


def for_target(request: JobRequest, target: str) -> JobRequest:
    """What is asked of all, asked of one of them."""
    confirmed = request.confirm == whole_of(target)
    return replace(
        request,
        environment=target,
        confirm=target if confirmed else request.confirm,
        on_busy=OnBusy.QUEUE,
        convoy=None,
        approved=None,
        retry_of=None,
    )


def refuse_different_ways_back(request: JobRequest, plans: Mapping[str, Plan]) -> None:
    """By number the newest are meant, and where targets stand at different places these are different migrations.

    Where there is nothing to take back nothing is. Raises ValidationFailed.
    """
    ways = {target: [step.name for step in plan.steps] for target, plan in plans.items() if plan.steps}
    if request.kind is not JobKind.ROLLBACK or request.to is not None or len({*map(tuple, ways.values())}) < 2:
        return
    said = "; ".join(
        f"in {target} {', '.join(names[:MOST_NAMED])}" for target, names in list(ways.items())[:MOST_NAMED]
    )
    message = f"the targets of {request.environment} stand at different places, so this would take back {said}"
    raise ValidationFailed(
        f"{message}; nothing was done, name one target, or with `to` what stays",
        (Problem("different_targets", message),),
        next_steps=tuple(f"POST /migrations/rollback?environment={target}" for target in list(ways)[:MOST_NAMED]),
        facts={"targets": ways},
    )


def _targets(request: JobRequest) -> tuple[str, ...]:
    assert request.convoy is not None
    return request.convoy.targets


def _ended(request: JobRequest, jobs: Sequence[Job]) -> Ended:
    notices = tuple(f"{_of(job)}: {notice}" for job in jobs for notice in job.notices)
    broken = _broken(jobs)
    done = [job for job in jobs if job.state is JobState.SUCCEEDED]
    if broken is None and len(done) == len(jobs):
        told = next((job for job in jobs if job.reason != "nothing_to_do"), jobs[0])
        said = "; ".join(job.message for job in jobs)
        return Ended(JobState.SUCCEEDED, told.reason, said, notices=notices)
    if broken is None:
        message = f"cancelled after {len(done)} of {count_of(len(jobs), 'target')} of {request.environment}"
        return Ended(JobState.CANCELLED, "by_user", message, notices=notices)
    left = [job for job in jobs if job.reason == NOT_REACHED]
    untouched = f"; not touched: {', '.join(_of(job) for job in left)}" if left else ""
    message = f"{_of(broken)}: {broken.message}; done: {len(done)} of {count_of(len(jobs), 'target')}{untouched}"
    return Ended(broken.state, broken.reason, message, _failure(broken, message, done, left), notices)


def _failure(broken: Job, message: str, done: Sequence[Job], left: Sequence[Job]) -> Failure | None:
    """As that of the target where it broke, with what has become of the others."""
    if broken.state is JobState.CANCELLED:
        return None
    of_one = broken.error or Failure(FailureCode.REFUSED, broken.message)
    others = [f"all of it in {_of(job)}" for job in done] + [f"nothing in {_of(job)}" for job in left]
    return replace(
        of_one,
        message=message,
        left_behind="; ".join([f"in {_of(broken)}: {of_one.left_behind}", *others]),
        next_steps=(f"GET /jobs/{broken.id}", *(_there(step, _of(broken)) for step in of_one.next_steps)),
    )


def _there(step: str, target: str) -> str:
    """What one target has had since before is recorded of it alone: the others may not have it."""
    return step.replace("POST /migrations/mark ", f"POST /migrations/mark?environment={quote(target, safe='')} ")


def _broken(jobs: Sequence[Job]) -> Job | None:
    """The first that has not succeeded, though it was to begin."""
    ended = (job for job in jobs if job.state.final and job.reason != NOT_REACHED)
    return next((job for job in ended if job.state is not JobState.SUCCEEDED), None)


def _skipped(target: str, why: str) -> Ended:
    return Ended(JobState.CANCELLED, NOT_REACHED, f"{target} was not touched: {why}")


def _of(job: Job) -> str:
    return job.request.environment


def _place(jobs: Sequence[Job], job: Job) -> int:
    return next(place for place, one in enumerate(jobs, 1) if one.id == job.id)
