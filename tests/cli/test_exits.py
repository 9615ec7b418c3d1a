"""What scripts branch on: the exit code of each outcome, and one document on standard output whatever happens."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from app.cli import check
from app.cli.exits import MEANINGS, Exit
from app.cli.session import Session
from app.client.resources import looks
from tests.api.stand import ONE, THREE, TWO, standing
from tests.cli.typed import Terminal, Worked

JOB = "0198f3a2-0000-7000-8000-000000000001"
NOON = "2026-01-01T12:00:00.000000Z"
REQUEST: dict[str, Any] = {
    "to": None, "count": None, "atomic": "migration", "onFailure": None, "onBusy": "queue", "confirm": None,
    "lockTimeoutMs": None, "planId": None, "allowHazards": [], "names": [], "as": None, "conflictId": None,
    "resolution": None, "migration": None, "schedule": None, "preservedId": None, "table": None, "preserve": None,
    "from": None, "outsideWindow": "refuse",
}  # fmt: skip


def job(state: str, reason: str, **said: Any) -> dict[str, Any]:
    return {
        "id": JOB, "kind": "run", "environment": "staging", "state": state, "reason": reason, "message": f"it {state}",
        "attempt": 1, "createdAt": NOON, "updatedAt": NOON, "startedAt": NOON, "finishedAt": NOON, "durationMs": 1200,
        "request": REQUEST, "principal": {"id": "a", "kind": "anonymous", "address": None, "name": None},
        "requestId": None, "retryOf": None, "pausedBy": None, "notBefore": None, "approvalsNeeded": 0, "note": None,
        "notices": [], "error": None, "links": {}, "actions": [], "steps": [], "warnings": [], **said,
    }  # fmt: skip


def typed(folder: Path, answer: Callable[[httpx.Request], httpx.Response], *words: str) -> Any:
    return Terminal(folder, httpx.MockTransport(answer)).type(*words)


@pytest.mark.parametrize(
    ("status", "slug", "code"),
    [
        (422, "validation-failed", Exit.USAGE),
        (404, "not-found", Exit.USAGE),
        (409, "conflicts-open", Exit.CONFLICT),
        (409, "target-busy", Exit.BUSY),
        (503, "too-many-requests", Exit.BUSY),
        (403, "environment-protected", Exit.REFUSED),
        (422, "hazard-not-allowed", Exit.REFUSED),
        (409, "outside-window", Exit.REFUSED),
        (412, "plan-stale", Exit.REFUSED),
        (428, "confirmation-required", Exit.REFUSED),
        (401, "unauthenticated", Exit.NOT_ALLOWED),
        (403, "forbidden", Exit.NOT_ALLOWED),
        (403, "read-only", Exit.NOT_ALLOWED),
        (503, "backend-unavailable", Exit.UNREACHABLE),
        (500, "internal-error", Exit.UNREACHABLE),
        (409, "of-tomorrow", Exit.REFUSED),
    ],
)
def test_each_problem_has_its_exit_code_three_lines_and_one_document(
    tmp_path: Path, status: int, slug: str, code: Exit
) -> None:
    problem = {"type": f"/problems/{slug}", "title": "What it is", "detail": "Why it is.", "nextSteps": []}

    def refuse(_: httpx.Request) -> httpx.Response:
        return httpx.Response(status, json=problem)

    said = typed(tmp_path, refuse, "run", "staging")
    assert (said.exit_code, said.stdout) == (code, "")
    assert [line.strip() for line in said.stderr.splitlines()[:2]] == ["✕ What it is", "Why it is."]
    assert len(said.stderr.splitlines()) == 3
    as_json = typed(tmp_path, refuse, "run", "staging", "--json")
    assert (as_json.exit_code, as_json.stderr) == (code, "")
    assert json.loads(as_json.stdout) == {**problem, "exitCode": code}


@pytest.mark.parametrize(
    ("state", "reason", "code"),
    [
        ("succeeded", "applied", Exit.DONE),
        ("succeeded", "nothing_to_do", Exit.DONE),
        ("failed", "sql_error", Exit.JOB_FAILED),
        ("failed", "conflicts_open", Exit.CONFLICT),
        ("failed", "plan_stale", Exit.REFUSED),
        ("failed", "hazard_not_allowed", Exit.REFUSED),
        ("cancelled", "by_user", Exit.CANCELLED),
        ("needs_attention", "uncertain", Exit.JOB_FAILED),
    ],
)
def test_each_end_of_a_job_has_its_exit_code_and_one_document(
    tmp_path: Path, state: str, reason: str, code: Exit
) -> None:
    def answer(_: httpx.Request) -> httpx.Response:
        return httpx.Response(202, json=job(state, reason))

    assert typed(tmp_path, answer, "run", "staging").exit_code == code
    as_json = typed(tmp_path, answer, "run", "staging", "--json")
    assert as_json.exit_code == code
    assert json.loads(as_json.stdout)["state"] == state


def test_nobody_answers(tmp_path: Path) -> None:
    def refuse(_: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("refused")

    said = typed(tmp_path, refuse, "status")
    assert said.exit_code == Exit.UNREACHABLE
    assert "no Liftlock answers at http://localhost:3000" in said.stderr and "liftlock doctor" in said.stderr


@pytest.mark.parametrize("words", [["statsu"], ["run", "--bad"], ["wait"], ["run", "--timeout", "soon"]])
def test_what_cannot_be_understood_is_usage(tmp_path: Path, words: list[str]) -> None:
    said = Terminal(tmp_path).type(*words)
    assert (said.exit_code, len(said.stderr.splitlines())) == (Exit.USAGE, 3)
    assert json.loads(Terminal(tmp_path).type(*words, "--json").stdout)["exitCode"] == Exit.USAGE


def test_a_typo_is_told_what_it_is_near(tmp_path: Path) -> None:
    assert "did you mean status" in Terminal(tmp_path).type("statsu").stderr


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        (("jobs", "cancle", "7"), "there is no command 'jobs cancle'; did you mean cancel?"),
        (("env", "shwo", "development"), "there is no command 'env shwo'; did you mean show?"),
        (("config", "shwo"), "there is no command 'config shwo'; did you mean show?"),
        (("jobs", "development", "7"), "unexpected extra argument (7)"),
        (("jobs", "cancle", "--sinec", "7"), "No such option '--sinec'"),
    ],
)
def test_a_slip_in_the_second_word_is_no_word_too_many(tmp_path: Path, typed: tuple[str, ...], said: str) -> None:
    ended = Terminal(tmp_path).type(*typed)
    assert ended.exit_code == Exit.USAGE and said in ended.stderr


def test_the_time_to_wait_is_over_and_the_job_goes_on(tmp_path: Path) -> None:
    def answer(_: httpx.Request) -> httpx.Response:
        return httpx.Response(200, json=job("running", "applying", finishedAt=None), headers={"ETag": '"1"'})

    said = typed(tmp_path, answer, "wait", JOB, "--timeout", "0s")
    assert said.exit_code == Exit.TIMED_OUT
    assert f"liftlock wait {JOB}" in said.stderr


def test_ctrl_c_detaches_says_how_to_go_on_and_never_cancels(tmp_path: Path) -> None:
    asked: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(f"{request.method} {request.url.path}")
        if len(asked) == 2:
            raise KeyboardInterrupt
        return httpx.Response(202, json=job("queued", "for_worker", finishedAt=None))

    said = typed(tmp_path, answer, "run", "staging")
    assert said.exit_code == Exit.DETACHED
    assert f"liftlock jobs watch {JOB}" in said.stderr and f"liftlock jobs cancel {JOB}" in said.stderr
    assert asked == ["POST /migrations/run", f"GET /jobs/{JOB}"]
    asked.clear()
    document = json.loads(typed(tmp_path, answer, "run", "staging", "--json").stdout)
    assert document["nextSteps"] == [f"liftlock jobs watch {JOB}", f"liftlock jobs cancel {JOB}"]
    assert document["exitCode"] == Exit.DETACHED


def test_a_bug_is_three_lines_and_its_traceback_is_asked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Session, "now", lambda _: 1 / 0)
    said = typed(tmp_path, lambda _: httpx.Response(200, json=[]), "token", "ls")
    assert said.exit_code == Exit.BUG and "Traceback" not in said.stderr
    assert "ZeroDivisionError" in said.stderr
    assert "Traceback" in typed(tmp_path, lambda _: httpx.Response(200, json=[]), "token", "ls", "-vv").stderr


def test_every_exit_code_is_documented() -> None:
    page = (Path(__file__).resolve().parents[2] / "docs" / "cli.md").read_text(encoding="utf-8")
    assert set(MEANINGS) == set(Exit)
    assert [code for code in Exit if f"| {int(code)} | {MEANINGS[code]} |" not in page] == []


def test_who_sees_lines_only_is_told_that_it_is_still_at_work(tmp_path: Path) -> None:
    running = job("running", "applying", finishedAt=None, message="applying orders")
    answers = iter(
        [
            httpx.Response(202, json=running),
            httpx.Response(200, json=running, headers={"ETag": '"1"'}),
            httpx.Response(304),
            httpx.Response(200, json=job("succeeded", "applied")),
        ]
    )
    asked: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        return next(answers)

    said = typed(tmp_path, answer, "run", "staging")
    lines = said.stdout.splitlines()
    assert lines[0] == "▶ running  applying orders"
    assert lines[1].startswith("… still running after ") and lines[1].endswith(": applying orders")
    assert lines[2].startswith("✓ succeeded  run in staging")
    assert (asked[2].headers["If-None-Match"], asked[2].url.params["wait"]) == ('"1"', "10")


def test_a_service_away_for_a_moment_does_not_end_the_watch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(looks, "BETWEEN_TRIES_S", 0)
    running = job("running", "applying", finishedAt=None, message="applying orders")
    tagged = httpx.Response(200, json=running, headers={"ETag": '"1"'})
    away = httpx.Response(503, json={"type": "/problems/backend-unavailable", "detail": "PostgreSQL is away"})
    answers = iter([httpx.Response(202, json=running), tagged, away, httpx.Response(200, json=job("succeeded", "ok"))])
    said = typed(tmp_path, lambda _: next(answers), "run", "staging")
    assert (said.exit_code, said.stderr) == (Exit.DONE, "… PostgreSQL is away; the job goes on, asking again\n")


def test_a_watch_that_sees_nothing_any_more_says_that_the_job_goes_on_and_how_to_find_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(looks, "PATIENCE_S", 0)
    running = job("running", "applying", finishedAt=None)

    def answers() -> Iterator[httpx.Response]:
        yield httpx.Response(202, json=running)
        yield httpx.Response(200, json=running, headers={"ETag": '"1"'})
        yield httpx.Response(502, text="Bad Gateway")

    for form in ((), ("--json",)):
        told = answers()

        def answer(_: httpx.Request, told: Iterator[httpx.Response] = told) -> httpx.Response:
            return next(told)

        said = typed(tmp_path, answer, "run", "staging", *form)
        assert said.exit_code == Exit.UNREACHABLE
        assert f"liftlock jobs watch {JOB}" in said.output and f"job {JOB} goes on without it" in said.output


def test_check_keeps_looking_while_a_service_is_started_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(check, "BETWEEN_LOOKS_S", 0)
    away = [503, 502]
    with standing(applied=(ONE, TWO, THREE)) as stand:
        service = Worked(stand)

        def answer(request: httpx.Request) -> httpx.Response:
            return httpx.Response(away.pop()) if away else service.handle_request(request)

        terminal = Terminal(tmp_path, httpx.MockTransport(answer))
        assert terminal.type("check", "development").exit_code == Exit.UNREACHABLE
        assert terminal.type("check", "development", "--wait", "60s").exit_code == Exit.DONE
    assert away == []


def test_history_tells_migrations_and_jobs(tmp_path: Path) -> None:
    entry: dict[str, Any] = {
        "source": "ledger", "id": "7", "at": NOON, "environment": "staging", "event": "applied", "migration": "orders",
        "version": "0003", "jobId": JOB, "by": "ci", "state": None, "reason": None, "message": None, "durationMs": 12,
        "links": {},
    }  # fmt: skip
    asked = {**entry, "source": "job", "event": "run", "migration": None, "state": "failed", "message": "it failed"}

    def answer(request: httpx.Request) -> httpx.Response:
        assert (request.url.path, request.url.params["environment"]) == ("/history", "staging")
        return httpx.Response(200, json=[asked, entry])

    _, first, second = typed(tmp_path, answer, "history", "staging").stdout.splitlines()
    assert "✕ failed" in first and "run" in first and first.endswith("it failed")
    assert "✓ applied" in second and "0003 orders" in second and "ci" in second
    assert [one["id"] for one in json.loads(typed(tmp_path, answer, "history", "staging", "--json").stdout)] == [
        "7",
        "7",
    ]
