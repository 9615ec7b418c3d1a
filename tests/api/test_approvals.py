"""Jobs that wait for somebody's word, over HTTP."""

from collections.abc import Iterator
from dataclasses import replace
from uuid import UUID

import pytest

from app.domain.job import Origin, Principal
from tests.api.stand import ENVIRONMENTS, Stand, standing

GUARDED = {one.name: replace(one, approvals=1) for one in ENVIRONMENTS}
BOB = Origin(Principal("bob", "token", "10.0.0.1"))


@pytest.fixture
def guarded() -> Iterator[Stand]:
    with standing(changed_settings={"environments": GUARDED}) as stand:
        yield stand


def test_a_run_waits_for_approval_and_says_what_may_be_done(guarded: Stand) -> None:
    job = guarded.post("/migrations/run").json
    assert (job["state"], job["reason"], job["approvalsNeeded"]) == ("waiting", "approval", 1)
    assert [one["name"] for one in job["actions"]] == ["cancel", "retry", "approve", "reject"]
    assert guarded.doorbell.rung == []


def test_who_is_not_known_cannot_approve(guarded: Stand) -> None:
    job_id = guarded.post("/migrations/run").json["id"]
    refused = guarded.post(f"/jobs/{job_id}/approve")
    assert (refused.status_code, refused.json["type"]) == (403, "/problems/forbidden")
    assert "LIFTLOCK_AUTH=token" in refused.json["detail"]


def test_an_approval_and_a_rejection_are_shown_with_who_and_why(guarded: Stand) -> None:
    job_id = guarded.post("/migrations/run").json["id"]
    guarded.run(guarded.services.approvals.approve(UUID(job_id), "go ahead", BOB))
    assert guarded.get(f"/jobs/{job_id}").json["state"] == "queued"
    (vote,) = guarded.get(f"/jobs/{job_id}/approvals").json
    assert (vote["principal"]["id"], vote["approved"], vote["note"]) == ("bob", True, "go ahead")
    again = guarded.post(f"/jobs/{job_id}/reject")
    assert (again.status_code, again.json["type"]) == (409, "/problems/nothing-to-approve")


def test_nothing_to_do_needs_no_word() -> None:
    with standing(changed_settings={"environments": GUARDED}, files=()) as stand:
        assert stand.post("/migrations/run").json["reason"] == "nothing_to_do"


def test_what_cannot_be_told_cannot_be_approved(guarded: Stand) -> None:
    first = guarded.post("/migrations/run").json["id"]
    guarded.run(guarded.services.approvals.approve(UUID(first), None, BOB))
    refused = guarded.post("/migrations/run")
    assert (refused.status_code, refused.json["type"]) == (409, "/problems/target-busy")
