"""Tokens over HTTP: how they are made, sent, refused and revoked, and what is on record of it."""

import json
import threading
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from flask import Flask

from app.api.context import extension_of, origin
from app.domain.access import Auth
from app.domain.errors import BackendUnavailable
from tests.api.stand import ENVIRONMENTS, ONE, Stand, standing

ADMIN = "the-admins-token-of-this-test-long-enough"
ASKED = {"auth": Auth.TOKEN, "admin_token": ADMIN}


@pytest.fixture
def shut() -> Iterator[Stand]:
    with standing(changed_settings=ASKED) as stand:
        yield stand


def make(stand: Stand, name: str, **asked: Any) -> str:
    made = stand.post("/tokens", token=ADMIN, json={"name": name, **asked})
    assert made.status_code == 201, made.json
    return str(made.json["token"])


def settle(stand: Stand) -> None:
    """Until what goes on beside the answers is done."""

    async def nothing() -> None: ...

    stand.run(nothing())


def test_a_token_is_shown_once_and_kept_as_a_hash(shut: Stand) -> None:
    text = make(shut, "deploy", role="operator", environments=["development"])
    (listed,) = shut.get("/tokens", token=ADMIN).json
    (known,) = shut.tokens.known.values()
    assert text.startswith("ll_") and len(text) == 100
    assert text.rpartition("_")[2] not in json.dumps(listed) + repr(known)
    assert (listed["name"], listed["role"], listed["state"], listed["createdBy"]) == (
        "deploy", "operator", "live", "LIFTLOCK_ADMIN_TOKEN",
    )  # fmt: skip
    assert listed["scopes"] == ["plan", "read", "resolve", "rollback:development", "run:development"]


def test_a_token_says_who_it_is(shut: Stand) -> None:
    text = make(shut, "deploy", scopes=["run:*", "read"], expiresAt="2030-01-31T08:00:00Z")
    said = shut.get("/whoami", token=text).json
    (listed,) = shut.get("/tokens", token=ADMIN).json
    assert said == {
        "auth": "token",
        "principal": {"id": listed["id"], "kind": "token", "address": "127.0.0.1", "name": "deploy"},
        "role": None,
        "scopes": ["read", "run:*"],
        "expiresAt": "2030-01-31T08:00:00.000000Z",
        "readOnly": False,
    }
    assert shut.get("/whoami", token=ADMIN).json["principal"]["kind"] == "admin_token"


def test_without_tokens_everybody_is_anonymous_and_may_do_everything(stand: Stand) -> None:
    said = stand.get("/whoami").json
    assert (said["auth"], said["principal"]["id"], said["scopes"]) == ("off", "anonymous", ["admin"])
    assert stand.post("/tokens", json={"name": "first", "role": "admin"}).status_code == 201


def test_a_token_is_good_for_what_it_says_where_it_says(shut: Stand) -> None:
    text = make(shut, "deploy", role="operator", environments=["development"])
    accepted = shut.post("/migrations/run", token=text)
    refused = shut.post("/migrations/run?environment=production", token=text)
    assert accepted.status_code == 202
    assert (refused.status_code, refused.json["needs"]) == (403, "run:production")
    assert "run:development" in refused.json["has"]
    assert refused.json["nextSteps"] == ["curl http://localhost:3000/whoami"]


def test_an_environment_that_is_not_there_is_told_to_those_alone_who_may_go_anywhere(shut: Stand) -> None:
    some, every = make(shut, "some", scopes=["run:development"]), make(shut, "every", scopes=["run:*"])
    assert shut.post("/migrations/run?environment=moon", token=some).status_code == 403
    assert shut.post("/migrations/run?environment=moon", token=every).status_code == 404


def test_jobs_and_their_ends_say_who_asked_by_name(shut: Stand) -> None:
    text = make(shut, "deploy", role="operator")
    job = shut.post("/migrations/run", token=text, headers={"X-Request-Id": "r-1"}).json
    cancelled = shut.post(f"/jobs/{job['id']}/cancel", token=text).json
    assert (job["principal"]["kind"], job["principal"]["name"], job["requestId"]) == ("token", "deploy", "r-1")
    assert cancelled["message"] == "cancelled by deploy before it had started"


@pytest.mark.parametrize(
    "header",
    ["Bearer", "Bearer ", "Bearer x", f"Bearer {'y' * 5000}", "Basic YTpi", "Token x", "Bearer h\u00fcsh", "\u00ff"],
)
def test_what_is_no_token_is_refused_and_never_said_back(shut: Stand, header: str) -> None:
    refused = shut.get("/jobs", headers={"Authorization": header})
    assert (refused.status_code, refused.json["type"]) == (401, "/problems/unauthenticated")
    assert refused.headers["WWW-Authenticate"].startswith('Bearer realm="liftlock"')
    assert "yyyy" not in refused.text + refused.headers["WWW-Authenticate"]


def test_a_wrong_token_is_told_from_none(shut: Stand) -> None:
    none, wrong = shut.get("/jobs"), shut.get("/jobs", token=f"ll_{'0' * 32}_{'0' * 64}")
    assert "error" not in none.headers["WWW-Authenticate"]
    assert "invalid_token" in wrong.headers["WWW-Authenticate"]


def test_a_token_in_the_address_is_no_token(shut: Stand) -> None:
    assert shut.get(f"/jobs?access_token={ADMIN}").status_code == 401


def test_ten_wrong_tokens_and_the_address_has_to_wait(shut: Stand) -> None:
    answers = [shut.get("/jobs", token=f"ll_{number:032x}_{'0' * 64}") for number in range(11)]
    assert [one.status_code for one in answers] == [401] * 10 + [429]
    assert (answers[10].json["type"], answers[10].headers["Retry-After"]) == ("/problems/too-many-requests", "6")
    assert shut.get("/jobs", token=ADMIN).status_code == 200
    shut.clock.advance(6)
    assert shut.get("/jobs", token=f"ll_{'1' * 32}_{'0' * 64}").status_code == 401


def test_requests_without_a_token_do_not_use_up_the_tries_of_their_address(shut: Stand) -> None:
    for _ in range(20):
        assert shut.get("/jobs").status_code == 401
    assert shut.get("/jobs", token="wrong").status_code == 401


def test_a_revoked_token_is_refused_at_once_and_stays_on_the_list(shut: Stand) -> None:
    text = make(shut, "deploy", role="viewer")
    assert shut.get("/jobs", token=text).status_code == 200
    (listed,) = shut.get("/tokens", token=ADMIN).json
    revoked, again = (shut.delete(listed["links"]["self"], token=ADMIN) for _ in range(2))
    assert (revoked.status_code, again.status_code, revoked.data) == (204, 204, b"")
    refused = shut.get("/jobs", token=text)
    assert (refused.status_code, "was revoked" in refused.json["detail"]) == (401, True)
    (gone,) = shut.get("/tokens", token=ADMIN).json
    assert (gone["state"], gone["revokedBy"]) == ("revoked", "LIFTLOCK_ADMIN_TOKEN")
    assert shut.delete("/tokens/nope", token=ADMIN).status_code == 404


@pytest.mark.parametrize("of", ["all", "job"])
def test_a_stream_ends_when_the_token_of_its_caller_is_revoked(
    shut: Stand, of: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.api.following.LOOK_EVERY_S", 0.0)
    job_id = shut.post("/migrations/run", token=ADMIN).json["id"]
    path = "/events?topics=jobs" if of == "all" else f"/jobs/{job_id}/events"
    text = make(shut, "deploy", role="viewer")
    (listed,) = shut.get("/tokens", token=ADMIN).json
    headers = {"Authorization": f"Bearer {text}", "Accept": "text/event-stream"}
    answer = shut.client().get(path, headers=headers, base_url="http://localhost:3000")
    # what should have ended the stream has not: it ends, and the test fails
    timer = threading.Timer(10, extension_of(shut.app).waiters.release_all)
    timer.start()
    shut.delete(listed["links"]["self"], token=ADMIN)
    list(answer.response)
    assert timer.is_alive()
    timer.cancel()


def test_tokens_are_listed_page_by_page(shut: Stand) -> None:
    for number in range(3):
        make(shut, f"token {number}", role="viewer")
    first = shut.get("/tokens?limit=2", token=ADMIN)
    second = shut.get(first.headers["Link"].partition(">")[0][1:], token=ADMIN)
    assert [one["name"] for one in (*first.json, *second.json)] == ["token 2", "token 1", "token 0"]
    assert "Link" not in second.headers


@pytest.mark.parametrize(
    ("body", "pointers"),
    [
        ({}, ["/name"]),
        ({"name": "x"}, ["/scopes"]),
        ({"name": "x", "role": "viewer", "scopes": ["read"]}, ["/scopes"]),
        ({"name": " ", "role": "viewer"}, ["/name"]),
        ({"name": "a\nb", "role": "viewer"}, ["/name"]),
        ({"name": "x", "role": "king"}, ["/role"]),
        ({"name": "x", "scopes": ["read", "run", "fly:away"]}, ["/scopes/1", "/scopes/2"]),
        ({"name": "x", "scopes": ["run:moon"]}, ["/scopes"]),
        ({"name": "x", "role": "operator", "environments": ["moon"]}, ["/environments"]),
        ({"name": "x", "role": "admin", "environments": ["development"]}, ["/environments"]),
        ({"name": "x", "scopes": ["read"], "environments": ["production"]}, ["/environments"]),
        ({"name": "x", "role": "viewer", "expiresAt": "2020-01-01T00:00:00Z"}, ["/expiresAt"]),
        ({"name": "x", "role": "viewer", "expiresAt": "tomorrow"}, ["/expiresAt"]),
    ],
)
def test_everything_that_is_wrong_with_a_token_is_named(shut: Stand, body: dict[str, Any], pointers: list[str]) -> None:
    refused = shut.post("/tokens", token=ADMIN, json=body)
    assert (refused.status_code, [one["pointer"] for one in refused.json["problems"]]) == (422, pointers)
    assert shut.tokens.known == {}


def test_an_admin_of_every_environment_is_one(shut: Stand) -> None:
    make(shut, "x", role="admin", environments=["*"])
    assert "admin" in shut.get("/tokens", token=ADMIN).json[0]["scopes"]


def test_a_name_is_taken_once(shut: Stand) -> None:
    make(shut, "deploy", role="viewer")
    refused = shut.post("/tokens", token=ADMIN, json={"name": "deploy", "role": "viewer"})
    assert (refused.status_code, refused.json["type"]) == (409, "/problems/name-taken")


def test_a_repeated_answer_holds_everything_but_the_token(shut: Stand) -> None:
    given: dict[str, Any] = {
        "token": ADMIN,
        "json": {"name": "deploy", "role": "viewer"},
        "headers": {"Idempotency-Key": "k"},
    }
    first, again = shut.post("/tokens", **given), shut.post("/tokens", **given)
    assert again.headers["Idempotency-Replayed"] == "true"
    assert {**first.json, "token": None} == again.json
    assert first.json["token"] not in repr(shut.keys.__dict__)
    assert len(shut.tokens.known) == 1


def test_the_keys_of_two_callers_are_two_keys(shut: Stand) -> None:
    ada, bob = make(shut, "ada", role="operator"), make(shut, "bob", role="operator")
    jobs = [
        shut.post("/migrations/run", token=one, headers={"Idempotency-Key": "k"}).json["id"] for one in (ada, bob, ada)
    ]
    assert jobs[0] == jobs[2] != jobs[1]


def test_a_read_only_service_makes_and_revokes_no_tokens() -> None:
    with standing(changed_settings=ASKED | {"read_only": True}) as stand:
        for method, path, body in (
            ("POST", "/tokens", {"name": "x", "role": "viewer"}),
            ("DELETE", "/tokens/0198f3a2-1111-7abc-8def-000000000001", None),
        ):
            assert stand.call(method, path, token=ADMIN, json=body).json["type"] == "/problems/read-only"
        assert stand.get("/whoami", token=ADMIN).json["readOnly"] is True


def test_actions_say_what_this_caller_may_not_do_and_why(shut: Stand) -> None:
    viewer, operator = make(shut, "wall", role="viewer"), make(shut, "deploy", role="operator")
    job = shut.post("/migrations/run", token=operator).json
    seen = shut.get(f"/jobs/{job['id']}", token=viewer).json
    assert [one["allowed"] for one in job["actions"] if one["name"] == "cancel"] == [True]
    (cancel,) = (one for one in seen["actions"] if one["name"] == "cancel")
    assert (cancel["allowed"], cancel["reason"]) == (
        False,
        "it needs the scope run:development, which this token lacks",
    )
    listed, shown = shut.get("/jobs", token=viewer).json[0], shut.get("/migrations/orders", token=viewer).json
    assert listed["actions"] == seen["actions"]
    assert {one["reason"] for one in shown["actions"]} == {
        "it needs the scope run:development, which this token lacks",
        "it needs the scope rollback:development, which this token lacks",
    }
    plan = shut.post("/migrations/plan", token=operator).json["links"]["self"]
    assert [shut.get(plan, token=one).json["actions"][0]["allowed"] for one in (operator, viewer)] == [True, False]


def test_the_actions_of_an_environment_and_of_a_comparison_are_this_callers_too(shut: Stand) -> None:
    some = make(shut, "some", scopes=["read", "plan", "run:development"])
    shut.apply(ONE)

    def allowed(path: str) -> list[str]:
        return [one["name"] for one in shut.get(path, token=some).json["actions"] if one["allowed"]]

    assert allowed("/environments/development") == ["plan", "run", "verify", "scan"]
    assert allowed("/environments/production") == ["plan", "verify", "scan"]
    (row, *_) = shut.get("/environments", token=some).json
    assert {one["reason"] for one in row["actions"] if one["name"] == "unlock"} == {
        "it needs the scope admin, which this token lacks"
    }


def test_four_eyes_are_two_tokens() -> None:
    environments = {one.name: replace(one, approvals=1) for one in ENVIRONMENTS}
    with standing(changed_settings=ASKED | {"environments": environments}) as stand:
        ada, eve = make(stand, "ada", role="releaser"), make(stand, "eve", role="releaser")
        job = stand.post("/migrations/run", token=ada).json
        own, other = (stand.post(f"/jobs/{job['id']}/approve", token=one) for one in (ada, eve))
        assert (own.status_code, own.json["detail"]) == (
            403, f"job {job['id']} was asked for by ada; somebody else has to approve it",
        )  # fmt: skip
        assert (other.status_code, other.json["state"]) == (202, "queued")
        (vote,) = stand.get(f"/jobs/{job['id']}/approvals", token=ada).json
        assert (vote["principal"]["name"], vote["approved"]) == ("eve", True)


def test_refused_changes_are_on_the_trail_and_refused_questions_are_not(shut: Stand) -> None:
    viewer = make(shut, "wall", role="viewer")
    shut.post("/migrations/run?environment=production", token=viewer, headers={"X-Request-Id": "r-1"})
    shut.post("/migrations/rollback")
    shut.delete("/migrations/reset?environment=production", token=ADMIN)
    shut.get("/tokens", token=viewer)
    shut.post("/migrations/run", token=ADMIN, json={"too": "x"})
    settle(shut)
    reset, rollback, run, _made = shut.get("/audit", token=viewer).json
    assert (run["action"], run["outcome"], run["refused"]) == ("migrations.run", "refused", "forbidden")
    assert (run["principal"]["name"], run["principal"]["address"], run["requestId"]) == ("wall", "127.0.0.1", "r-1")
    assert (run["environment"], run["detail"]["needs"]) == ("production", "run:production")
    assert run["links"] == {"problem": "/problems/forbidden"}
    assert (rollback["refused"], rollback["principal"]["id"]) == ("unauthenticated", "anonymous")
    assert rollback["environment"] is None
    assert (reset["refused"], reset["environment"]) == ("environment-protected", "production")


def test_a_refusal_names_the_environment_that_was_meant_and_never_one_that_is_not_there(shut: Stand) -> None:
    viewer = make(shut, "wall", role="viewer")
    shut.post("/migrations/run", token=viewer)
    shut.post("/migrations/run?environment=moon", token=viewer)
    settle(shut)
    moon, meant, _made = shut.get("/audit", token=viewer).json
    assert (meant["environment"], moon["environment"]) == ("development", None)
    assert moon["detail"]["needs"] == "run:moon"


def test_a_trail_that_cannot_be_written_refuses_nothing_more(shut: Stand) -> None:
    shut.trail.unavailable = BackendUnavailable("away")
    assert shut.post("/migrations/run").status_code == 401
    settle(shut)
    assert shut.trail.rows == []


def test_the_trail_is_read_by_who_what_where_and_since_when(shut: Stand) -> None:
    viewer = make(shut, "wall", role="viewer")
    shut.post("/migrations/run?environment=production", token=viewer)
    settle(shut)
    shut.clock.advance(60)
    make(shut, "later", role="viewer")

    def found(query: str) -> list[str]:
        return [one["action"] for one in shut.get(f"/audit?{query}", token=viewer).json]

    assert found("") == ["tokens.add", "migrations.run", "tokens.add"]
    assert (
        found("principal=wall")
        == found("environment=production")
        == found("action=migrations.run")
        == ["migrations.run"]
    )
    assert found("since=2026-01-02T03:05:00Z") == ["tokens.add"]
    assert shut.get("/audit?environment=moon", token=viewer).status_code == 404
    assert shut.get("/audit?since=yesterday", token=viewer).status_code == 422


def test_the_trail_is_read_page_by_page(shut: Stand) -> None:
    for number in range(3):
        make(shut, f"token {number}", role="viewer")
    first = shut.get("/audit?limit=2", token=ADMIN)
    second = shut.get(first.headers["Link"].partition(">")[0][1:], token=ADMIN)
    assert [one["detail"]["name"] for one in (*first.json, *second.json)] == ["token 2", "token 1", "token 0"]
    assert first.json[0]["principal"]["name"] == "LIFTLOCK_ADMIN_TOKEN"


def test_the_guard_against_web_pages_holds_with_tokens_too(shut: Stand) -> None:
    for headers in ({"Host": "evil.example"}, {"Origin": "https://evil.example"}, {"Sec-Fetch-Site": "cross-site"}):
        assert shut.post("/migrations/run", token=ADMIN, headers=headers).status_code == 403
    assert not shut.store.rows


def test_a_database_that_is_away_is_503_and_not_401(shut: Stand) -> None:
    text = make(shut, "deploy", role="viewer")
    address = "postgresql://liftlock@db.internal:5432/liftlock"
    shut.tokens.unavailable = BackendUnavailable(
        f"{address} is away", facts={"backend": "postgresql", "address": address}
    )
    refused = shut.get("/jobs", token=text)
    assert (refused.status_code, refused.json["backend"]) == (503, "postgresql")
    assert "db.internal" not in refused.get_data(as_text=True)
    assert shut.get("/health/live").status_code == 200


def test_methods_and_missing_addresses_are_told_to_everybody(shut: Stand) -> None:
    assert shut.call("OPTIONS", "/jobs").status_code == 204
    assert shut.call("PUT", "/jobs").status_code == 405
    assert shut.get("/nope").status_code == 404
    assert shut.call("HEAD", "/jobs").status_code == 401


def test_no_token_is_ever_logged(shut: Stand, capfd: pytest.CaptureFixture[str]) -> None:
    text = make(shut, "deploy", role="operator")
    shut.post("/migrations/run", token=text)
    shut.post("/migrations/run", token=text + "0")
    shut.post("/migrations/run?environment=moon", token=ADMIN)
    said = "".join(capfd.readouterr())
    assert "change.accepted" in said and "request.refused" in said
    assert text.rpartition("_")[2] not in said and ADMIN not in said


def test_a_change_whose_view_has_asked_for_no_scope_is_refused(stand: Stand) -> None:
    app: Flask = stand.app
    with app.test_request_context("/migrations/run", method="POST"), pytest.raises(RuntimeError, match="no scope"):
        origin()


def test_a_token_is_no_key_to_what_is_applied(shut: Stand) -> None:
    shut.apply(ONE)
    text = make(shut, "deploy", scopes=["run:development"])
    assert shut.post("/migrations/rollback", token=text).json["needs"] == "rollback:development"
    assert shut.get("/migrations", token=text).json["needs"] == "read"
