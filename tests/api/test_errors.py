"""Errors are problem+json, whatever caused them, and never say more than they should."""

import re
from typing import Any

import pytest

from app.api.errors import slugs, status_of
from app.api.problem_pages import PAGES
from app.domain.errors import BackendUnavailable, BackendUnusable, MigrationsInvalid
from app.domain.hazards import HazardCode, slug_of
from app.domain.problem import Problem
from app.portal import PortalClosed
from tests.api.stand import SECRET, Stand, standing


def test_every_kind_of_problem_has_a_page_in_both_tongues(stand: Stand) -> None:
    for slug in slugs():
        as_json = stand.get(f"/problems/{slug}")
        as_html = stand.get(f"/problems/{slug}", headers={"Accept": "text/html,*/*;q=0.8"})
        assert as_json.json["type"] == f"/problems/{slug}"
        assert as_json.json["whatToDo"]
        assert as_html.mimetype == "text/html"
        assert as_html.headers["Vary"] == "Accept"
    assert set(PAGES) == set(slugs())


def test_every_hazard_has_a_page_in_both_tongues(stand: Stand) -> None:
    for code in HazardCode:
        address = f"/problems/{slug_of(code)}"
        as_json = stand.get(address)
        as_html = stand.get(address, headers={"Accept": "text/html,*/*;q=0.8"})
        assert (as_json.json["type"], as_json.json["status"]) == (address, None)
        assert as_json.json["title"].startswith(f"{code}: ") and as_json.json["whatToDo"]
        assert "a hazard of a statement" in as_html.text


def test_hazards_are_listed_with_the_problems(stand: Stand) -> None:
    listed = {problem["type"] for problem in stand.get("/problems").json}
    assert listed == {f"/problems/{slug}" for slug in (*slugs(), *map(slug_of, HazardCode))}


def test_every_kind_of_problem_has_a_status() -> None:
    assert all(400 <= status_of(kind) < 600 for kind in slugs().values())


def test_an_unknown_kind_of_problem_is_itself_a_problem(stand: Stand) -> None:
    assert stand.get("/problems/nonsense").status_code == 404


def test_an_unknown_address_names_near_ones(stand: Stand) -> None:
    refused = stand.get("/migration")
    assert refused.status_code == 404
    assert "/migrations" in refused.json["didYouMean"]
    near = stand.get("/token").json["didYouMean"]
    assert near[0] == "/tokens" and len(near) == len(set(near))
    assert refused.json["instance"] == "/migration"


@pytest.mark.parametrize(("method", "path", "allowed"), [
    ("GET", "/migrations/run", "POST"), ("POST", "/migrations", "GET"), ("GET", "/migrations/reset", "DELETE"),
    ("PUT", "/jobs", "GET"), ("PATCH", "/version", "GET"), ("POST", "/migrations/create%20users", "GET"),
])  # fmt: skip
def test_a_wrong_method_names_the_right_one(stand: Stand, method: str, path: str, allowed: str) -> None:
    refused = stand.call(method, path)
    assert (refused.status_code, refused.json["type"]) == (405, "/problems/method-not-allowed")
    assert refused.json["allowed"] == [allowed]
    assert allowed in refused.headers["Allow"]


@pytest.mark.parametrize(("path", "allowed"), [("/migrations/run", {"POST", "OPTIONS"}),
                                               ("/migrations", {"GET", "HEAD", "OPTIONS"})])  # fmt: skip
def test_options_names_the_methods_and_nothing_else(stand: Stand, path: str, allowed: set[str]) -> None:
    answered = stand.call("OPTIONS", path)
    assert (answered.status_code, answered.data) == (204, b"")
    assert set(answered.headers["Allow"].split(", ")) == allowed
    assert "Content-Type" not in answered.headers


@pytest.mark.parametrize("path", ["//jobs", "/migrations//run", "/jobs/..", "/migrations/a%2Fb", "/%00"])
def test_strange_addresses_are_not_found_and_never_redirected(stand: Stand, path: str) -> None:
    assert stand.get(path).status_code == 404


def test_commands_can_be_pasted_and_name_the_address_that_was_asked(stand: Stand) -> None:
    stand.apply(*stand.files)
    refused = stand.post("/migrations/rollback?environment=production", base_url="http://127.0.0.1:4000")
    assert (refused.status_code, refused.json["type"]) == (428, "/problems/confirmation-required")
    assert refused.json["nextSteps"] == [
        "curl -X POST 'http://127.0.0.1:4000/migrations/rollback?environment=production&confirm=production'"
    ]


def test_a_protected_environment_refuses_reset(stand: Stand) -> None:
    refused = stand.delete("/migrations/reset?environment=production")
    assert (refused.status_code, refused.json["protection"]) == (403, "locked")


def test_problems_of_files_carry_their_places(stand: Stand) -> None:
    problem = Problem("syntax", "a quote is missing", migration="x", file="x.sql", line=3, column=7)
    stand.source.catalog = type(stand.source.catalog)(problems=(problem,))
    refused = stand.post("/migrations/run")
    assert (refused.status_code, refused.json["type"]) == (422, f"/problems/{MigrationsInvalid.slug}")
    assert refused.json["problems"] == [
        {"code": "syntax", "message": "a quote is missing", "migration": "x", "file": "x.sql", "line": 3, "column": 7}
    ]


def test_a_busy_target_says_who_and_when_to_ask_again(stand: Stand) -> None:
    first = stand.post("/migrations/run").json
    refused = stand.post("/migrations/run", json={"onBusy": "fail"})
    assert (refused.status_code, refused.json["jobId"]) == (409, first["id"])
    assert refused.headers["Retry-After"] == "5"
    assert refused.json["since"] == first["createdAt"]
    assert "has been waiting for the target" in refused.json["detail"]


def test_postgresql_away_is_503_with_retry_after(stand: Stand) -> None:
    stand.targets.unavailable = BackendUnavailable("the target cannot be reached", facts={"which": "the target"})
    refused = stand.get("/migrations")
    assert (refused.status_code, refused.headers["Retry-After"]) == (503, "5")
    assert (refused.json["type"], refused.json["which"]) == ("/problems/backend-unavailable", "the target")
    stand.targets.unavailable = BackendUnusable("the role may not")
    assert stand.get("/migrations").json["type"] == "/problems/backend-unavailable"


def test_facts_never_replace_the_members_of_a_problem(stand: Stand) -> None:
    stand.targets.unavailable = BackendUnavailable("away", facts={"status": 200, "type": "x", "extra": {1}})
    refused = stand.get("/migrations").json
    assert (refused["status"], refused["type"], refused["extra"]) == (503, "/problems/backend-unavailable", [1])


def test_a_process_that_is_stopping_says_so(stand: Stand, monkeypatch: pytest.MonkeyPatch) -> None:
    break_with(stand, monkeypatch, PortalClosed("closed"))
    assert stand.get("/jobs").json["type"] == "/problems/backend-unavailable"


def test_a_bug_of_ours_tells_its_request_id_and_nothing_else(stand: Stand, monkeypatch: pytest.MonkeyPatch) -> None:
    break_with(stand, monkeypatch, RuntimeError(f"at {SECRET}"))
    crashed = stand.get("/jobs", headers={"X-Request-Id": "find-me"})
    assert (crashed.status_code, crashed.json["type"]) == (500, "/problems/internal-error")
    assert crashed.json["requestId"] == crashed.headers["X-Request-Id"] == "find-me"
    for leak in (SECRET, "Traceback", "RuntimeError", ".py"):
        assert leak not in crashed.text


def test_request_ids_come_back_when_they_are_sane(stand: Stand) -> None:
    assert stand.get("/version", headers={"X-Request-Id": "a-b.c_1"}).headers["X-Request-Id"] == "a-b.c_1"
    for bad in ("a b", "x" * 129, "<script>", "é", ""):
        answered = stand.get("/version", headers={"X-Request-Id": bad})
        assert re.fullmatch("[0-9a-f]{32}", answered.headers["X-Request-Id"])


def test_passwords_are_in_no_answer() -> None:
    with standing() as stand:
        for path in ("/migrations", "/jobs", "/health/ready", "/openapi.json", "/version", "/migrations?environment=x"):
            assert SECRET not in stand.get(path).text


def break_with(stand: Stand, monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    async def jobs(*_: Any) -> Any:
        raise error

    monkeypatch.setattr(stand.services.migrations, "jobs", jobs)
