"""Commands over the whole HTTP application: what they print, what they answer as JSON, how they end."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from app.cli.exits import Exit
from app.cli.out import Out
from app.cli.plan_text import plan_lines
from app.client.documents.plans import Plan
from app.client.reading import read
from app.domain.access import Auth
from app.domain.conflict import Collision, ConflictKind
from app.domain.failure import Failure, FailureCode
from app.domain.job import Ended, JobState, StepRecord, StepState
from tests.api.stand import ONE, TWO, Stand, standing
from tests.cli.typed import Terminal, Worked

ADMIN = "the-admins-token-of-this-test-long-enough"


def test_status_shows_three_axes_and_every_migration_that_is_not_everywhere(terminal: Terminal) -> None:
    said = terminal.type("status")
    assert said.exit_code == Exit.DONE
    assert "DEVELOPMENT" in said.stdout and "○ behind (1)" in said.stdout
    assert "3        orders" in said.stdout
    assert "1 pending in production." in said.stdout and "liftlock plan production" in said.stdout


def test_status_of_one_says_what_is_the_matter_with_each(terminal: Terminal) -> None:
    said = terminal.type("status", "development")
    assert "✓ applied" in said.stdout and "○ pending" in said.stdout
    assert terminal.type("status", "development", "--exit-code").exit_code == Exit.DIFFERENCE


def test_plan_shows_each_step_its_sql_and_the_command_that_runs_it(terminal: Terminal) -> None:
    said = terminal.type("plan", "development")
    plan = terminal.document("plan", "development")
    assert said.exit_code == Exit.DONE
    assert "1  + 3 orders" in said.stdout and "in a transaction" in said.stdout and "SELECT 3" in said.stdout
    assert "1 to apply, 0 to roll back" in said.stdout
    assert "liftlock run development --plan " in said.stdout
    assert terminal.type("plan", "--id", plan["id"]).exit_code == Exit.DONE
    assert "SELECT 3" in terminal.type("plan", "--id", plan["id"], "--sql").stdout


def test_a_plan_that_would_be_refused_says_why_and_exits_so(terminal: Terminal) -> None:
    said = terminal.type("plan", "production", "--kind", "reset")
    assert said.exit_code == Exit.REFUSED
    assert "✕ reset undoes everything and is refused in production" in " ".join(said.stdout.split())


def test_a_run_is_watched_to_its_end(tmp_path: Path) -> None:
    with standing(applied=(ONE,)) as stand:
        said = Terminal(tmp_path, Worked(stand, lambda it, job: it.finish(job))).type("run", "development")
    assert said.exit_code == Exit.DONE
    assert "✓ succeeded  run in development: 3 migrations applied  1.5 s" in said.stdout


def test_what_a_step_says_stands_above_its_end(tmp_path: Path) -> None:
    def work(stand: Stand, job: str) -> None:
        attempt = stand.start(job)
        step = StepRecord(0, "orders", "3", "up", StepState.APPLIED, duration_ms=5)
        stand.run(stand.claims.record_heard(attempt, [(step, "NOTICE: moved 5 rows")]))
        stand.run(stand.claims.record_steps(attempt, [step], "applying"))
        stand.run(stand.claims.end(attempt, Ended(JobState.SUCCEEDED, "applied", "1 migration applied")))

    with standing(applied=(ONE, TWO)) as stand:
        terminal = Terminal(tmp_path, Worked(stand, work))
        watched = terminal.type("run", "development").stdout
        job = terminal.type("jobs", "--limit", "1", "--quiet").stdout.strip()
        again = terminal.type("jobs", "watch", job).stdout
        quiet = terminal.type("jobs", "watch", job, "--quiet").stdout
    for said in (watched, again):
        assert "  orders (3) up: NOTICE: moved 5 rows\n✓ + 3 orders  5 ms" in said
    assert "moved" not in quiet


def test_a_run_that_fails_says_what_where_and_what_to_type(tmp_path: Path) -> None:
    failure = Failure(FailureCode.SQL_ERROR, "boom", "orders", "up", "42P01", file="3.sql", line=4)

    def fail(stand: Stand, job: str) -> None:
        stand.finish(job, JobState.FAILED, "sql_error", error=failure)

    with standing(applied=(ONE,)) as stand:
        said = Terminal(tmp_path, Worked(stand, fail)).type("run", "development", "--quiet")
    assert said.exit_code == Exit.JOB_FAILED
    assert "boom (42P01)" in said.stdout and "at 3.sql:4" in said.stdout and "left behind" in said.stdout


def test_detached_prints_the_job_and_waits_for_nothing(tmp_path: Path) -> None:
    with standing(applied=(ONE,)) as stand:
        terminal = Terminal(tmp_path, Worked(stand))
        said = terminal.type("run", "development", "--detach", "--quiet")
        job = said.stdout.strip()
        assert terminal.document("jobs", "show", job)["state"] == "queued"
        assert terminal.type("jobs", "cancel", job).exit_code == Exit.DONE
        assert terminal.type("wait", job).exit_code == Exit.CANCELLED


def test_watching_as_json_is_a_line_for_each_change(tmp_path: Path) -> None:
    with standing(applied=(ONE,)) as stand:
        terminal = Terminal(tmp_path, Worked(stand, lambda it, job: it.finish(job)))
        job = terminal.type("run", "--detach", "--quiet").stdout.strip()
        said = terminal.type("jobs", "watch", job, "--json")
    assert [json.loads(line)["state"] for line in said.stdout.splitlines()][-1] == "succeeded"


def test_undo_takes_a_number_or_a_name_and_nothing_unclear(tmp_path: Path) -> None:
    with standing(applied=(ONE, TWO)) as stand:
        terminal = Terminal(tmp_path, Worked(stand))
        counted = terminal.document("rollback", "2", "--detach")
        assert (counted["kind"], counted["request"]["count"]) == ("rollback", 2)
        named = terminal.document("rollback", "development", "--to", "create users", "--detach")
        assert named["request"]["to"] == "create users"
        assert terminal.type("rollback", "development", "2", "--to", "x").exit_code == Exit.USAGE
        assert terminal.type("rollback", "development", "two").exit_code == Exit.USAGE
        assert "N is a number from 1 on" in terminal.type("rollback", "0").stderr


def test_reset_and_sync_ask_for_their_jobs(tmp_path: Path) -> None:
    with standing(applied=(ONE,)) as stand:
        terminal = Terminal(tmp_path, Worked(stand))
        assert terminal.document("reset", "development", "--no-preserve", "--detach")["request"]["preserve"] is False
        assert terminal.type("reset", "production").exit_code == Exit.REFUSED
        synced = terminal.document("sync", "production", "--to", "development", "--detach")
        assert (synced["kind"], synced["request"]["from"]) == ("sync", "development")
        assert terminal.type("sync", "production", "--to", "development", "--dry-run").exit_code == Exit.DONE


def test_conflicts_are_listed_shown_and_settled(tmp_path: Path) -> None:
    with standing(applied=(ONE, TWO)) as stand:
        terminal = Terminal(tmp_path, Worked(stand))
        collision = Collision(ConflictKind.CHECKSUM_MISMATCH, "it was changed", "print", environment="development")
        conflict = str(stand.run(stand.log.record(collision)).id)
        assert "! open  checksum mismatch in development" in terminal.type("conflicts").stdout
        assert terminal.type("conflicts", "development", "--quiet").stdout.strip() == conflict
        shown = terminal.type("conflicts", "show", conflict).stdout
        assert "Ways out" in shown and f"liftlock conflicts resolve {conflict} restore_file" in shown
        settled = terminal.type("conflicts", "resolve", conflict, "restore-file", "--note", "put back")
        assert settled.exit_code in (Exit.DONE, Exit.CONFLICT)
        assert terminal.type("conflicts", "show", "nonsense").exit_code == Exit.USAGE


def test_drift_that_nobody_looked_for_says_how_to_look(terminal: Terminal) -> None:
    said = terminal.type("drift", "production")
    assert said.exit_code == Exit.DONE
    assert "liftlock drift production --scan" in said.stdout
    adopted = terminal.type("adopt", "production")
    assert (adopted.exit_code, "liftlock drift production --scan" in adopted.stderr) == (Exit.USAGE, True)


def test_compare_tells_what_each_lacks(terminal: Terminal) -> None:
    said = terminal.type("compare", "development", "production")
    assert said.exit_code in (Exit.DONE, Exit.DIFFERENCE)
    assert "applied in both 2" in said.stdout


def test_check_is_for_scripts(terminal: Terminal) -> None:
    assert terminal.type("check", "development").exit_code == Exit.DIFFERENCE
    document = terminal.document("check", "development")
    assert (document["sync"]["state"], document["exitCode"]) == ("behind", 3)


def test_a_service_without_a_log_of_jobs_says_so(tmp_path: Path) -> None:
    with standing(applied=(ONE,)) as stand:
        terminal = Terminal(tmp_path, Worked(stand))
        job = terminal.type("run", "--detach", "--quiet").stdout.strip()
        said = terminal.type("jobs", "log", job)
        gone = terminal.type("jobs", "log", "0198f3a2-0000-7000-8000-000000000001")
    assert said.exit_code in (Exit.DONE, Exit.USAGE)
    assert gone.exit_code == Exit.USAGE and "there is no job" in gone.stderr


@pytest.mark.parametrize(
    "words",
    [
        ("status",), ("status", "development"), ("plan", "development"), ("conflicts",), ("jobs",),
        ("schedules",), ("env", "ls"), ("env", "show", "production"), ("env", "status", "production"),
        ("preserved", "development"), ("token", "ls"), ("audit", "--since", "24h"), ("whoami",),
        ("webhook", "ls"), ("history",),
        ("drift", "production"),
        ("compare", "development", "production"), ("check", "development"), ("verify", "development", "--detach"),
        ("mark", "applied", "orders", "-e", "development", "--detach"), ("completion", "bash"), ("graph", "--states"),
    ],
    ids=" ".join,
)  # fmt: skip
def test_every_command_answers_one_document_and_in_ascii_alone(stand: Stand, tmp_path: Path, words: Any) -> None:
    terminal = Terminal(tmp_path, Worked(stand))
    assert terminal.document(*words) is not None
    said = terminal.type(*words, "--ascii")
    assert said.stderr == "" and said.stdout.isascii() and "\x1b" not in said.stdout


def test_environments_are_registered_guarded_and_forgotten(tmp_path: Path) -> None:
    with standing() as stand:
        terminal = Terminal(tmp_path, Worked(stand))
        assert terminal.type("env", "put", "qa", "--set", "url=env:QA_URL").exit_code == Exit.DONE
        assert terminal.document("env", "put", "qa", "--set", "approvals=1")["document"]["url"] == "env:QA_URL"
        assert terminal.type("env", "put", "qa", "--set", "nonsense").exit_code == Exit.USAGE
        assert terminal.type("env", "rm", "qa").exit_code == Exit.DONE
        refused = terminal.type("env", "unlock", "production")
        assert refused.exit_code == Exit.REFUSED and "--confirm production" in refused.stderr
        assert terminal.type("env", "unlock", "production", "--confirm", "production").exit_code == Exit.DONE
        assert terminal.document("env", "lock", "production")["protection"] == "locked"


def test_schedules_are_paused_and_resumed(tmp_path: Path) -> None:
    with standing() as stand:
        terminal = Terminal(tmp_path, Worked(stand))
        assert "purge: paused" in terminal.type("schedules", "pause", "purge").stdout
        assert "purge: next" in terminal.type("schedules", "resume", "purge").stdout
        assert terminal.document("schedules", "run", "purge", "--detach")["kind"] == "purge"


def test_a_webhook_is_made_tried_given_another_secret_and_removed(stand: Stand, tmp_path: Path) -> None:
    terminal = Terminal(tmp_path, Worked(stand))
    made = terminal.type("webhook", "add", "on-call", "https://hooks.example.com/liftlock", "--events", "job.failed")
    assert made.exit_code == Exit.DONE and made.stdout.startswith("whsec_") and "shown this once" in made.stderr
    (hook,) = [one["id"] for one in terminal.document("webhook", "ls")]
    assert "✓ enabled" in terminal.type("webhook", "ls").stdout
    sent = terminal.document("webhook", "test", hook)
    assert [one["id"] for one in terminal.document("webhook", "deliveries", hook)] == [sent["id"]]
    assert "not sent yet" in terminal.type("webhook", "deliveries", hook).stdout
    assert terminal.document("webhook", "redeliver", hook, sent["id"])["messageId"] == sent["messageId"]
    other = terminal.type("webhook", "rotate", hook).stdout
    assert other.startswith("whsec_") and other != made.stdout
    assert terminal.type("webhook", "rm", hook).exit_code == Exit.DONE
    assert terminal.document("webhook", "ls") == []


def test_a_token_is_made_kept_by_login_used_and_revoked(tmp_path: Path) -> None:
    with standing(changed_settings={"auth": Auth.TOKEN, "admin_token": ADMIN}) as stand:
        terminal = Terminal(tmp_path, Worked(stand))
        refused = terminal.type("status")
        assert (refused.exit_code, refused.stderr.splitlines()[2].strip()) == (Exit.NOT_ALLOWED, "liftlock login")
        assert terminal.type("login", stdin=f"{ADMIN}\n").exit_code == Exit.DONE
        made = terminal.type("token", "add", "ci", "--role", "viewer", "--expires", "90d")
        assert made.stdout.startswith("ll_") and "shown this once" in made.stderr
        assert terminal.type("login", stdin=made.stdout).exit_code == Exit.DONE
        who = terminal.type("whoami").stdout
        assert "ci (token)" in who and "viewer" in who and "tokens.json" in who
        assert terminal.type("run", "development").exit_code == Exit.NOT_ALLOWED
        terminal.type("login", stdin=f"{ADMIN}\n")
        (token,) = [one["id"] for one in terminal.document("token", "ls") if one["name"] == "ci"]
        assert terminal.type("token", "revoke", token).exit_code == Exit.DONE
        assert terminal.type("login", stdin=made.stdout).exit_code == Exit.NOT_ALLOWED
        assert terminal.type("logout").exit_code == Exit.DONE
        assert terminal.type("whoami").exit_code == Exit.NOT_ALLOWED


def test_a_plan_says_what_it_locks_what_needs_consent_and_who_is_in_the_way(terminal: Terminal) -> None:
    plan = terminal.document("plan", "production")
    noon = "2026-01-01T12:00:00.000000Z"
    hazard = {
        "code": "INDEX_BUILD", "title": "…", "object": "orders", "file": "3.sql", "line": 1,
        "happens": "About 90 s of I/O.", "toDo": "…", "risk": "medium", "rule": None, "foundBy": "file",
        "estimatedRows": None, "bytes": None,
        "consent": None, "reason": None, "links": {},
    }  # fmt: skip
    statement = {
        "line": 1, "sql": "CREATE INDEX CONCURRENTLY i\n  ON orders (status)", "cut": False, "estimatedMs": 90_000,
        "estimateFrom": "…", "hazards": [hazard],
        "tables": [{"name": "orders", "estimatedRows": 12_000, "bytes": 2048}],
        "locks": [{"mode": "SHARE", "relation": "orders", "ofIndex": False, "says": "SHARE on orders: stops writes"}],
    }  # fmt: skip
    blocker = {
        "pid": 8123, "user": "app", "application": "billing", "state": "idle in transaction", "query": None,
        "since": noon, "transactionSince": noon, "table": "orders", "holds": "ROW SHARE", "needs": "ACCESS EXCLUSIVE",
        "step": 0,
        "says": "pid 8123 (billing) is idle in transaction on orders for 6 m 52 s.",
    }  # fmt: skip
    consent = {
        "hazards": ["INDEX_BUILD"], "confirm": "production", "flag": "", "body": {}, "inFile": [], "command": "",
    }  # fmt: skip
    plan["steps"][0] |= {
        "statements": [statement],
        "transactional": False,
        "estimatedMs": 90_000,
        "irreversible": "gone",
    }
    plan["steps"][0] |= {"reversible": False}
    plan |= {"consent": consent, "rightNow": {**plan["rightNow"], "blockers": [blocker]}}
    said = "\n".join(plan_lines(Out(), read(Plan, plan), datetime(2026, 1, 1, 12, 5, tzinfo=UTC)))
    for part in (
        "PROTECTED: locked", "1  + 3 orders", "outside a transaction about 1 m 30 s",
        "CREATE INDEX CONCURRENTLY i ON orders (status)", "lock  SHARE on orders: stops writes",
        "table orders: about 12,000 rows, 2.0 kB", "! INDEX_BUILD\n", "Risk medium; needs consent here.",
        "no way back  gone", "Right now  pid 8123 (billing) is idle in transaction",
        f"liftlock run production --plan {plan['id']} --confirm production --allow-hazards INDEX_BUILD",
    ):  # fmt: skip
        assert part in said
