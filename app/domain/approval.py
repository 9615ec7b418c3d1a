"""Approvals: which jobs wait for one, what exactly is approved, and who may say so."""

from dataclasses import dataclass
from datetime import datetime

from app.domain.binding import Binding, stale_reasons
from app.domain.environment import Environment
from app.domain.errors import ApprovalVoid, Forbidden, NothingToApprove
from app.domain.job import Job, JobKind, JobState, Principal
from app.domain.ledger import History
from app.domain.step import Plan

NEED_ONE = frozenset({JobKind.RUN, JobKind.SYNC, JobKind.ROLLBACK, JobKind.RESET, JobKind.MARK})
REASON = "approval"
"""Why a job waits."""


@dataclass(frozen=True, slots=True)
class Vote:
    """Somebody's word on a job that waits for it."""

    by: Principal
    at: datetime
    approved: bool
    note: str | None = None


def approvals_needed(environment: Environment, kind: JobKind) -> int:
    return environment.approvals if kind in NEED_ONE else 0


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
    asked = job.origin.principal
    if (by.kind, by.id) == (asked.kind, asked.id):
        raise Forbidden(f"job {job.id} was asked for by {by.id}; somebody else has to approve it")
    if any((vote.by.kind, vote.by.id) == (by.kind, by.id) for vote in votes):
        raise Forbidden(f"{by.id} has approved job {job.id} already; somebody else has to, too")


def refuse_void(approved: Binding, plan: Plan, history: History, fingerprint: str | None) -> None:
    """Raises ApprovalVoid unless `plan`, made now, is what was approved. See `binding.refuse_stale`."""
    reasons = stale_reasons(approved, plan, history, fingerprint)
    if reasons:
        raise ApprovalVoid(
            f"what was approved is no longer what would run: {'; '.join(reasons)}; nothing was run, ask again",
            facts={"expectedLedgerPosition": approved.position, "actualLedgerPosition": history.position},
        )
