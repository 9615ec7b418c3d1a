"""Pure parts: the service's next steps as commands, durations, moments, and what is said of a job that is watched."""

import sys
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from io import StringIO
from typing import Any

import pytest

from app.cli.conflicts import _evidence
from app.cli.out import Letters, Out, table
from app.cli.progress import ending, heartbeat, live, news
from app.cli.session import Session
from app.cli.steps import as_typed, commands_in, in_words
from app.cli.times import ago, lasting, since, size, typed_seconds
from app.cli.watching import watched
from app.client.documents.jobs import Failure, Job, Step
from app.client.reading import read
from tests.cli.test_exits import job

NOW = datetime(2026, 1, 1, 12, 0, tzinfo=UTC)
OUT = Out()


@pytest.mark.parametrize(
    ("step", "typed"),
    [
        ("curl -X POST 'http://h/migrations/run?environment=staging'", "liftlock run staging"),
        (
            "curl -X POST http://h/migrations/run?environment=a -H 'Content-Type: application/json' "
            """-d '{"planId": "7", "allowHazards": ["LINT", "DATA_LOSS"], "confirm": "a"}'""",
            "liftlock run a --plan 7 --confirm a --allow-hazards LINT,DATA_LOSS",
        ),
        ("curl -X POST 'http://h/migrations/rollback/3?environment=a%20b'", "liftlock rollback 'a b' 3"),
        ("curl -X DELETE http://h/migrations/reset", "liftlock reset"),
        ("curl http://h/migrations?environment=staging", "liftlock status staging"),
        ("curl http://h/migrations/conflicts?state=open", "liftlock conflicts"),
        ("curl 'http://h/jobs/7?wait=30'", "liftlock jobs show 7"),
        ("curl -X POST http://h/jobs/7/retry", "liftlock jobs retry 7"),
        ("curl http://h/jobs/7/locks", "liftlock jobs locks 7"),
        ("curl 'http://h/environments/compare?from=a&to=b'", "liftlock compare a b"),
        ("curl -X DELETE 'http://h/environments/qa?confirm=qa'", "liftlock env rm qa --confirm qa"),
        (
            """curl -X POST http://h/migrations/conflicts/7/resolve -H 'X: y' -d '{"resolution": "accept_file"}'""",
            "liftlock conflicts resolve 7 accept_file",
        ),
        (
            """curl -X POST http://h/migrations/mark -H 'X: y' -d '{"as": "applied", "names": ["x"]}'""",
            "liftlock mark applied x",
        ),
        ("curl http://h/openapi.json", "curl http://h/openapi.json"),
        ("curl 'http://h/migrations", "curl 'http://h/migrations"),
        ("correct the file", "correct the file"),
        ('send the same with {"confirm": "production"}', "the same again with --confirm production"),
        (
            'send the same with "outsideWindow": "queue" to have it run then',
            "the same again with --outside-window queue to have it run then",
        ),
    ],
)
def test_a_next_step_is_a_command_that_can_be_typed_here(step: str, typed: str) -> None:
    assert as_typed(step) == typed


def test_a_call_inside_a_sentence_is_said_as_a_command() -> None:
    said = in_words("nobody has looked yet; POST /environments/a/drift/scan looks, and GET /nothing is no command")
    assert said == "nobody has looked yet; liftlock drift a --scan looks, and GET /nothing is no command"


def test_calls_inside_a_sentence_are_what_can_be_pasted_of_it() -> None:
    body = """-H 'Content-Type: application/json' -d '{"note": "it'"'"'s fine", "allowHazards": ["LINT"]}'"""
    step = f"when it may be taken: curl -X POST 'http://h/migrations/run?environment=a' {body}"
    assert as_typed(step) == "when it may be taken: liftlock run a --allow-hazards LINT"
    assert commands_in(step) == ["liftlock run a --allow-hazards LINT"]
    tried = "Try it with: curl -X POST http://h/migrations/verify; or write the statements out."
    assert as_typed(tried) == "Try it with: liftlock verify; or write the statements out."
    assert commands_in(tried) == ["liftlock verify"]
    assert commands_in("correct the file") == []


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("60s", 60),
        ("5m", 300),
        ("1.5h", 5400),
        ("2d", 172800),
        ("7", 7),
        ("250ms", 0.25),
        ("soon", None),
        ("-1s", None),
    ],
)
def test_durations_are_typed_as_people_type_them(text: str, seconds: float | None) -> None:
    assert typed_seconds(text) == seconds


@pytest.mark.parametrize(
    ("ms", "said"),
    [(None, "?"), (0, "0 ms"), (999, "999 ms"), (1200, "1.2 s"), (42_000, "42 s"), (90_000, "1 m 30 s"),
     (7_500_000, "2 h 5 m"), (3 * 86_400_000, "3 d")],
)  # fmt: skip
def test_durations_are_said_in_the_largest_units_that_fit(ms: float | None, said: str) -> None:
    assert lasting(ms) == said


@pytest.mark.parametrize(
    ("seconds", "said"), [(2, "just now"), (59, "59 s ago"), (61, "1 m ago"), (90_000, "1 d ago"), (-7200, "in 2 h")]
)
def test_moments_are_said_from_now(seconds: int, said: str) -> None:
    assert ago(NOW - timedelta(seconds=seconds), NOW) == said


def test_a_moment_is_typed_as_a_while_ago_or_in_full() -> None:
    assert since("2h", NOW) == NOW - timedelta(hours=2)
    assert since("2026-01-01T08:00Z", NOW) == NOW - timedelta(hours=4)
    assert since("yesterday", NOW) is None


def test_sizes_are_said_in_powers_of_1024() -> None:
    assert [size(one) for one in (None, 12, 2048, 5 * 1024**3)] == ["?", "12 B", "2.0 kB", "5.0 GB"]


def test_a_table_is_cut_at_the_edge_and_never_in_the_middle(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "120")
    wide = table(OUT, ("ID", "WHAT"), [("1", "x" * 300)])
    assert len(wide[1]) == OUT.width and wide[1].endswith("…")


def test_a_sentence_is_broken_between_words_and_only_on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    sentence = "1 object changed since job 01a22851-b8df-7342-924e-fb83dcfe2812 left it"
    assert Out(terminal=True).wrapped(sentence) == [
        "1 object changed since job",
        "  01a22851-b8df-7342-924e-fb83dcfe2812",
        "  left it",
    ]
    assert Out().wrapped(sentence) == [sentence]


def test_evidence_is_told_in_words_and_not_as_python_writes_it() -> None:
    found = [{"file": "1_a.sql", "line": 6, "column": None}, {"text": "+ index i"}]
    assert [line.strip() for line in _evidence(OUT, "statements", found)] == [
        "statements:",
        "file 1_a.sql, line 6",
        "+ index i",
    ]
    assert list(_evidence(OUT, "also", {"by": None, "names": ["a", "b"]})) == ["  also: names a, b"]


def test_signs_have_their_letters_in_ascii() -> None:
    assert Out(letters=Letters.ASCII).lettered("✓ a → b … ≠").isascii()


def step(ordinal: int, state: str, **said: object) -> Step:
    plain = Step(
        ordinal=ordinal, name=f"m{ordinal}", version=f"000{ordinal}", direction="up", state=state, started_at=None,
        finished_at=None, duration_ms=12, notice=None, error=None,
    )  # fmt: skip
    return replace(plain, **said)  # type: ignore[arg-type]


def going(message: str, *steps: Step) -> Job:
    return replace(read(Job, job("running", "applying", finishedAt=None, message=message)), steps=steps)


def test_a_step_is_said_once_when_it_has_ended_and_the_job_when_it_has_moved_on() -> None:
    first = going("m1", step(1, "running"), step(2, "pending"))
    second = going("m2", step(1, "applied", notice="kept 3 rows"), step(2, "running"))
    assert list(news(OUT, None, first)) == ["▶ running  m1"]
    assert list(news(OUT, first, second)) == ["✓ + 0001 m1  12 ms  kept 3 rows", "▶ running  m2"]
    assert list(news(OUT, second, second)) == []


def test_the_two_live_lines_say_how_far_it_is_and_what_it_is_at() -> None:
    at = going("waiting for a lock on orders: pid 7", step(1, "applied"), step(2, "running"), step(3, "pending"))
    bar, doing = live(at, NOW + timedelta(seconds=3), 80)
    assert bar == f"{'▮' * 8}{'▯' * 16} 1 of 3  0002 m2  3.0 s"
    assert doing == "  waiting for a lock on orders: pid 7"
    assert max(len(line) for line in live(at, NOW, 30)) <= 30


def test_a_heartbeat_says_how_long_and_how_far() -> None:
    at = going("m2", step(1, "applied"), step(2, "running"))
    assert heartbeat(at, NOW + timedelta(seconds=70)) == "… still running after 1 m 10 s, 1 of 2 steps done: m2"


def test_a_failure_answers_what_where_what_is_left_whether_to_retry_and_what_to_type() -> None:
    failure = Failure(
        code="sql_error", message='relation "x" does not exist', migration="m2", direction="up", sqlstate="42P01",
        detail=None, hint=None, file="0002_m2.sql", line=7, column=15, statement="SELECT * FROM x",
        caret="SELECT * FROM x\n              ^", context=None, left_behind="nothing", safe_to_retry=True,
        next_steps=("curl -X POST 'http://h/migrations/run?environment=staging'",),
    )  # fmt: skip
    said = "\n".join(ending(OUT, replace(read(Job, job("failed", "sql_error", message="m2 failed")), error=failure)))
    for answer in (
        'relation "x" does not exist (42P01)', "at 0002_m2.sql:7:15", "              ^", "left behind: nothing",
        "safe to retry: yes", "liftlock run staging",
    ):  # fmt: skip
        assert answer in said


def test_finished_steps_scroll_up_above_two_lines_that_go_away(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "60")
    screen = StringIO()
    monkeypatch.setattr(sys, "stdout", screen)
    monkeypatch.setattr(screen, "isatty", lambda: True, raising=False)
    first = going("m1", step(1, "running"), step(2, "pending"))
    with watched(Session(Out(terminal=True, colour=True))) as seen:
        seen.change(None, first)
        seen.change(first, going("waiting for pid 7", step(1, "applied"), step(2, "running")))
    drawn = screen.getvalue()
    assert "+ 0001 m1  12 ms" in drawn and "1 of 2" in drawn and "waiting for pid 7" in drawn
    assert "▶ running" not in drawn
    assert drawn.rindex("\x1b[2K") > drawn.rindex("waiting for pid 7")


def test_the_targets_of_a_job_are_said_when_each_has_ended() -> None:
    def child(name: str, state: str) -> dict[str, Any]:
        return {
            "environment": name,
            "id": None,
            "state": state,
            "reason": None,
            "message": f"{name} {state}",
            "links": {},
        }

    def parent(*states: str) -> Job:
        children = [child(f"eu-{number}", state) for number, state in enumerate(states)]
        return read(Job, job("running", "applying", finishedAt=None, message="m", children=children))

    first, second = parent("running", "pending"), parent("succeeded", "running")
    assert list(news(OUT, first, second)) == ["✓ succeeded  eu-0: eu-0 succeeded"]
    assert heartbeat(second, NOW).endswith("1 of 2 targets done: m")
