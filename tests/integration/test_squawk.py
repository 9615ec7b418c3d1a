"""squawk, run for real: what of its rules is ours already, and that nothing it does can stop a plan."""

import asyncio
import time
from pathlib import Path

import pytest

from app.adapters.lint import SquawkLinter
from app.domain.examination import examine
from app.domain.hazards import HazardCode
from app.domain.lint import COVERED, NOT_ASKED, LintFinding
from app.domain.migration import SqlScript
from app.domain.step import step_up
from tests.domain.literals import sql

EXAMPLES = {
    "adding-field-with-default": "ALTER TABLE orders ADD COLUMN a uuid DEFAULT gen_random_uuid()",
    "adding-foreign-key-constraint": "ALTER TABLE orders ADD CONSTRAINT f FOREIGN KEY (a) REFERENCES b (id)",
    "adding-not-nullable-field": "ALTER TABLE orders ALTER COLUMN a SET NOT NULL",
    "adding-required-field": "ALTER TABLE orders ADD COLUMN a int NOT NULL",
    "adding-serial-primary-key-field": "ALTER TABLE orders ADD COLUMN id serial PRIMARY KEY",
    "ban-alter-domain-with-add-constraint": "ALTER DOMAIN d ADD CONSTRAINT c CHECK (VALUE > 1)",
    "ban-drop-constraint": "ALTER TABLE orders DROP CONSTRAINT c",
    "ban-drop-domain": "DROP DOMAIN d",
    "ban-drop-extension": "DROP EXTENSION e",
    "ban-drop-function": "DROP FUNCTION f()",
    "ban-drop-schema": "DROP SCHEMA s",
    "ban-drop-sequence": "DROP SEQUENCE s",
    "ban-drop-type": "DROP TYPE t",
    "ban-drop-view": "DROP VIEW v",
    "ban-set-schema": "ALTER TABLE orders SET SCHEMA archive",
    "renaming-object": "ALTER VIEW v RENAME TO w",
    "ban-drop-column": "ALTER TABLE orders DROP COLUMN a",
    "ban-drop-database": "DROP DATABASE shop",
    "ban-drop-table": "DROP TABLE orders",
    "ban-truncate-cascade": "TRUNCATE orders CASCADE",
    "changing-column-type": "ALTER TABLE orders ALTER COLUMN a TYPE bigint",
    "constraint-missing-not-valid": "ALTER TABLE orders ADD CONSTRAINT c CHECK (a > 0)",
    "disallowed-unique-constraint": "ALTER TABLE orders ADD CONSTRAINT u UNIQUE (a)",
    "renaming-column": "ALTER TABLE orders RENAME COLUMN a TO b",
    "renaming-table": "ALTER TABLE orders RENAME TO sales",
    "require-concurrent-index-creation": "CREATE INDEX i ON orders (a)",
    "require-concurrent-index-deletion": "DROP INDEX i",
    "require-concurrent-partition-detach": "ALTER TABLE events DETACH PARTITION p",
    "require-concurrent-reindex": "REINDEX TABLE orders",
}


def lint(linter: SquawkLinter, *texts: str) -> tuple[tuple[LintFinding, ...] | None, ...]:
    return asyncio.run(linter.lint([SqlScript(text, f"{number}.sql") for number, text in enumerate(texts)])).verdicts


def notice(linter: SquawkLinter) -> str:
    linted = asyncio.run(linter.lint([SqlScript("SELECT 1", "a.sql")]))
    assert linted.verdicts == (None,)
    return linted.notice or ""


def program(folder: Path, script: str) -> Path:
    path = folder / "squawk"
    path.write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
    path.chmod(0o755)
    return path


@pytest.mark.parametrize(("rule", "code"), sorted(COVERED.items()))
def test_what_we_leave_out_of_its_answer_our_own_rules_say(rule: str, code: HazardCode) -> None:
    script = EXAMPLES[rule]
    (findings,) = lint(SquawkLinter(), script)
    assert rule in [one.rule for one in findings or ()]
    assert code in [one.code for one in examine([step_up(sql("a", up=script))]).hazards]


def test_a_constraint_that_is_validated_at_once_is_found_by_both() -> None:
    script = "ALTER TABLE orders ADD CONSTRAINT c CHECK (a > 0) NOT VALID; ALTER TABLE orders VALIDATE CONSTRAINT c"
    (findings,) = lint(SquawkLinter(), script)
    assert [one.rule for one in findings or ()] == ["constraint-missing-not-valid"]
    assert [one.code for one in examine([step_up(sql("a", up=script))]).hazards] == ["BLOCKS_READS"]


def test_its_rules_about_timeouts_and_transactions_are_not_asked() -> None:
    (findings,) = lint(SquawkLinter(), "BEGIN; CREATE INDEX i ON orders (a); CREATE TABLE t (id bigint); COMMIT;")
    assert {one.rule for one in findings or ()} == {"require-concurrent-index-creation"}
    assert not COVERED.keys() & set(NOT_ASKED)


def test_what_it_cannot_read_it_says_with_the_place() -> None:
    (findings,) = lint(SquawkLinter(), "SELECT 1;\nSELEC 2;")
    assert findings is not None
    assert (findings[0].rule, findings[0].line, findings[0].column) == ("syntax-error", 2, 1)


def test_a_text_may_hold_anything() -> None:
    verdicts = lint(
        SquawkLinter(), "", "\ufeffSELECT 1", "SELECT '\ud800'", "\0", "-- squawk-ignore-file\nDROP TABLE a"
    )
    assert [verdict is None for verdict in verdicts] == [False] * 5


@pytest.mark.parametrize(
    ("script", "says"),
    [
        ("exit 3", "squawk ended with 3 and no answer; it said nothing"),
        ("echo no memory >&2; exit 134", "it said: no memory"),
        ("echo '{}'", "not a list"),
        ('echo \'[{"file": "0.sql"}]\'', "another shape"),
        (
            'echo \'[{"file": "x", "line": 0, "column": 0, "message": "", "rule_name": ""}]\'',
            "which it was not asked about",
        ),
        ("kill -9 $$", "ended with -9"),
    ],
)
def test_an_answer_that_is_none_is_a_notice(tmp_path: Path, script: str, says: str) -> None:
    assert says in notice(SquawkLinter(program=program(tmp_path, script)))


def test_one_that_is_not_there_is_a_notice(tmp_path: Path) -> None:
    assert "install squawk-cli" in notice(SquawkLinter(program=tmp_path / "gone"))


def test_one_that_is_not_installed_at_all_is_a_notice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sysconfig.get_path", lambda _: str(tmp_path))
    monkeypatch.setenv("PATH", str(tmp_path))
    assert "squawk is not installed" in notice(SquawkLinter())
    found = program(tmp_path, "echo '[]'")
    monkeypatch.setattr("sysconfig.get_path", lambda _: str(tmp_path / "elsewhere"))
    assert lint(SquawkLinter(), "SELECT 1") == ((),), found


def test_one_that_does_not_end_is_stopped(tmp_path: Path) -> None:
    began = time.monotonic()
    hanging = SquawkLinter(program=program(tmp_path, "exec sleep 60"), deadline_seconds=0.2)
    assert "took longer than 0.2 s" in notice(hanging)
    assert time.monotonic() - began < 10


def test_a_notice_is_not_kept_and_the_next_look_may_succeed(tmp_path: Path) -> None:
    linter = SquawkLinter(program=program(tmp_path, "exit 1"))
    assert notice(linter)
    program(tmp_path, "echo '[]'")
    assert lint(linter, "SELECT 1") == ((),)


def test_only_so_much_is_kept() -> None:
    linter = SquawkLinter(most_kept=2)
    scripts = [SqlScript(f"SELECT {number}", "a.sql") for number in range(3)]
    assert asyncio.run(linter.lint(scripts)).verdicts == ((), (), ())
    assert linter.known(scripts).verdicts == (None, (), ())


def test_no_other_configuration_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / ".squawk.toml").write_text('excluded_rules = ["ban-char-field"]\n', encoding="utf-8")
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    (findings,) = lint(SquawkLinter(), "CREATE TABLE x (c char(3))")
    assert [one.rule for one in findings or ()] == ["ban-char-field"]
