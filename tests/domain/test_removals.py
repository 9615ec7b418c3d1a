"""What a statement takes away, read from its text."""

import pytest

from app.domain.dry_run import DryRun, Effect
from app.domain.hazards import FoundBy, HazardCode
from app.domain.removals import Taken, taken_by
from app.domain.statements import parse_script
from app.domain.step import Step, step_up
from app.domain.taking import removals_of
from app.domain.words import Stated
from tests.domain.literals import python, sql


def taken(text: str) -> list[str]:
    (statement,) = parse_script(text).statements
    return [said(one) for one in taken_by(Stated(statement, 0))]


def said(one: Taken) -> str:
    """`deleted a`, and what else is not as usual: `only`, `some` rows, its columns, and what refers to it (`+`)."""
    words = [
        one.act, one.noun if one.noun != "relation" else "", one.name.removeprefix("public."),
        "+" if one.cascade else "",
        f"({', '.join(one.columns)})" if one.columns else "", "only" if one.only else "",
        "" if one.every_row else "some",
    ]  # fmt: skip
    return " ".join(word for word in words if word)


@pytest.mark.parametrize(
    ("statement", "takes"),
    [
        ("DROP TABLE IF EXISTS a, s.b CASCADE", ["dropped a", "dropped s.b"]),
        ("DROP SEQUENCE q", ["dropped q"]),
        ("DROP SCHEMA s CASCADE", ["dropped schema s"]),
        ("DROP TYPE mood CASCADE", ["dropped type mood"]),
        ("DROP DOMAIN s.amount CASCADE", ["dropped type s.amount"]),
        ("DROP EXTENSION IF EXISTS citext CASCADE", ["dropped extension citext"]),
        ("DROP OWNED BY bob, CURRENT_USER", ["dropped role bob", "dropped role current_user"]),
        ("ALTER TABLE a DROP x, DROP COLUMN IF EXISTS y, DROP CONSTRAINT c", ["dropped a (x)", "dropped a (y)"]),
        ('ALTER TABLE a ALTER COLUMN "Z" TYPE int USING 1, ADD b int', ["retyped a (Z)"]),
        ("TRUNCATE a, s.b", ["truncated a", "truncated s.b"]),
        ("TRUNCATE TABLE ONLY a CASCADE", ["truncated a + only"]),
        ("DELETE FROM a", ["deleted a +"]),
        ("DELETE FROM ONLY a USING b WHERE a.id = b.id", ["deleted a + only some"]),
        ("UPDATE a AS t SET x = 1, (y, z) = (SELECT 1, 2) FROM b, c WHERE true", ["overwritten a (x, y, z) some"]),
        ("UPDATE a SET x[1] = f(1, 2)", ["overwritten a (x)"]),
        ("WITH gone AS (DELETE FROM a RETURNING *) INSERT INTO b SELECT * FROM gone", ["deleted a +"]),
        ("INSERT INTO t VALUES (1, 2) ON CONFLICT (id) DO UPDATE SET n = 2", ["overwritten t (n) some"]),
        (
            "MERGE INTO t USING s ON t.id = s.id WHEN MATCHED AND s.gone THEN DELETE"
            " WHEN MATCHED THEN UPDATE SET a = s.a, b = s.b WHEN NOT MATCHED THEN INSERT VALUES (1)",
            ["deleted t + some", "overwritten t (a, b) some"],
        ),
        ("SELECT lo_unlink(picture) FROM a", ["unlinked nothing large objects"]),
    ],
)
def test_each_statement_says_what_it_takes(statement: str, takes: list[str]) -> None:
    assert taken(statement) == takes


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT 1 FROM a FOR UPDATE",
        "INSERT INTO a VALUES (1) ON CONFLICT DO NOTHING",
        "UPDATE a SET x = 1, y = 2 WHERE x IS NULL AND a.y IS NULL AND id BETWEEN 1 AND 2",
        "SELECT 'lo_unlink'",
        "DROP INDEX i",
        "ALTER TABLE a DROP CONSTRAINT c",
        "CREATE TABLE a (id int)",
    ],
)
def test_what_takes_nothing(statement: str) -> None:
    assert taken(statement) == []


@pytest.mark.parametrize("condition", ["x IS NULL", "x IS NULL AND y IS NULL OR true", "x IS NOT NULL AND y IS NULL"])
def test_gaps_are_filled_only_where_every_column_that_is_written_has_nothing(condition: str) -> None:
    assert taken(f"UPDATE a SET x = 1, y = 2 WHERE {condition}") == ["overwritten a (x, y) some"]


def removed(*steps: Step, tried: dict[str, DryRun] | None = None) -> list[str]:
    found = removals_of(steps, tried=tried)
    return [f"{one.migration}:{one.line} {said(one.taken)}" for one in found]


def test_what_the_plan_has_made_is_no_loss_and_a_name_is_the_one_that_stood_before() -> None:
    first = step_up(sql("a", "1", up="CREATE TABLE t (id int);\nALTER TABLE old RENAME TO older"))
    second = step_up(sql("b", "2", up="DROP TABLE t;\nALTER TABLE older SET SCHEMA s;\nTRUNCATE s.older"))
    assert removed(first, second) == ["b:3 truncated old"]


def test_what_a_block_has_written_out_counts_as_if_it_happened() -> None:
    assert removed(step_up(sql("a", up="DO $$ BEGIN\nDELETE FROM t; END $$"))) == ["a:2 deleted t +"]


def test_what_only_a_dry_run_has_seen_has_no_line() -> None:
    effects = (
        Effect(HazardCode.TABLE_DROPPED, "public.t", "public.t"),
        Effect(HazardCode.COLUMN_DROPPED, "s.u.note", "s.u"),
        Effect(HazardCode.TYPE_NARROWED, "s.u.n", "s.u"),
        Effect(HazardCode.ROWS_REMOVED, "public.v", "public.v"),
        Effect(HazardCode.OBJECT_RENAMED, "public.w", "public.w"),
        Effect(HazardCode.TABLE_DROPPED, "public.own", "public.own"),
    )
    steps = [step_up(sql("a", "1", up="CREATE TABLE own (id int)")), step_up(python("b", "2"))]
    assert removed(*steps, tried={"b": DryRun(effects=effects)}) == [
        "b:None dropped t", "b:None dropped s.u (note)", "b:None retyped s.u (n)", "b:None deleted v",
    ]  # fmt: skip
    assert removals_of(steps, tried={"b": DryRun(effects=effects)})[0].found_by is FoundBy.DRY_RUN


def test_a_script_outside_a_transaction_says_so() -> None:
    (one,) = removals_of([step_up(sql("a", up="DROP TABLE t; CREATE INDEX CONCURRENTLY i ON u (id)"))])
    assert one.apart
