"""A plan is examined as a whole: what it makes itself is nobody's yet, and every hazard says who consents to it."""

import pytest

from app.domain.dry_run import DryRun, Effect
from app.domain.environment import Protection
from app.domain.examination import Consent, Known, examine, required_consent
from app.domain.hazard_kinds import KINDS
from app.domain.hazards import FoundBy, Hazard, HazardCode, Risk
from app.domain.lint import Linted, LintFinding
from app.domain.migration import Checksum, Direction, SqlScript
from app.domain.step import Deed, Step, step_up
from app.domain.undo import undo_of
from tests.domain.literals import python, sql

OPEN, CONFIRM, LOCKED = Protection.OPEN, Protection.CONFIRM, Protection.LOCKED


def codes(*scripts: str, known: Known | None = None) -> list[str]:
    steps = [step_up(sql(f"m{number}", up=script)) for number, script in enumerate(scripts)]
    return [f"{one.migration}:{one.line} {one.code} {one.object}" for one in examine(steps, known).hazards]


def hazards(script: str) -> tuple[Hazard, ...]:
    return examine([step_up(sql("a", up=script))]).hazards


def test_a_hazard_names_its_migration_its_statement_and_its_line_in_the_file() -> None:
    up = SqlScript("SELECT 1;\n\n  DROP TABLE shop.orders;", "a.sql", line=7)
    step = Step("a", "1", Direction.UP, up, Checksum(b"", b""))
    (one,) = examine([step]).hazards
    assert (one.code, one.migration, one.file, one.statement, one.line) == ("TABLE_DROPPED", "a", "a.sql", 1, 9)
    assert (one.object, one.risk, one.allowed) == ("shop.orders", Risk.HIGH, None)
    assert one.said() == (
        "TABLE_DROPPED shop.orders (a.sql:9): The table is gone, and every statement that names it fails."
    )


def test_a_table_that_the_plan_has_made_is_in_nobodys_way() -> None:
    later = "CREATE INDEX ON t (id); ALTER TABLE t ALTER id TYPE bigint; DROP TABLE t"
    assert codes("CREATE TABLE t (id int)", later) == []
    assert codes("CREATE TABLE IF NOT EXISTS t (id int)", "CREATE INDEX ON t (id)") == ["m1:1 BLOCKS_WRITES t"]
    assert codes("CREATE INDEX ON t (id)", known=Known(created=frozenset({"public.t"}))) == []


def test_a_temporary_table_does_not_outlive_its_script() -> None:
    assert codes("CREATE TEMP TABLE t (id int); DROP TABLE t; CREATE TEMPORARY TABLE t (id int)", "TRUNCATE t") == [
        "m1:1 ROWS_REMOVED t"
    ]


def test_a_table_made_in_place_of_one_that_was_renamed_is_new() -> None:
    script = (
        "ALTER TABLE t RENAME TO old_t; CREATE TABLE t (id int); CREATE INDEX ON t (id); CREATE INDEX ON old_t (id)"
    )
    assert codes(script) == ["m0:1 OBJECT_RENAMED t", "m0:1 BLOCKS_WRITES old_t"]


def test_the_type_that_a_column_has_now_decides() -> None:
    types = {("public.t", "a"): "character varying(10)"}
    assert codes("ALTER TABLE t ALTER a TYPE text", known=Known(column_types=types)) == []
    assert codes("ALTER TABLE t ALTER a TYPE text") == ["m0:1 TABLE_REWRITE t.a"]


def test_one_statement_can_have_several() -> None:
    assert codes("ALTER TABLE t DROP COLUMN a CASCADE, ADD b int NOT NULL") == [
        "m0:1 CASCADE_USED t",
        "m0:1 COLUMN_DROPPED t.a",
        "m0:1 REQUIRED_COLUMN t.b",
    ]


def test_what_python_does_nobody_has_judged() -> None:
    (one,) = examine([step_up(python("a"))]).hazards
    assert (one.code, one.statement, one.file) == ("UNSEEN_STATEMENTS", None, "a.py")


def test_what_is_only_recorded_does_nothing() -> None:
    step = Step("a", "1", Direction.UP, SqlScript("DROP TABLE t", "a.sql"), Checksum(b"", b""), deed=Deed.MARKED)
    assert examine([step]).hazards == ()


def test_a_hazard_that_its_file_allows_is_listed_with_the_reason() -> None:
    up = "-- liftlock: allow TABLE_DROPPED nobody reads it\nDROP TABLE a; DROP VIEW b"
    examined = examine([step_up(sql("a", up=up))])
    assert [(one.code, one.allowed) for one in examined.hazards] == [
        ("TABLE_DROPPED", "nobody reads it"),
        ("VIEW_DROPPED", None),
    ]
    assert examined.unused == ()


def test_an_allowance_without_its_hazard_is_reported() -> None:
    up = "SELECT 1;\n-- liftlock: allow DATA_LOSS x"
    (unused,) = examine([step_up(sql("a", up=up))]).unused
    assert unused.said() == "a.sql:2 allows DATA_LOSS, which nothing there has; remove the line"


def test_a_python_file_allows_with_a_comment_of_its_own() -> None:
    text = "# liftlock: allow UNSEEN_STATEMENTS read by two of us\n# liftlock: allow DATA_LOSS x\nasync def up(c): ..."
    examined = examine([step_up(python("a", text=text))])
    assert [one.allowed for one in examined.hazards] == ["read by two of us"]
    assert examined.unused == (), "it may well lose rows"
    tried = examine([step_up(python("a", text=text))], tried={"a": DryRun()})
    assert [(one.code, one.line) for one in tried.unused] == [("DATA_LOSS", 2)]


DROPPED = Effect(HazardCode.TABLE_DROPPED, "public.notes", "public.notes")


def test_what_only_a_dry_run_has_seen_joins_what_the_file_says() -> None:
    block = step_up(sql("a", up="DO $$ BEGIN EXECUTE 'DROP TABLE notes'; END $$"))
    assert {one.code for one in examine([block]).hazards} == {"UNSEEN_STATEMENTS"}
    *_, seen = examine([block], tried={"a": DryRun(effects=(DROPPED,))}).hazards
    assert (seen.code, seen.object, seen.found_by) == ("TABLE_DROPPED", "notes", FoundBy.DRY_RUN)
    assert (seen.statement, seen.line, seen.file) == (None, None, "a.sql")
    assert seen.happens == KINDS[HazardCode.TABLE_DROPPED].happens
    assert required_consent([seen], (), (), Protection.LOCKED).flag == "--allow-hazards TABLE_DROPPED"


def test_a_dry_run_takes_nothing_away() -> None:
    block = step_up(sql("a", up="DO $$ BEGIN EXECUTE 'x'; END $$; DROP TABLE notes"))
    found = examine([block]).hazards
    assert examine([block], tried={"a": DryRun()}).hazards == found
    assert examine([block], tried={"a": DryRun(effects=(DROPPED,))}).hazards == found, "it is told already"


def test_a_file_allows_what_a_dry_run_has_seen() -> None:
    text = "# liftlock: allow TABLE_DROPPED nobody reads it\nasync def up(c): ..."
    examined = examine([step_up(python("a", text=text))], tried={"a": DryRun(effects=(DROPPED,))})
    assert [(one.code, one.allowed) for one in examined.hazards] == [
        ("UNSEEN_STATEMENTS", None),
        ("TABLE_DROPPED", "nobody reads it"),
    ]
    assert examined.unused == ()


@pytest.mark.parametrize(
    ("first", "made"),
    [("CREATE TABLE notes (id int)", ()), ("DO $$ BEGIN EXECUTE 'x'; END $$", ("public.notes",))],
)
def test_what_the_plan_makes_first_is_in_nobodys_way(first: str, made: tuple[str, ...]) -> None:
    steps = [step_up(sql("a", "1", up=first)), step_up(sql("b", "2", up="SELECT 1"))]
    tried = {"a": DryRun(made=made), "b": DryRun(effects=(DROPPED,))}
    assert [one.migration for one in examine(steps, tried=tried).hazards if one.code == "TABLE_DROPPED"] == []
    alone = examine(steps[1:], tried=tried).hazards
    assert [one.migration for one in alone] == ["b"]


def test_what_a_step_makes_itself_may_stand_in_the_place_of_what_it_dropped() -> None:
    up = "DO $$ BEGIN EXECUTE 'DROP TABLE notes'; END $$; CREATE TABLE notes (id int)"
    tried = {"a": DryRun(effects=(DROPPED,), made=("public.notes",))}
    assert "TABLE_DROPPED" in [one.code for one in examine([step_up(sql("a", up=up))], tried=tried).hazards]


def test_going_down_nothing_was_tried() -> None:
    (back,) = undo_of([step_up(sql("a", down="SELECT 1"))])
    assert examine([back], tried={"a": DryRun(effects=(DROPPED,))}).hazards == ()


@pytest.mark.parametrize(
    ("up", "effect", "told"),
    [
        ("ALTER TABLE a ALTER x TYPE int", Effect(HazardCode.TABLE_REWRITE, "public.a"), True),
        ("ALTER TABLE ab ALTER x TYPE int", Effect(HazardCode.TABLE_REWRITE, "public.a"), False),
        ("GRANT SELECT ON TABLE public.a TO PUBLIC", Effect(HazardCode.GRANT_TO_PUBLIC, "public.a"), True),
        ("GRANT SELECT ON b, a TO PUBLIC", Effect(HazardCode.GRANT_TO_PUBLIC, "public.a"), True),
        ("GRANT SELECT ON ALL TABLES IN SCHEMA s TO PUBLIC", Effect(HazardCode.GRANT_TO_PUBLIC, "s.a"), True),
        ("GRANT SELECT ON ab TO PUBLIC", Effect(HazardCode.GRANT_TO_PUBLIC, "public.a"), False),
        ("DROP TABLE a", Effect(HazardCode.TABLE_DROPPED, "s.a"), False),
        ("DROP TABLE a", Effect(HazardCode.COLUMN_DROPPED, "public.a"), False),
    ],
)
def test_the_same_act_is_told_once(up: str, effect: Effect, told: bool) -> None:
    found = examine([step_up(sql("a", up=up))], tried={"a": DryRun(effects=(effect,))}).hazards
    assert [one.found_by for one in found if one.found_by is FoundBy.DRY_RUN] == ([] if told else [FoundBy.DRY_RUN])


def test_the_down_does_not_answer_for_the_up() -> None:
    migration = sql("a", up="DROP TABLE a", down="-- liftlock: allow TABLE_DROPPED x\nDROP TABLE b")
    (one,) = examine([step_up(migration)]).hazards
    assert one.allowed is None


def test_the_linters_advice_is_placed_and_what_is_ours_already_left_out() -> None:
    migration = sql("a", up="SELECT 1;\nCREATE TABLE t (a char(3));\nDROP TABLE b")
    assert isinstance(migration.up, SqlScript)
    findings = (
        LintFinding("ban-char-field", "char is odd", "use text", 2, 17),
        LintFinding("ban-drop-table", "dropped", "", 3, 1),
        LintFinding("rule-of-tomorrow", "new", "", 1, 1),
    )
    linted = Linted((findings, None))
    lint = linted.by_script([migration.up, SqlScript("SELECT 2", "b.sql")])
    assert list(lint) == [migration.up]
    found = examine([step_up(migration)], lint=lint).hazards
    assert [(one.code, one.rule, one.statement, one.line) for one in found] == [
        ("TABLE_DROPPED", None, 2, 3),
        ("LINT", "ban-char-field", 1, 2),
        ("LINT", "rule-of-tomorrow", 0, 1),
    ]


@pytest.mark.parametrize(("script", "protection", "consent"), [
    ("TRUNCATE orders", OPEN, Consent.NOT_ASKED),
    ("TRUNCATE orders", CONFIRM, Consent.NOT_ASKED),
    ("TRUNCATE orders", LOCKED, None),
    ("CREATE INDEX CONCURRENTLY i ON orders (a)", CONFIRM, Consent.NOT_ASKED),
    ("CREATE INDEX i ON orders (a)", CONFIRM, Consent.NOT_ASKED),
    ("CREATE INDEX i ON orders (a)", LOCKED, None),
    ("CREATE INDEX CONCURRENTLY i ON orders (a)", LOCKED, None),
    ("COPY orders FROM PROGRAM 'x'", OPEN, None),
    ("ALTER SYSTEM SET a = 1", OPEN, None),
    ("DROP TABLE orders", OPEN, Consent.NOT_ASKED),
])  # fmt: skip
def test_the_protection_decides_what_is_asked(script: str, protection: Protection, consent: Consent | None) -> None:
    verdict = required_consent(hazards(script), (), (), protection)
    assert [one.consent for one in verdict.judged] == [consent]


def test_the_linters_advice_never_asks() -> None:
    migration = sql("a", up="SELECT 1")
    assert isinstance(migration.up, SqlScript)
    advice = {migration.up: (LintFinding("prefer-identity", "x", "", 1, 1),)}
    verdict = required_consent(examine([step_up(migration)], lint=advice).hazards, (), (), LOCKED)
    assert [one.consent for one in verdict.judged] == [Consent.NOT_ASKED]


def test_file_request_and_environment_can_consent_and_the_nearest_is_named() -> None:
    script = "-- liftlock: allow ROWS_REMOVED x\nTRUNCATE a; DROP TABLE b; DROP TABLE c CASCADE; DROP SCHEMA d"
    both = {"TABLE_DROPPED", "ROWS_REMOVED"}
    verdict = required_consent(hazards(script), {"CASCADE_USED", "TABLE_DROPPED"}, both, LOCKED)
    assert {one.hazard.code: one.consent for one in verdict.judged} == {
        HazardCode.ROWS_REMOVED: Consent.FILE,
        HazardCode.TABLE_DROPPED: Consent.REQUEST,
        HazardCode.CASCADE_USED: Consent.ENVIRONMENT,
        HazardCode.SCHEMA_DROPPED: None,
    }


def test_what_is_lacking_is_said_as_the_flag_that_would_allow_it() -> None:
    verdict = required_consent(hazards("TRUNCATE a; DROP TABLE b; TRUNCATE c"), (), (), LOCKED)
    assert verdict.lacking_codes == ("ROWS_REMOVED", "TABLE_DROPPED") and len(verdict.lacking) == 3
    assert verdict.flag == "--allow-hazards ROWS_REMOVED,TABLE_DROPPED"
    assert required_consent(hazards("SELECT 1"), (), (), LOCKED).flag == ""


def test_whoever_lets_rows_be_lost_lets_them_be_removed_and_kept() -> None:
    file = "-- liftlock: allow DATA_LOSS nobody needs them\nTRUNCATE a"
    verdicts = [
        required_consent(hazards("TRUNCATE a"), (), {"DATA_LOSS"}, LOCKED),
        required_consent(hazards("TRUNCATE a"), {"DATA_LOSS"}, (), LOCKED),
        required_consent(hazards(file), (), (), LOCKED),
    ]
    assert [verdict.judged[0].consent for verdict in verdicts] == [
        Consent.REQUEST, Consent.ENVIRONMENT, Consent.FILE,
    ]  # fmt: skip


def test_an_allowance_of_loss_is_not_for_nothing_where_the_target_decides_whether_it_can_be_kept() -> None:
    up = "-- liftlock: allow DATA_LOSS x\nDELETE FROM a WHERE id = 1"
    assert examine([step_up(sql("a", up=up))]).unused == ()
