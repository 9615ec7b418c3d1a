"""`dryRun` in the body of a change: the plan is answered, and nothing is run."""

from tests.api.stand import Stand
from tests.api.test_plans import plan, pointers


def test_a_dry_run_is_answered_with_the_plan_and_makes_no_job(stand: Stand) -> None:
    stand.apply(*stand.files[:2])
    run = stand.post("/migrations/run", json={"dryRun": True, "to": stand.files[2].name, "onBusy": "fail"})
    back = stand.post("/migrations/rollback/2", json={"dryRun": True})
    gone = stand.delete("/migrations/reset", json={"dryRun": True})
    assert [(one.status_code, one.json["kind"], len(one.json["steps"])) for one in (run, back, gone)] == [
        (201, "run", 1),
        (201, "rollback", 2),
        (201, "reset", 2),
    ]
    assert stand.get(run.headers["Location"]).json == run.json
    assert stand.get("/jobs").json == []


def test_a_dry_run_of_a_plan_that_is_made_is_refused(stand: Stand) -> None:
    refused = stand.post("/migrations/run", json={"dryRun": True, "planId": plan(stand)["id"]})
    assert (refused.status_code, pointers(refused)) == (422, {("contradiction", "/dryRun")})
