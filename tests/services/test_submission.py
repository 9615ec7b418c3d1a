"""What a request is answered that would not queue."""

from datetime import UTC, datetime
from uuid import UUID

import pytest

from app.domain.convoying import UNDER_WAY
from app.domain.errors import TargetBusy
from app.domain.job import Job, JobId, JobKind, JobRequest, JobState, OnBusy
from app.services.submission import answer_busy

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


@pytest.mark.parametrize(("reason", "shown"), [("for_worker", "queued"), (UNDER_WAY, "running")])
def test_the_job_in_the_way_is_in_the_state_in_which_everybody_sees_it(reason: str, shown: str) -> None:
    whole = JobRequest(JobKind.RUN, "shop")
    other = Job(JobId(UUID(int=1)), whole, JobState.QUEUED, reason, "", created_at=NOON, updated_at=NOON)
    with pytest.raises(TargetBusy) as refused:
        answer_busy(JobRequest(JobKind.RUN, "shop.eu", on_busy=OnBusy.FAIL), other)
    assert refused.value.facts["state"] == shown
