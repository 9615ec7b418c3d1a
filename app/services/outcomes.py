"""How an attempt ends, in words: what failed, what was left behind, what to type next."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from app.domain.errors import BackendUnavailable, ListedRefusal, Refusal
from app.domain.failure import Failure, FailureCode
from app.domain.job import AWAY, Attempt, Ended, GivenBack, JobKind, JobRequest, JobState, Outcome
from app.domain.problem import Problem
from app.domain.promotion import HELD_BACK
from app.domain.signals import Cancelled
from app.domain.step import Atomicity, Plan, Step, count_of


def nothing_to_do(request: JobRequest, plan: Plan) -> Ended:
    if request.stranded is not None:
        message = f"the target of {request.environment} is released from job {request.stranded}"
        return Ended(JobState.SUCCEEDED, "released", message)
    if request.kind in (JobKind.MARK, JobKind.RESOLVE):
        message = f"nothing to do: the ledger of {request.environment} says so already"
        return Ended(JobState.SUCCEEDED, "nothing_to_do", message)
    if request.kind is JobKind.SYNC:
        held = any(remark.startswith(HELD_BACK) for remark in plan.remarks)
        has = "may take nothing yet of" if held else "has all"
        message = f"nothing to do: {request.environment} {has} that {request.source} has completed"
        return Ended(JobState.SUCCEEDED, "nothing_to_do", message, notices=plan.notices)
    what = "pending" if request.kind is JobKind.RUN else "applied"
    where = "" if request.to is None else f" {'up to' if request.kind is JobKind.RUN else 'after'} {request.to}"
    message = f"nothing to do: no migration{where} is {what} in {request.environment}"
    return Ended(JobState.SUCCEEDED, "nothing_to_do", message, notices=plan.notices)


_DONE: Mapping[JobKind, tuple[str, str]] = {
    JobKind.RUN: ("applied", "applied"),
    JobKind.SYNC: ("applied", "applied"),
    JobKind.MARK: ("marked", "recorded and not run"),
    JobKind.RESOLVE: ("resolved", "recorded and not run"),
}


def succeeded(attempt: Attempt, steps: Sequence[Step], notices: tuple[str, ...]) -> Ended:
    retrieval = attempt.request.retrieval
    if retrieval is not None:
        message = f"the kept rows are in the table {retrieval.said} of {attempt.request.environment}"
        return Ended(JobState.SUCCEEDED, "restored", message, notices=notices)
    reason, verb = _DONE.get(attempt.request.kind, ("rolled_back", "rolled back"))
    return Ended(
        JobState.SUCCEEDED,
        reason,
        f"{count_of(len(steps), 'migration')} {verb} in {attempt.request.environment}",
        notices=notices,
    )


def released(attempt: Attempt) -> Ended:
    """How the job ended that somebody took the target from."""
    why = f": {attempt.request.note}" if attempt.request.note else ""
    message = f"the target was released from it by {attempt.actor} with job {attempt.job_id}{why}"
    failure = Failure(
        code=FailureCode.CRASHED,
        message=message,
        left_behind="what its committed steps did; GET /migrations shows it",
        safe_to_retry=False,
        next_steps=("GET /migrations",),
    )
    return Ended(JobState.NEEDS_ATTENTION, "released", message, failure)


def cancelled(attempt: Attempt, asked: Cancelled, total: int) -> Ended:
    """Steps before the one under way stand; a transaction has rolled that one back, or it says what it has left."""
    done = asked.ordinal
    kept = [f"{done} of {total} steps were done before and stay"] if done else []
    if not asked.left.startswith("nothing"):
        kept.append(f"of the one under way: {asked.left}")
    left = "; ".join(kept) or "nothing was changed"
    return Ended(JobState.CANCELLED, "by_user", f"the {attempt.request.kind} was cancelled by {asked.by}; {left}")


def ended_badly(failure: Failure) -> Ended:
    if failure.code in (FailureCode.TRANSACTION_ENDED, FailureCode.UNCERTAIN):
        return Ended(JobState.NEEDS_ATTENTION, failure.code.value, failure.message, failure)
    return Ended(JobState.FAILED, failure.code.value, failure.summary(), failure)


def crashed(starts: int) -> Ended:
    failure = Failure(
        code=FailureCode.CRASHED,
        message=f"it was started {starts - 1} times and never came to an end; it is not started again",
        left_behind="only whole steps: GET /migrations shows which are applied",
        safe_to_retry=True,
        next_steps=("look into the worker's log for what ended it", "POST /migrations/run"),
    )
    return ended_badly(failure)


def refused(refusal: Refusal, attempt: Attempt) -> Ended:
    problems = refusal.problems if isinstance(refusal, ListedRefusal) else ()
    first = problems[0] if problems else None
    failure = Failure(
        code=FailureCode.REFUSED,
        message=refusal.detail,
        detail="\n".join(f"{one.place}: {one.message}" if one.file else one.message for one in problems) or None,
        migration=first.migration if first else None,
        file=first.file if first else None,
        line=first.line if first else None,
        column=first.column if first else None,
        left_behind="nothing: it was refused before the first step"
        if attempt.starts == 0
        else "what earlier attempts of this job have applied stays; GET /migrations shows it",
        next_steps=refusal.next_steps or (_then(problems, attempt),),
    )
    return Ended(JobState.FAILED, refusal.slug.replace("-", "_"), refusal.detail, failure)


def _then(problems: Sequence[Problem], attempt: Attempt) -> str:
    if any(one.file for one in problems):
        return "correct the files named here, then run again"
    return f"POST /jobs/{attempt.job_id}/retry"


def cannot_be_used(attempt: Attempt, error: BackendUnavailable, give_back_ms: int) -> Outcome:
    """Nobody but a person can change it. Only a job that never held the fence may simply end."""
    if attempt.starts == 0:
        return target_unusable(error)
    return GivenBack("target_unusable", error.detail, give_back_ms)


def target_unusable(error: BackendUnavailable) -> Ended:
    return Ended(JobState.FAILED, "target_unusable", error.detail, target_failure(error))


def cannot_be_reached(attempt: Attempt, error: BackendUnavailable, give_back_ms: int, *, patient: bool) -> Outcome:
    if attempt.starts == 0 and not patient:
        return Ended(JobState.FAILED, AWAY, error.detail, target_failure(error))
    return GivenBack(AWAY, error.detail, give_back_ms)


def target_failure(error: BackendUnavailable) -> Failure:
    return Failure(
        code=FailureCode.REFUSED,
        message=error.detail,
        left_behind="nothing: the target was never changed",
        next_steps=error.next_steps,
    )


def left(failure: Failure, atomic: Atomicity, undone: Sequence[Step], failed_at: int) -> Failure:
    if atomic is Atomicity.RUN:
        return replace(failure, left_behind="nothing: the whole run was rolled back by its transaction")
    if undone:
        names = ", ".join(step.name for step in undone)
        stays = (
            "nothing: the step was rolled back" if failure.left_behind.startswith("nothing") else failure.left_behind
        )
        return replace(failure, left_behind=f"{stays}, and {names} undone after it")
    if failed_at:
        kept = "migration before it in this job stays" if failed_at == 1 else "migrations before it in this job stay"
        which = "the" if failed_at == 1 else f"the {failed_at}"
        left = f"{failure.left_behind}; {which} {kept} done"
        return replace(failure, left_behind=left)
    return failure


def left_half_way(failure: Failure, undoing: Failure) -> Failure:
    return replace(
        failure,
        left_behind=f"part of the job: undoing it failed too, in {undoing.migration}: {undoing.summary()}",
        next_steps=(
            *failure.next_steps,
            f"correct the down of {undoing.migration}, then POST /migrations/rollback",
        ),
    )


def stopped_half_way(failure: Failure, by: str) -> Failure:
    return replace(
        failure,
        left_behind=f"part of the job: {by} cancelled it while its earlier steps were being undone",
        next_steps=("GET /migrations", *failure.next_steps),
    )


def without_lease(outcome: Outcome) -> Outcome:
    """On record, as every way round a guard is: the fence alone kept the target."""
    if not isinstance(outcome, Ended):
        return outcome
    notice = "Redis could not be reached when the job began: the fence in the target alone kept others away"
    return replace(outcome, notices=(*outcome.notices, notice))
