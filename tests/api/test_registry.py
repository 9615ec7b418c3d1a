"""Environments registered over HTTP."""

from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from app.domain.audit import Deed
from app.domain.job import JobId, Origin
from app.domain.registered import Registered
from tests.api.stand import Stand
from tests.support.eventually import eventually

QA: dict[str, Any] = {"url": "env:QA_URL", "protection": "confirm", "requires": ["development"]}


def put(stand: Stand, name: str = "qa", body: dict[str, Any] | None = None, if_match: str | None = None) -> Any:
    headers = {} if if_match is None else {"If-Match": if_match}
    return stand.call("PUT", f"/environments/{name}", json=QA if body is None else body, headers=headers)


def test_an_environment_is_registered_and_used_at_once(stand: Stand) -> None:
    made = put(stand)
    assert (made.status_code, made.json["version"], made.json["document"]) == (201, 1, QA)
    assert stand.services.environments.named("qa").requires == ("development",)
    stand.apply()
    assert stand.post("/migrations/run?environment=qa").status_code == 409
    assert stand.registry.audit == [("anonymous", "environments.put", "qa")]


def test_no_secret_is_kept_or_shown(stand: Stand) -> None:
    assert "hush" not in put(stand).get_data(as_text=True)
    refused = put(stand, body={"url": "postgresql://qa:s3cret@db/qa"})
    assert (refused.status_code, refused.json["problems"][0]["pointer"]) == (422, "/url")
    assert "env:NAME" in refused.json["detail"] and "s3cret" not in refused.get_data(as_text=True)


def test_a_change_is_held_to_the_version_that_was_seen(stand: Stand) -> None:
    put(stand)
    seen = stand.get("/environments/qa/registration").headers["ETag"]
    changed = put(stand, body={**QA, "approvals": 1}, if_match=seen)
    assert (changed.status_code, changed.json["version"], changed.headers["ETag"]) == (200, 2, '"2"')
    late = put(stand, if_match=seen)
    assert (late.status_code, late.json["type"]) == (412, "/problems/precondition-failed")
    assert put(stand, if_match='"abc"').status_code == 412
    assert stand.services.environments.named("qa").approvals == 1


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({}, "/url"),
        ({"url": "env:NOWHERE"}, "/url"),
        ({**QA, "protection": "none"}, "/protection"),
        ({**QA, "requires": ["nowhere"]}, "/requires"),
        ({**QA, "windows": {"allow": [{"cron": "x", "duration": "1h"}]}}, "/windows/allow"),
        ({**QA, "colour": "red"}, "/colour"),
        ({**QA, "beforeRun": ["rm", "-rf", "/"]}, "/beforeRun"),
    ],
)
def test_what_is_wrong_is_said_with_its_place(stand: Stand, body: dict[str, Any], pointer: str) -> None:
    refused = put(stand, body=body)
    assert (refused.status_code, refused.json["problems"][0]["pointer"]) == (422, pointer)


def test_a_table_that_is_none_is_named(stand: Stand) -> None:
    refused = put(stand, body={**QA, "windows": "always"})
    assert refused.json["detail"] == "`windows` takes a table of keys and values"


def test_a_name_that_is_none_is_refused(stand: Stand) -> None:
    assert put(stand, "QA").status_code == 422


def test_what_stands_in_the_file_is_changed_there(stand: Stand) -> None:
    refused = put(stand, "production")
    assert (refused.status_code, refused.json["type"]) == (409, "/problems/stands-in-file")
    assert stand.delete("/environments/production").json["type"] == "/problems/stands-in-file"
    assert stand.get("/environments/production/registration").status_code == 404


def test_an_environment_without_a_history_is_forgotten_at_once(stand: Stand) -> None:
    put(stand)
    assert stand.delete("/environments/qa").status_code == 204
    assert stand.delete("/environments/qa").status_code == 404
    assert [one[1] for one in stand.registry.audit] == ["environments.put", "environments.delete"]


def test_one_with_a_history_wants_its_name_typed(stand: Stand) -> None:
    put(stand, body={"url": "env:QA_URL"})
    job = stand.post("/migrations/run?environment=qa").json
    busy = stand.delete("/environments/qa")
    assert (busy.status_code, busy.json["type"]) == (409, "/problems/target-busy")
    stand.finish(job["id"])
    asked = stand.delete("/environments/qa")
    assert (asked.status_code, asked.json["type"]) == (428, "/problems/confirmation-required")
    assert stand.delete("/environments/qa?confirm=qa").status_code == 204
    # what was done in it can still be asked for
    history = stand.get("/history?environment=qa")
    assert [one["jobId"] for one in history.json] == [job["id"]]
    assert history.headers["Liftlock-Missing"] == "qa"


def test_while_a_job_is_at_work_it_keeps_its_address_and_nothing_else(stand: Stand) -> None:
    put(stand, body={"url": "env:QA_URL"})
    job = stand.post("/migrations/run?environment=qa").json
    elsewhere = {"url": "postgresql://qa@db/elsewhere"}
    assert put(stand, body=elsewhere).status_code == 200
    attempt = stand.start(job["id"])
    stand.run(stand.claims.started(attempt, 1))
    busy = put(stand, body={"url": "env:QA_URL"})
    assert (busy.status_code, busy.json["type"], busy.json["jobId"]) == (409, "/problems/target-busy", job["id"])
    assert put(stand, body={**elsewhere, "onFailure": "rollback"}).status_code == 200


def left_alone(stand: Stand, document: dict[str, Any]) -> str:
    """Registered while all that it names was there; by now it is not."""
    stand.run(stand.registry.put("qa", document, None, Origin()))
    stand.run(stand.services.registry.refresh())
    return str(stand.get("/environments/qa").json["unusable"])


@pytest.mark.parametrize(
    ("document", "why"),
    [
        ({**QA, "requires": ["gone"]}, "requires: there is no environment 'gone'; there is development, production"),
        ({**QA, "sync": {"from": "gone"}}, "sync: there is no environment 'gone'; there is development, production"),
        ({"url": "env:NOWHERE"}, "`url` names the variable NOWHERE, which is not set"),
    ],
)
def test_one_that_cannot_be_used_any_more_says_why_wherever_it_is_looked_at(
    stand: Stand, document: dict[str, Any], why: str
) -> None:
    said = left_alone(stand, document)
    assert said.startswith(f"qa is registered, and cannot be used here: {why}")
    assert "put that right in liftlock.toml" in said and "or register qa anew" in said
    for query in ("", "?status=true"):
        (shown,) = (one for one in stand.get(f"/environments{query}").json if one["name"] == "qa")
        assert (shown["state"], shown["unusable"], shown["status"]) == ("unusable", said, None)
        assert stand.get(f"/environments/qa{query}").json == shown
        assert [one["name"] for one in shown["actions"] if one["allowed"]] == ["remove"]
    assert [one["unusable"] for one in stand.get("/matrix").json["unusable"]] == [said]
    asked = stand.post("/migrations/run?environment=qa")
    assert (asked.status_code, asked.json["detail"]) == (404, said)
    assert stand.get("/environments/qa/status").json["detail"] == said
    assert stand.call("HEAD", "/events?topics=environment:qa").status_code == 200
    assert "hush" not in str(shown)


def test_one_that_cannot_be_used_is_put_right_or_forgotten(stand: Stand) -> None:
    left_alone(stand, {**QA, "requires": ["gone"]})
    assert put(stand, body=QA).status_code == 200
    assert stand.get("/environments/qa").json["state"] == "configured"
    left_alone(stand, {"url": "env:NOWHERE"})
    asked = stand.delete("/environments/qa")
    assert (asked.status_code, asked.json["type"]) == (428, "/problems/confirmation-required")
    eventually(lambda: [row.deed.environment for row in stand.trail.rows] == ["qa"])
    assert stand.delete("/environments/qa?confirm=qa").status_code == 204
    assert "unusable" not in str(stand.get("/environments").json)


def test_one_that_cannot_be_used_is_not_forgotten_while_a_job_of_a_target_that_is_not_read_has_not_ended(
    stand: Stand,
) -> None:
    us = {"name": "us", "url": "postgresql://db/us"}
    assert put(stand, body={"targets": [{"name": "eu", "url": "env:QA_URL"}, us]}).status_code == 201
    job = stand.post("/migrations/run?environment=qa.eu").json
    left_alone(stand, {"targets": [{"name": "eu", "url": "env:NOWHERE"}, us]})
    busy = stand.delete("/environments/qa?confirm=qa")
    assert (busy.status_code, busy.json["jobId"]) == (409, job["id"])
    stand.finish(job["id"])
    assert stand.delete("/environments/qa?confirm=qa").status_code == 204


@pytest.mark.parametrize("if_match", [None, '"1"'])
def test_a_job_that_begins_between_the_look_and_the_write_is_not_moved(
    stand: Stand, monkeypatch: pytest.MonkeyPatch, if_match: str | None
) -> None:
    put(stand, body={"url": "env:QA_URL"})
    job = stand.post("/migrations/run?environment=qa").json
    write = stand.registry.put

    async def begun_meanwhile(*asked: Any) -> Registered | None:
        await stand.claims.claim(JobId(UUID(job["id"])), "worker", 30_000)
        return await write(*asked)

    monkeypatch.setattr(stand.registry, "put", begun_meanwhile)
    busy = put(stand, body={"url": "postgresql://qa@db/elsewhere"}, if_match=if_match)
    assert (busy.status_code, busy.json["type"], busy.json["jobId"]) == (409, "/problems/target-busy", job["id"])
    assert stand.get("/environments/qa/registration").json["version"] == 1


def test_what_somebody_else_has_moved_meanwhile_is_not_moved_back_from_under_a_job(
    stand: Stand, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(stand, body={"url": "env:QA_URL"})
    job = stand.post("/migrations/run?environment=qa").json
    write, theirs = stand.registry.put, {"url": "postgresql://qa@db/theirs"}

    async def beaten(*asked: Any) -> Registered | None:
        await write("qa", theirs, None, Origin())
        await stand.claims.claim(JobId(UUID(job["id"])), "worker", 30_000)
        return await write(*asked)

    monkeypatch.setattr(stand.registry, "put", beaten)
    busy = put(stand, body={"url": "env:QA_URL", "onFailure": "rollback"})
    assert (busy.status_code, busy.json["jobId"]) == (409, job["id"])
    assert stand.get("/environments/qa/registration").json["document"] == theirs


def test_what_somebody_else_has_changed_meanwhile_is_looked_at_again(
    stand: Stand, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(stand, body={"url": "env:QA_URL"})
    write, others = stand.registry.put, iter([{"url": "postgresql://qa@db/theirs"}])

    async def beaten(*asked: Any) -> Registered | None:
        for document in others:
            await write("qa", document, None, Origin())
        return await write(*asked)

    monkeypatch.setattr(stand.registry, "put", beaten)
    done = put(stand, body=QA)
    assert (done.status_code, done.json["version"], done.json["document"]) == (200, 3, QA)


def test_a_look_that_was_overtaken_is_not_the_last_word(stand: Stand, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two requests look at the same time, and the answer of before comes last to one of them."""
    stand.run(stand.registry.put("qa", QA, None, Origin()))
    before = stand.run(stand.registry.all())
    stand.run(stand.registry.put("qa", {**QA, "approvals": 2}, None, Origin()))
    now = stand.run(stand.registry.all())
    answers, look_again = [now, before], stand.services.approvals.look_again

    async def answered() -> tuple[Registered, ...]:
        return answers.pop(0) if answers else now

    async def overtaken() -> None:
        if answers:
            await stand.services.registry.refresh()
        await look_again()

    monkeypatch.setattr(stand.registry, "all", answered)
    monkeypatch.setattr(stand.services.approvals, "look_again", overtaken)
    for _ in range(2):
        stand.run(stand.services.registry.refresh())
    assert stand.services.environments.named("qa").approvals == 2


def test_what_another_requires_is_not_forgotten(stand: Stand) -> None:
    put(stand, body={"url": "env:QA_URL"})
    put(stand, "later", body={"url": "postgresql://db/later", "requires": ["qa"]})
    refused = stand.delete("/environments/qa")
    assert (refused.status_code, refused.json["neededBy"]) == (409, ["later"])


def test_what_cannot_be_read_in_this_process_is_left_out_and_the_rest_is_there(stand: Stand) -> None:
    put(stand)
    stand.run(stand.registry.put("broken", {"url": "env:NOT_HERE"}, None, Origin()))
    stand.run(stand.services.registry.refresh())
    assert [one.name for one in stand.services.environments.all()] == ["development", "production", "qa"]


NIGHTS = {"url": "env:QA_URL", "windows": {"allow": [{"cron": "0 20 * * *", "duration": "2h"}]}}


def test_one_whose_job_waits_is_not_forgotten(stand: Stand) -> None:
    put(stand, body=NIGHTS)
    job = stand.post("/migrations/run?environment=qa", json={"outsideWindow": "queue"}).json
    assert job["state"] == "waiting"
    busy = stand.delete("/environments/qa?confirm=qa")
    assert (busy.status_code, busy.json["jobId"]) == (409, job["id"])
    stand.post(f"/jobs/{job['id']}/cancel")
    assert stand.delete("/environments/qa?confirm=qa").status_code == 204


@pytest.mark.parametrize("last", ["early", "later"])
def test_what_would_require_itself_through_others_is_refused(stand: Stand, last: str) -> None:
    first = {"early": "later", "later": "early"}[last]
    assert put(stand, last, {"url": f"postgresql://db/{last}"}).status_code == 201
    assert put(stand, first, {"url": f"postgresql://db/{first}", "requires": [last]}).status_code == 201
    refused = put(stand, last, {"url": f"postgresql://db/{last}", "requires": [first]})
    assert (refused.status_code, refused.json["problems"][0]["pointer"]) == (422, "/requires")
    assert "goes in a circle" in refused.json["detail"]


@pytest.mark.parametrize("name", ["liftlock-control", "qa%0A", "compare", "..", "q" * 64])
def test_a_name_that_stands_for_something_else_is_refused(stand: Stand, name: str) -> None:
    assert put(stand, name).status_code in (404, 405, 422)
    assert [one.name for one in stand.services.environments.all()] == ["development", "production"]


@pytest.mark.parametrize(
    "url",
    [
        "file:/dev/zero",
        "file:/etc",
        "file:/etc/\x00passwd",
        "postgresql://db/qa\x00",
        "postgresql://db/qa\ud800",
        "postgresql://ann@db/qa?sslpassword=s3cret",
    ],
)
def test_an_address_that_cannot_be_read_kept_or_shown_is_refused(stand: Stand, url: str) -> None:
    refused = put(stand, body={"url": url})
    assert (refused.status_code, refused.json["problems"][0]["pointer"]) == (422, "/url")
    assert "s3cret" not in refused.get_data(as_text=True)


def test_a_file_is_read_no_further_than_an_address_goes(stand: Stand, tmp_path: Path) -> None:
    (tmp_path / "large").write_text("x" * 10_001)
    refused = put(stand, body={"url": f"file:{tmp_path / 'large'}"})
    assert (refused.status_code, "more than 10000 characters" in refused.json["detail"]) == (422, True)


def test_one_is_forgotten_as_it_was_seen_or_not_at_all(stand: Stand) -> None:
    put(stand)
    put(stand, body={"url": "env:QA_URL"})
    late = stand.call("DELETE", "/environments/qa", headers={"If-Match": '"1"'})
    assert (late.status_code, late.json["nextSteps"][0][:3]) == (412, "cur")
    assert stand.call("DELETE", "/environments/qa", headers={"If-Match": '"2"'}).status_code == 204


def test_one_that_is_there_is_not_registered_anew_by_who_wants_none_to_be_there(stand: Stand) -> None:
    fresh = {"If-None-Match": "*"}
    assert stand.call("PUT", "/environments/qa", json=QA, headers=fresh).status_code == 201
    assert stand.call("PUT", "/environments/qa", json=QA, headers=fresh).status_code == 412


def test_one_that_is_not_there_is_not_made_by_who_wants_to_change_one(stand: Stand) -> None:
    absent = put(stand, if_match="*")
    assert (absent.status_code, absent.json["type"]) == (412, "/problems/precondition-failed")
    assert put(stand).status_code == 201
    changed = put(stand, body={**QA, "approvals": 1}, if_match="*")
    assert (changed.status_code, changed.json["version"]) == (200, 2)


def test_several_targets_are_registered_with_secrets_by_reference(stand: Stand) -> None:
    targets = [{"name": "eu", "url": "env:QA_URL"}, {"name": "us", "url": "postgresql://ann:s3cret@db/us"}]
    refused = put(stand, body={"targets": targets})
    assert (refused.status_code, refused.json["problems"][0]["pointer"]) == (422, "/targets/1/url")
    assert "s3cret" not in refused.get_data(as_text=True)
    targets[1]["url"] = "postgresql://db/us"
    assert put(stand, body={"targets": targets}).status_code == 201
    shown = stand.get("/environments/qa").json
    assert [(one["name"], one["address"]) for one in shown["targets"]] == [
        ("qa.eu", "postgresql://qa@db/qa"),
        ("qa.us", "postgresql://db/us"),
    ]
    assert stand.get("/environments/qa.us").json["address"] == "postgresql://db/us"


@pytest.mark.parametrize("path", ["/jobs", "/audit", "/migrations/conflicts", "/plans"])
def test_what_was_done_to_one_that_is_no_more_can_still_be_asked_for(stand: Stand, path: str) -> None:
    put(stand, body={"url": "env:QA_URL"})
    job = stand.post("/migrations/run?environment=qa").json
    stand.finish(job["id"])
    stand.trail.add(Deed(Origin(), "environments.put", "qa"))
    stand.delete("/environments/qa?confirm=qa")
    assert stand.get("/environments/qa").status_code == 404
    assert stand.get(f"{path}?environment=qa").status_code == 200
    assert [one["id"] for one in stand.get("/jobs?environment=qa").json] == [job["id"]]
    assert stand.get(f"{path}?environment=qb").status_code == 404


def test_a_misspelt_name_is_answered_with_the_nearest_and_where_to_look(stand: Stand) -> None:
    missing = stand.get("/environments/developmnt")
    assert (missing.status_code, missing.json["didYouMean"]) == (404, ["development"])
    assert missing.json["detail"].endswith("there is development, production; did you mean development?")
    assert missing.json["nextSteps"] == ["curl http://localhost:3000/environments"]
