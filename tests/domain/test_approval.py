"""Who may approve a job, and what exactly was approved."""

from dataclasses import replace
from uuid import UUID

import pytest

from app.domain.approval import Vote, approvals_needed, as_approved, refuse_void, refuse_vote, waits_for
from app.domain.binding import Binding, binding_of
from app.domain.convoy import Convoy
from app.domain.environment import Dsn, Environment
from app.domain.errors import ApprovalVoid, Forbidden, NothingToApprove
from app.domain.job import Job, JobId, JobKind, JobRequest, JobState, Origin
from app.domain.principal import Principal
from app.domain.settling import Resolution, Settling
from app.domain.step import Plan, step_up
from tests.domain.literals import NOON, applied, sql

LIVE = Environment("live", Dsn("postgresql://h/live"), approvals=2)
ANN, BOB = Principal("ann", "token"), Principal("bob", "token")
WAITING = Job(
    JobId(UUID(int=1)),
    JobRequest(JobKind.RUN, "live"),
    JobState.WAITING,
    "approval",
    "waits",
    NOON,
    NOON,
    origin=Origin(ANN),
    approvals_needed=2,
)
A, B = sql("a", "1"), sql("b", "2")


@pytest.mark.parametrize(
    ("kind", "needed"),
    [
        (JobKind.RUN, 2),
        (JobKind.SYNC, 2),
        (JobKind.ROLLBACK, 2),
        (JobKind.MARK, 2),
        (JobKind.RESOLVE, 2),
        (JobKind.RESTORE, 2),
        (JobKind.VERIFY, 0),
        (JobKind.SCAN, 0),
    ],
)
def test_what_changes_a_target_has_to_be_approved_and_nothing_else(kind: JobKind, needed: int) -> None:
    assert approvals_needed(LIVE, JobRequest(kind, "live")) == needed


def test_a_target_that_is_stuck_is_released_without_waiting_for_anybody() -> None:
    settling = Settling(UUID(int=3), Resolution.RELEASE_TARGET, stranded=UUID(int=4))
    assert approvals_needed(LIVE, JobRequest(JobKind.RESOLVE, "live", settling=settling)) == 0


def test_another_than_the_one_who_asked_may_approve() -> None:
    refuse_vote(WAITING, BOB, ())
    with pytest.raises(Forbidden, match="was asked for by ann; somebody else has to approve it"):
        refuse_vote(WAITING, ANN, ())


def test_nobody_approves_twice_and_nobody_unknown_at_all() -> None:
    with pytest.raises(Forbidden, match=r"bob has approved job .* already"):
        refuse_vote(WAITING, BOB, (Vote(BOB, NOON, True),))
    with pytest.raises(Forbidden, match="LIFTLOCK_AUTH=token"):
        refuse_vote(WAITING, Principal(), ())


@pytest.mark.parametrize("job", [replace(WAITING, reason="window"), replace(WAITING, state=JobState.QUEUED)])
def test_a_job_that_waits_for_something_else_takes_no_vote(job: Job) -> None:
    with pytest.raises(NothingToApprove):
        refuse_vote(job, BOB, ())


def test_an_approval_is_void_when_files_ledger_or_schema_have_moved() -> None:
    plan = Plan((step_up(B),))
    bound = binding_of(UUID(int=2), plan, applied(A), "ab" * 32)
    refuse_void(bound, plan, applied(A), "ab" * 32)
    refuse_void(bound, plan, applied(A), None)
    with pytest.raises(ApprovalVoid, match="the schema is another one"):
        refuse_void(bound, plan, applied(A), "cd" * 32)
    with pytest.raises(ApprovalVoid, match="the file of b was changed"):
        refuse_void(bound, Plan((step_up(sql("b", "2", up="SELECT 'x'")),)), applied(A), None)
    with pytest.raises(ApprovalVoid, match="the ledger has moved from 1 to 2"):
        refuse_void(bound, Plan(), applied(A, B), None)


def test_what_is_to_be_approved_is_said_once_or_for_each_target() -> None:
    one = binding_of(UUID(int=2), Plan((step_up(A),)), applied(), None)
    both = binding_of(UUID(int=2), Plan((step_up(A), step_up(B))), applied(), None)

    def said(*bound: Binding | None) -> str:
        convoy = Convoy(tuple(f"live.{place}" for place in range(len(bound))), bound)
        return waits_for(JobRequest(JobKind.RUN, "live", convoy=convoy), 2, None)

    a, b = (f"+ {file.name} {file.checksum.raw.hex()[:12]}" for file in (A, B))
    assert said(one, one, None) == f"waits until 2 others approve it: {a}"
    assert said(one, both) == f"waits until 2 others approve it: live.0: {a}; live.1: {a}, {b}"
    assert said(one, *[both] * 11).endswith("; and 2 more targets")


def test_a_sync_that_was_approved_brings_no_more_than_that_when_more_has_become_ready() -> None:
    bound = binding_of(UUID(int=2), Plan((step_up(A),)), applied(), None)
    brought = as_approved(Plan((step_up(A), step_up(B))), bound)
    assert [step.name for step in brought.steps] == ["a"]
    assert brought.remarks == ("held back: b was not ready when this was approved; sync again",)
    refuse_void(bound, brought, applied(), None)
    changed = Plan((step_up(sql("a", "1", up="SELECT 'x'")), step_up(B)))
    assert as_approved(changed, bound) is changed
    assert as_approved(changed, None) is changed
