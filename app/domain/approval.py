"""Approvals: which jobs wait for one, what exactly is approved, and who may say so."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from app.domain.binding import Binding, BoundStep, does_the_same, stale_reasons
from app.domain.environment import Environment
from app.domain.errors import ApprovalVoid, Forbidden, NothingToApprove
from app.domain.job import Job, JobKind, JobRequest, JobState
from app.domain.ledger import History
from app.domain.principal import Principal
from app.domain.promotion import HELD_BACK
from app.domain.step import Plan, count_of

REASON = "approval"
"""Why a job waits."""
REJECTED = "rejected"
"""Why it did not begin, where somebody has said no."""
MOST_NAMED = 10


_VERB = {
    JobKind.RUN: "the run",
    JobKind.ROLLBACK: "the rollback",
    JobKind.RESET: "the reset",
    JobKind.MARK: "the mark",
    JobKind.RESOLVE: "the answer to a conflict",
    JobKind.RESTORE: "the restoring of kept rows",
    JobKind.SYNC: "the sync",
}


@dataclass(frozen=True, slots=True)
class Vote:
    """Somebody's word on a job that waits for it."""

    by: Principal
    at: datetime
    approved: bool
    note: str | None = None


def approvals_needed(environment: Environment, request: JobRequest) -> int:
    """Whatever writes the target needs them, but the release of one that a job holds which nobody will go on with."""
    return environment.approvals if request.kind.writes_target and request.stranded is None else 0


def asked_by(job: Job, by: Principal) -> bool:
    """Whether it is they who asked for it."""
    asked = job.origin.principal
    return (by.kind, by.id) == (asked.kind, asked.id)


def accepted(request: JobRequest, needed: int, not_before: datetime | None) -> str:
    """What is said of a job that is not over."""
    return f"{_VERB[request.kind]} in {request.environment} {waits_for(request, needed, not_before)}"


def waits_for(request: JobRequest, needed: int, not_before: datetime | None) -> str:
    """What a job waits for that has just been accepted, and what is to be approved, each with the beginning of its
    checksum; its window is looked at again when it is approved."""
    if needed:
        who = "somebody else approves" if needed == 1 else f"{needed} others approve"
        return f"waits until {who} it: {_said_to_be_approved(request)}"
    return "is waiting for a worker" if not_before is None else f"waits until it may, at {not_before.isoformat()}"


def _said_to_be_approved(request: JobRequest) -> str:
    """Once where it is the same in all of its targets."""
    each = {target: _names(one.steps) for target, one in bound_by(request).items() if one is not None}
    if len(set(each.values())) == 1:
        return next(iter(each.values()))
    said = "; ".join(f"{target}: {names}" for target, names in list(each.items())[:MOST_NAMED])
    return said if len(each) <= MOST_NAMED else f"{said}; and {count_of(len(each) - MOST_NAMED, 'more target')}"


def _names(steps: Sequence[BoundStep]) -> str:
    more = f" and {len(steps) - MOST_NAMED} more" if len(steps) > MOST_NAMED else ""
    return ", ".join(step.said() for step in steps[:MOST_NAMED]) + more


def refuse_vote(job: Job, by: Principal, votes: tuple[Vote, ...]) -> None:
    """Four eyes: whoever asks is not whoever approves, and nobody counts twice.

    Raises NothingToApprove or Forbidden.
    """
    if job.state is not JobState.WAITING or job.reason != REASON:
        raise NothingToApprove(
            f"job {job.id} waits for no approval: it is {job.state} ({job.reason})",
            facts={"jobId": str(job.id), "state": job.state.value, "reason": job.reason},
            next_steps=(f"GET /jobs/{job.id}",),
        )
    if by.kind == "anonymous":
        raise Forbidden("an approval has to say whose it is, and nobody knows who you are: set LIFTLOCK_AUTH=token")
    about = {"environment": job.request.environment}
    if asked_by(job, by):
        raise Forbidden(f"job {job.id} was asked for by {by.label}; somebody else has to approve it", facts=about)
    if any((vote.by.kind, vote.by.id) == (by.kind, by.id) for vote in votes):
        raise Forbidden(f"{by.label} has approved job {job.id} already; somebody else has to, too", facts=about)


def refuse_void(approved: Binding, plan: Plan, history: History, fingerprint: str | None) -> None:
    """Raises ApprovalVoid unless `plan`, made now, is what was approved. See `binding.refuse_stale`."""
    reasons = stale_reasons(approved, plan, history, fingerprint)
    if reasons:
        raise ApprovalVoid(
            f"what was approved is no longer what would run: {'; '.join(reasons)}; nothing was run, ask again",
            facts={"expectedLedgerPosition": approved.position, "actualLedgerPosition": history.position},
        )


def was_rejected(job: Job) -> bool:
    return job.state is JobState.CANCELLED and job.reason == REJECTED


def bound_by(request: JobRequest) -> Mapping[str, Binding | None]:
    """What its approval is for, by the names of its targets."""
    if request.convoy is None:
        return {request.environment: request.approved}
    return dict(zip(request.convoy.targets, request.convoy.approved, strict=True))


def as_approved(plan: Plan, approved: Binding | None) -> Plan:
    """A sync that was approved brings what was approved and no more, also where more of it is ready by now."""
    count = 0 if approved is None else len(approved.steps)
    more = plan.steps[count:]
    if approved is None or not more or not does_the_same(Plan(plan.steps[:count]), approved):
        return plan
    names = ", ".join(step.name for step in more[:MOST_NAMED]) + ("" if len(more) <= MOST_NAMED else ", …")
    remark = f"{HELD_BACK}{names} {'was' if len(more) == 1 else 'were'} not ready when this was approved; sync again"
    return replace(plan, steps=plan.steps[:count], remarks=(*plan.remarks, remark))


def refuse_unseen(approved: Binding, plan: Plan, environment: Environment) -> None:
    """Raises ApprovalVoid where the schema that was approved cannot be read: nobody can tell whether it has moved."""
    if plan.steps and approved.expected_fingerprint is not None:
        raise ApprovalVoid(
            f"the schema of {environment.name} could not be read, since somebody holds a lock on a part of it; whether "
            f"it is the one that was approved nobody can tell; nothing was run, wait for that session and ask again"
        )


def refuse_unapproved(environment: Environment, request: JobRequest, plan: Plan) -> None:
    """Raises ApprovalVoid for a job that was accepted before `environment` asked for approvals.

    Not for that of one target where the whole had begun by then.
    """
    if plan.steps and request.approved is None and not request.unasked and approvals_needed(environment, request):
        raise _nobody_asked(environment)


def refuse_unasked(environment: Environment, request: JobRequest, plans: Mapping[str, Plan]) -> None:
    """As `refuse_unapproved`, of all targets before the first is begun. `plans`: of those where it is known."""
    bound = bound_by(request)
    idle = all(target in plans and not plans[target].steps for target in bound)
    if not idle and not any(bound.values()) and approvals_needed(environment, request):
        raise _nobody_asked(environment)


def too_few(request: JobRequest, asked: int, votes: Sequence[Vote]) -> ApprovalVoid | None:
    """Of a job that would run with fewer approvals than are asked for; None of any other."""
    given = sum(vote.approved for vote in votes)
    if given >= asked:
        return None
    return ApprovalVoid(
        f"{request.environment} asks for {count_of(asked, 'approval')} by now, and this job has {given}; nothing "
        f"was run, ask again"
    )


def _nobody_asked(environment: Environment) -> ApprovalVoid:
    return ApprovalVoid(
        f"jobs in {environment.name} have to be approved by now, and nobody was asked about this one; nothing was run, "
        f"ask again"
    )
