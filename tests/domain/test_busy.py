"""What is said of the job in the way: that it has the target, or that it waits for it as well."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

from app.domain.busy import at_it_since, its_standing
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
