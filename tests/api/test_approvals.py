"""Jobs that wait for somebody's word, over HTTP."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from uuid import UUID

import pytest

from app.domain.access import Auth
from app.domain.drift import RecordedSchema, Sight
from app.domain.errors import BackendUnavailable
from app.domain.failure import Failure, FailureCode
from app.domain.job import JobId, JobKind, JobRequest, JobState, Origin
from app.domain.migration import Catalog
from app.domain.principal import Principal
from app.domain.schema import EMPTY, SchemaObject, Snapshot
from app.ports import NewJob
from tests.api.stand import ENVIRONMENTS, ONE, THREE, TWO, Answer, Stand, standing
from tests.domain.literals import sql

ADMIN = "the-admins-token-of-this-test-long-enough"
GUARDED = {one.name: replace(one, approvals=1) for one in ENVIRONMENTS}
SETTINGS = {"environments": GUARDED, "auth": Auth.TOKEN, "admin_token": ADMIN}


@dataclass
class Office:
    """Ann asks for runs; Bob may approve them; Carl may do neither."""

    stand: Stand
    ann: str
    bob: str
    carl: str

    def run(self) -> Answer:
        return self.stand.post("/migrations/run", token=self.ann)

    def vote(self, job_id: str, by: str, word: str = "approve", note: str | None = None) -> Answer:
        return self.stand.post(f"/jobs/{job_id}/{word}", token=by, json={"note": note})


def make(stand: Stand, name: str, role: str) -> str:
    return str(stand.post("/tokens", token=ADMIN, json={"name": name, "role": role}).json["token"])


@pytest.fixture
def office() -> Iterator[Office]:
    with standing(changed_settings=SETTINGS) as stand:
        yield Office(
            stand, make(stand, "ann", "releaser"), make(stand, "bob", "releaser"), make(stand, "carl", "operator")
        )


def test_a_run_waits_for_approval_and_says_what_may_be_done(office: Office) -> None:
    job = office.run().json
    assert (job["state"], job["reason"], job["approvalsNeeded"]) == ("waiting", "approval", 1)
    assert [one["name"] for one in job["actions"]] == ["cancel", "retry", "approve", "reject"]
    assert office.stand.doorbell.rung == []


def test_a_job_that_waits_says_for_whom_and_offers_no_vote_to_who_asked_for_it(office: Office) -> None:
    job = office.run().json
    steps = ", ".join(f"+ {one.name} {one.checksum.raw.hex()[:12]}" for one in (ONE, TWO, THREE))
    assert job["message"] == f"the run in development waits until somebody else approves it: {steps}"
    refusals = {
        name: {
            one["name"]: one["reason"] for one in office.stand.get(f"/jobs/{job['id']}", token=token).json["actions"]
        }
        for name, token in (("ann", office.ann), ("bob", office.bob))
    }
    assert refusals["ann"]["approve"] == refusals["ann"]["reject"] == "ann asked for it; somebody else has to say so"
    assert refusals["bob"]["approve"] is refusals["bob"]["reject"] is None


def test_who_asked_does_not_approve_and_who_may_not_neither(office: Office) -> None:
    job_id = office.run().json["id"]
    own = office.vote(job_id, office.ann)
    assert (own.status_code, own.json["type"]) == (403, "/problems/forbidden")
    assert "somebody else has to approve it" in own.json["detail"]
    assert office.vote(job_id, office.carl).status_code == 403
    assert office.stand.get(f"/jobs/{job_id}", token=office.ann).json["state"] == "waiting"


def test_an_approval_is_shown_with_who_and_why_and_the_job_goes_on(office: Office) -> None:
    job_id = office.run().json["id"]
    approved = office.vote(job_id, office.bob, note="go ahead")
    assert (approved.status_code, approved.json["state"]) == (202, "queued")
    (vote,) = office.stand.get(f"/jobs/{job_id}/approvals", token=office.carl).json
    assert (vote["principal"]["name"], vote["approved"], vote["note"]) == ("bob", True, "go ahead")
    again = office.vote(job_id, office.bob, "reject")
    assert (again.status_code, again.json["type"]) == (409, "/problems/nothing-to-approve")
    assert [str(rung) for rung in office.stand.doorbell.rung] == [job_id]


def test_a_no_ends_it(office: Office) -> None:
    job_id = office.run().json["id"]
    rejected = office.vote(job_id, office.bob, "reject", "not on a Friday").json
    assert (rejected["state"], rejected["reason"]) == ("cancelled", "rejected")
    assert "not on a Friday" in rejected["message"]


def test_nothing_to_do_needs_no_word() -> None:
    with standing(changed_settings={"environments": GUARDED}, files=()) as stand:
        assert stand.post("/migrations/run").json["reason"] == "nothing_to_do"


def test_where_nobody_is_known_nothing_waits_for_a_word_that_nobody_could_give() -> None:
    with standing(changed_settings={"environments": GUARDED}) as stand:
        refused = stand.post("/migrations/run")
        assert (refused.status_code, refused.json["type"]) == (403, "/problems/forbidden")
        assert "LIFTLOCK_AUTH=token" in refused.json["detail"]


def test_what_cannot_be_told_cannot_be_approved(office: Office) -> None:
    first = office.run().json["id"]
    office.vote(first, office.bob)
    refused = office.run()
    assert (refused.status_code, refused.json["type"]) == (409, "/problems/target-busy")


def test_a_schema_that_cannot_be_read_cannot_be_approved(office: Office) -> None:
    office.stand.schemas.unavailable = BackendUnavailable("somebody holds it", facts={"backend": "target"})
    refused = office.run()
    assert (refused.status_code, refused.json["type"]) == (503, "/problems/backend-unavailable")
    office.stand.schemas.unavailable = None
    assert office.run().json["state"] == "waiting"


@pytest.mark.parametrize("word", ["approve", "reject"])
def test_where_nothing_is_changed_nobody_votes(word: str) -> None:
    with standing(changed_settings=SETTINGS | {"read_only": True}) as stand:
        asked = JobRequest(JobKind.RUN, "development")
        new = NewJob(JobId(stand.clock.new_id()), asked, Origin(Principal("ann", "token")), "", approvals_needed=1)
        job = stand.run(stand.services.board.add(new))
        refused = stand.post(f"/jobs/{job.id}/{word}", token=ADMIN)
        assert (refused.status_code, refused.json["type"]) == (403, "/problems/read-only")


def test_what_is_asked_for_again_is_approved_again(office: Office) -> None:
    first = office.run().json["id"]
    office.vote(first, office.bob)
    office.stand.finish(first, JobState.FAILED, "approval_void", error=Failure(FailureCode.REFUSED, "it has moved"))
    office.stand.source.catalog = Catalog((*office.stand.source.catalog.migrations, sql("later", "4")))
    again = office.stand.post(f"/jobs/{first}/retry", token=office.ann)
    assert (again.status_code, again.json["state"], again.json["approvalsNeeded"]) == (202, "waiting", 1)


@pytest.mark.parametrize("word", ["reject", "cancel", "sent back, reject", "sent back, cancel"])
def test_what_was_written_for_a_job_that_never_began_goes_with_it(office: Office, word: str) -> None:
    stand, sent_back = office.stand, word.startswith("sent back")
    index = SchemaObject("index", "public.i", {"of": "public.a", "definition": "CREATE INDEX i ON public.a (id)"})
    recorded = RecordedSchema(EMPTY.fingerprint, EMPTY.canonical, UUID(int=7), stand.clock.now())
    stand.schemas.sights["development"] = Sight(Snapshot.of([index]), recorded)
    stand.run(stand.recorder.look(GUARDED["development"]))
    (conflict,) = stand.get("/migrations/conflicts?state=open", token=office.ann).json
    draft = sql(f"adopt-drift-development-{stand.clock.now():%Y%m%d%H%M%S}", "4")
    stand.source.catalog = Catalog((*stand.source.catalog.migrations, draft))
    answer = {"resolution": "adopt_drift"}
    asked = stand.post(f"/migrations/conflicts/{conflict['id']}/resolve", json=answer, token=office.ann).json
    assert (asked["state"], len(stand.drafts.files)) == ("waiting", 1)

    word, voter = word.rpartition(" ")[2], office.bob
    if sent_back:
        office.vote(asked["id"], office.bob)
        attempt = stand.start(asked["id"])
        assert stand.run(stand.votes.require(attempt.job_id, 2, attempt.number)) is not None
        voter = ADMIN
    stand.post(f"/jobs/{asked['id']}/{word}", token=voter)

    assert stand.drafts.files == {}
