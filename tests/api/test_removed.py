"""An environment that is no longer in liftlock.toml: it is seen, left alone, and removed on purpose."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from app.domain.conflict import Collision, ConflictKind
from app.domain.job import GivenBack, JobKind, JobState, Origin
from app.domain.principal import Principal
from app.domain.removed import EnvironmentRemoved
from app.domain.schedule import Wanted
from app.services import removed
from tests.api.leaving import STAGING, add, leave_out
from tests.api.stand import Stand, standing
from tests.api.test_access import ADMIN, ASKED, make


@pytest.fixture
def left(stand: Stand) -> Iterator[Stand]:
    """`staging` is left out, with one job that has ended and one that has not."""
    stand.finish(str(add(stand).id))
    add(stand)
    leave_out(stand)
    yield stand


def test_it_stays_in_the_list_and_says_what_it_is(left: Stand) -> None:
    listed = left.get("/environments").json
    assert [(one["name"], one["state"]) for one in listed] == [
        ("development", "configured"),
        ("production", "configured"),
        ("staging", "removed"),
    ]
    one = left.get("/environments/staging").json
    assert one == listed[-1]
    assert (one["address"], one["protection"]) == ("postgresql://owner@old:5432/staging", "confirm")
    assert (one["removed"]["jobs"], one["removed"]["openJobs"]) == (2, 1)
    assert one["removed"]["lastSeenAt"] is not None
    assert "no longer in liftlock.toml, and has 2 jobs on record, of which 1 has not ended" in one["removed"]["message"]
    allowed = {action["name"]: action["allowed"] for action in one["actions"]}
    assert [name for name, is_allowed in allowed.items() if is_allowed] == ["remove"]


def test_where_it_stands_is_told_without_its_database(left: Stand) -> None:
    one = left.get("/environments?status=true").json[-1]
    assert one["status"] == left.get("/environments/staging/status").json
    assert one["status"] == left.get("/environments/staging?status=true").json["status"]
    assert (one["status"]["sync"]["state"], one["status"]["openJobs"]) == ("unknown", 1)
    assert one["status"]["lastJob"]["state"] == "succeeded"
    matrix = left.get("/matrix").json
    assert [each["name"] for each in matrix["environments"]] == ["development", "production"]
    assert [each["name"] for each in matrix["removed"]] == ["staging"]


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/migrations/run?environment=staging"),
        ("POST", "/migrations/rollback?environment=staging"),
        ("DELETE", "/migrations/reset?environment=staging"),
        ("POST", "/migrations/plan?environment=staging"),
        ("POST", "/migrations/verify?environment=staging"),
        ("POST", "/environments/staging/sync"),
        ("POST", "/environments/staging/drift/scan"),
        ("POST", "/environments/staging/unlock"),
        ("POST", "/environments/staging/claim"),
        ("GET", "/migrations?environment=staging"),
        ("GET", "/environments/compare?from=staging&to=production"),
    ],
)
def test_nothing_is_done_to_it(left: Stand, method: str, path: str) -> None:
    refused = left.call(method, path)
    assert (refused.status_code, refused.json["type"]) == (409, "/problems/environment-removed")
    assert (refused.json["environment"], refused.json["jobs"], refused.json["openJobs"]) == ("staging", 2, 1)
    assert "put it back there and start Liftlock again" in refused.json["detail"]
    assert any("-X DELETE" in step and "confirm=staging" in step for step in refused.json["nextSteps"])


@pytest.mark.parametrize(
    ("path", "asked"),
    [
        ("/migrations", "/migrations?environment=staging"),
        ("/migrations/{name}", "/migrations/orders?environment=staging"),
        ("/migrations/graph", "/migrations/graph?environment=staging"),
        ("/environments/compare", "/environments/compare?from=staging&to=production"),
        ("/environments/{environment}/drift", "/environments/staging/drift"),
        ("/environments/{environment}/preserved", "/environments/staging/preserved"),
    ],
)
def test_a_question_that_is_refused_says_so_in_the_contract(left: Stand, path: str, asked: str) -> None:
    assert left.get(asked).json["type"] == "/problems/environment-removed"
    assert "409" in left.get("/openapi.json").json["paths"][path]["get"]["responses"]


def test_marking_and_bringing_from_it_are_refused_too(left: Stand) -> None:
    mark = {"environment": "staging", "names": ["orders"], "as": "applied"}
    for answer in (
        left.post("/migrations/mark", json=mark),
        left.post("/environments/production/sync", json={"from": "staging"}),
    ):
        assert (answer.status_code, answer.json["type"]) == (409, "/problems/environment-removed")


def test_a_refused_change_is_on_the_audit_trail(left: Stand) -> None:
    left.post("/migrations/run?environment=staging")
    left.services.portal.close()
    assert [(row.deed.environment, row.deed.refused) for row in left.trail.rows] == [("staging", "environment-removed")]


def test_its_past_is_read_as_before(left: Stand) -> None:
    left.run(left.log.record(Collision(ConflictKind.LOCK_CONTENTION, "two at once", "x", "staging")))
    assert len(left.get("/jobs?environment=staging").json) == 2
    assert [one["message"] for one in left.get("/migrations/conflicts?environment=staging").json] == ["two at once"]
    assert left.get("/audit?environment=staging").status_code == 200
    history = left.get("/history?environment=staging")
    assert (len(history.json), history.headers["Liftlock-Missing"]) == (2, "staging")


def test_its_jobs_say_what_they_wait_for_and_are_stopped_as_ever(left: Stand) -> None:
    later = add(left, not_before=datetime(2101, 1, 1, tzinfo=UTC))
    waiting, queued, ended = left.get("/jobs?environment=staging").json
    assert (queued["state"], queued["reason"]) == ("queued", "environment_missing")
    assert queued["message"] == "its environment is no longer in liftlock.toml; it waits until that is put back"
    assert (waiting["id"], waiting["state"], waiting["reason"]) == (str(later.id), "waiting", "window")
    assert "no longer in liftlock.toml" in waiting["message"]
    assert ended["state"] == "succeeded"
    assert "no longer in liftlock.toml" in left.get(f"/jobs/{queued['id']}").json["message"]
    assert left.post(f"/jobs/{queued['id']}/cancel").json["state"] == "cancelled"
    again = left.post(f"/jobs/{queued['id']}/retry")
    assert (again.status_code, again.json["type"]) == (409, "/problems/environment-removed")


def test_a_job_that_waits_for_approval_is_not_approved_and_may_be_rejected(left: Stand) -> None:
    job = add(left, approvals_needed=1)
    bob = Origin(Principal("bob", "token"))
    with pytest.raises(EnvironmentRemoved):
        left.run(left.services.approvals.approve(job.id, None, bob))
    shown = left.get(f"/jobs/{job.id}").json
    assert (shown["state"], shown["reason"]) == ("waiting", "approval")
    assert left.run(left.services.approvals.reject(job.id, None, bob)).state is JobState.CANCELLED


def test_its_name_is_asked_for_with_the_numbers_and_nothing_is_done(left: Stand) -> None:
    asked = left.delete("/environments/staging")
    assert (asked.status_code, asked.json["type"]) == (428, "/problems/confirmation-required")
    assert (asked.json["jobs"], asked.json["openJobs"]) == (2, 1)
    assert "2 jobs on record, of which 1 has not ended; what has not ended would be cancelled" in asked.json["detail"]
    assert left.delete("/environments/staging?confirm=stagin").status_code == 428
    assert left.get("/jobs?environment=staging&state=queued").json != []


def test_removed_for_good_it_is_gone_and_its_past_is_kept(left: Stand) -> None:
    add(left, not_before=datetime(2101, 1, 1, tzinfo=UTC))

    assert left.delete("/environments/staging?confirm=staging").status_code == 204

    assert [one["name"] for one in left.get("/environments").json] == ["development", "production"]
    assert left.get("/environments/staging").status_code == 404
    assert left.post("/migrations/run?environment=staging").status_code == 404
    assert left.file.audit == [("anonymous", "environments.delete", "staging")]
    states = [row.job.state for row in left.store.rows.values()]
    assert sorted(states) == [JobState.CANCELLED, JobState.CANCELLED, JobState.SUCCEEDED]
    assert left.delete("/environments/staging?confirm=staging").status_code == 404


def test_a_job_that_has_begun_is_not_cancelled_and_keeps_it(left: Stand, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(removed, "AT_ONCE", 1)
    (queued,) = left.get("/jobs?environment=staging&state=queued").json
    later = add(left)
    attempt = left.start(queued["id"])
    for given_back in (False, True):
        if given_back:
            left.run(left.claims.started(attempt, 1))
            left.run(left.claims.end(attempt, GivenBack("connection_lost", "it was cut off")))
        busy = left.delete("/environments/staging?confirm=staging")
        assert (busy.status_code, busy.json["type"], busy.json["jobId"]) == (409, "/problems/target-busy", queued["id"])
    assert left.store.rows[later.id].job.state is JobState.QUEUED
    assert [one["name"] for one in left.get("/environments").json][-1] == "staging"


def test_what_stands_in_the_file_is_removed_there_and_where_nothing_was_nothing_is_said(stand: Stand) -> None:
    leave_out(stand)
    assert [one["name"] for one in stand.get("/environments").json] == ["development", "production"]
    assert stand.get("/environments/staging").status_code == 404
    assert stand.delete("/environments/production").json["type"] == "/problems/stands-in-file"


def test_its_name_is_given_to_no_other_database_while_a_job_may_hold_the_old_one(left: Stand) -> None:
    (job,) = left.get("/jobs?environment=staging&state=queued").json
    attempt = left.start(job["id"])
    left.run(left.claims.started(attempt, 1))
    left.run(left.claims.end(attempt, GivenBack("connection_lost", "gone")))

    busy = left.call("PUT", "/environments/staging", json={"url": "postgresql://owner@new/staging"})

    assert (busy.status_code, busy.json["type"], busy.json["jobId"]) == (409, "/problems/target-busy", job["id"])
    assert "has begun in postgresql://owner@old:5432/staging, and may hold it; put staging back" in busy.json["detail"]
    targets = [{"name": "eu", "url": "postgresql://owner@old/staging"}]
    assert left.call("PUT", "/environments/staging", json={"targets": targets}).status_code == 409
    assert left.call("PUT", "/environments/staging", json={"url": "postgresql://owner@old/staging"}).status_code == 201


def test_it_is_known_again_when_it_is_registered_and_its_jobs_go_on(left: Stand) -> None:
    body = {"url": "postgresql://owner@db/elsewhere"}
    assert left.get("/environments/staging/registration").status_code == 404
    held = left.call("PUT", "/environments/staging", json=body, headers={"If-Match": "*"})
    assert (held.status_code, held.json["type"]) == (412, "/problems/precondition-failed")
    assert left.call("PUT", "/environments/staging", json=body).status_code == 201
    assert [(one["name"], one["state"]) for one in left.get("/environments").json][-1] == ("staging", "configured")
    (queued,) = left.get("/jobs?environment=staging&state=queued").json
    assert queued["reason"] == "for_worker"
    left.post(f"/jobs/{queued['id']}/cancel")
    assert left.delete("/environments/staging?confirm=staging").status_code == 204
    assert [one["name"] for one in left.get("/environments").json] == ["development", "production"]


def test_the_environment_that_has_its_database_now_is_named(stand: Stand) -> None:
    add(stand)
    leave_out(stand, replace(STAGING, address="postgresql://another@db/shop"))
    refused = stand.post("/migrations/run?environment=staging").json
    assert "development has its database now" in refused["detail"]
    assert stand.get("/environments/staging").json["removed"]["sameDatabaseAs"] == "development"
    assert any("/environments/development/claim" in step for step in refused["nextSteps"])


def test_its_schedule_stays_as_it_is_and_is_not_run(left: Stand) -> None:
    wanted = Wanted("sync-staging", JobKind.FOLLOW, timedelta(hours=1), "staging")
    left.run(left.schedules.keep(JobKind.FOLLOW, (wanted,)))
    left.post("/schedules/sync-staging/pause")
    left.run(left.services.schedules.configure())
    kept = {one["name"]: one["paused"] for one in left.get("/schedules").json}
    assert kept["sync-staging"] is True
    assert left.post("/schedules/sync-staging/run").json["type"] == "/problems/environment-removed"
    assert left.delete("/environments/staging?confirm=staging").status_code == 204
    assert "sync-staging" not in {one["name"] for one in left.get("/schedules").json}


def test_where_nothing_may_be_changed_it_is_not_removed_either() -> None:
    with standing(changed_settings={"read_only": True}) as stand:
        add(stand)
        leave_out(stand)
        refused = stand.delete("/environments/staging?confirm=staging")
        assert (refused.status_code, refused.json["type"]) == (403, "/problems/read-only")
        removal = stand.get("/environments/staging").json["actions"][-1]
        assert (removal["name"], removal["allowed"]) == ("remove", False)


def test_a_version_that_was_seen_is_none_of_it(left: Stand) -> None:
    held = left.delete("/environments/staging?confirm=staging", headers={"If-Match": '"1"'})
    assert (held.status_code, held.json["type"]) == (412, "/problems/precondition-failed")


def test_one_target_of_several_is_left_out_for_itself(stand: Stand) -> None:
    add(stand, "production.us")
    leave_out(stand, replace(STAGING, name="production.us"))
    assert [one["name"] for one in stand.get("/environments").json] == ["development", "production", "production.us"]
    refused = stand.post("/migrations/run?environment=production.us").json
    assert "is no longer among the targets of production in liftlock.toml" in refused["detail"]
    assert stand.post("/migrations/run?environment=production").status_code == 202
    assert stand.delete("/environments/production.us?confirm=production.us").status_code == 204
    assert [one["name"] for one in stand.get("/environments").json] == ["development", "production"]


def test_with_an_environment_its_targets_are_left_out(stand: Stand) -> None:
    add(stand, "shop.us")
    leave_out(stand, replace(STAGING, name="shop"), replace(STAGING, name="shop.us"))
    assert [one["name"] for one in stand.get("/environments").json] == ["development", "production", "shop"]
    for answer in (stand.post("/migrations/run?environment=shop.us"), stand.delete("/environments/shop.us")):
        assert (answer.status_code, answer.json["environment"]) == (409, "shop")
    assert stand.delete("/environments/shop?confirm=shop").status_code == 204
    assert stand.get("/jobs?environment=shop").json[0]["state"] == "cancelled"


def test_what_happens_to_it_can_still_be_followed(left: Stand) -> None:
    answer = left.client().get("/events?topics=environment:staging", base_url="http://localhost:3000")
    assert answer.status_code == 200
    assert b"here" in next(iter(answer.response))
    answer.close()


def test_who_may_do_what_is_asked_as_ever() -> None:
    with standing(changed_settings=ASKED) as stand:
        stand.call("PUT", "/environments/staging", token=ADMIN, json={"url": "postgresql://db/x"})
        own = make(stand, "own", scopes=["read", "run:staging"])
        other = make(stand, "other", scopes=["read", "run:development"])
        assert stand.delete("/environments/staging", token=ADMIN).status_code == 204
        job, path = add(stand), "/migrations/run?environment=staging"
        leave_out(stand)
        assert stand.post(path, token=other).json["type"] == "/problems/forbidden"
        assert stand.post(path, token=own).json["type"] == "/problems/environment-removed"
        assert stand.delete("/environments/staging?confirm=staging", token=own).json["type"] == "/problems/forbidden"
        removal = stand.get("/environments/staging", token=own).json["actions"][-1]
        assert (removal["name"], removal["reason"]) == ("remove", "it needs the scope admin, which this token lacks")
        assert stand.post(f"/jobs/{job.id}/cancel", token=own).json["state"] == "cancelled"
        refused = stand.post("/tokens", token=ADMIN, json={"name": "new", "scopes": ["run:staging"]})
        assert refused.status_code == 422
        assert stand.delete("/environments/staging?confirm=staging", token=ADMIN).status_code == 204
