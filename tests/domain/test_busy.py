"""What is said of the job in the way: that it has the target, or that it waits for it as well."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

from app.domain.busy import at_it_since, in_its_place, its_standing
from app.domain.convoying import UNDER_WAY
from app.domain.job import Job, JobId, JobKind, JobRequest, JobState

ASKED = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
QUEUED = Job(
    id=JobId(UUID(int=1)),
    request=JobRequest(JobKind.RUN, "development"),
    state=JobState.QUEUED,
    reason="for_worker",
    message="",
    created_at=ASKED,
    updated_at=ASKED,
)


def test_a_job_that_only_waits_is_not_said_to_have_the_target() -> None:
    assert its_standing(QUEUED, "development") == (
        "has been waiting for the target of development since 2026-01-02T03:04:05+00:00"
    )


def test_a_job_at_work_has_the_target_since_it_began_and_not_since_it_was_asked_for() -> None:
    running = replace(QUEUED, state=JobState.RUNNING, started_at=ASKED + timedelta(minutes=1))
    assert its_standing(running, "development") == ("has had the target of development since 2026-01-02T03:05:05+00:00")
    assert at_it_since(running) == running.started_at


def test_a_job_whose_targets_are_at_work_has_them_although_no_worker_has_it() -> None:
    whole = replace(QUEUED, request=JobRequest(JobKind.RUN, "shop"), seq=1, reason=UNDER_WAY, started_at=ASKED)
    assert its_standing(whole, "shop.eu") == "has been at work on the targets of shop since 2026-01-02T03:04:05+00:00"
    assert at_it_since(replace(whole, started_at=ASKED + timedelta(minutes=1))) == ASKED + timedelta(minutes=1)
    behind = in_its_place(replace(QUEUED, seq=2), (replace(QUEUED, id=JobId(UUID(int=3)), seq=0), whole))
    assert behind.message.endswith(f"{whole.id} (run), which has the target")


def test_a_queued_job_says_whom_it_waits_for() -> None:
    waiting = replace(QUEUED, id=JobId(UUID(int=2)), seq=2, message="the run in development is waiting for a worker")
    first = replace(QUEUED, seq=1)
    assert in_its_place(waiting, ()) == in_its_place(waiting, (waiting, replace(first, seq=3))) == waiting
    behind = in_its_place(waiting, (first, waiting))
    assert (behind.reason, behind.message) == (
        "for_target",
        f"the run in development is waiting behind job {first.id} (run), which waits for the target",
    )
    running = replace(first, state=JobState.RUNNING)
    assert in_its_place(waiting, (running, waiting)).message.endswith(f"{first.id} (run), which has the target")
    assert in_its_place(running, (first, running)) == running
