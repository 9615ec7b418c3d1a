"""What a plan says of each step: its text, its statements with locks, tables, hazards and an estimate."""

import hashlib

import pytest

from app.domain.environment import Protection
from app.domain.examination import examine, required_consent
from app.domain.migration import Migration
from app.domain.planned import Language, PlannedStatement, PlannedStep
from app.domain.planned_steps import MOST_SQL_CHARS, MOST_STATEMENTS, planned_steps, read_step, relations_of
from app.domain.step import Step, step_down, step_up
from app.domain.survey import Survey, TableSize
from tests.domain.literals import NOON, entry, python, sql

GB = 1_000_000_000
ORDERS = TableSize("public.orders", 5_000_000, 3 * GB, GB)


def said(*steps: Step, survey: Survey | None = None, files: tuple[str, ...] = ()) -> tuple[PlannedStep, ...]:
    found = examine(steps)
    verdict = required_consent(found.hazards, (), (), Protection.LOCKED)
    seen = survey or Survey(NOON, "15.4", {"public.orders": ORDERS})
    return planned_steps([read_step(step) for step in steps], found, verdict, seen, files)


def of(up: str, **given: str | None) -> PlannedStep:
    (step,) = said(step_up(sql("one", up=up, **given)))  # type: ignore[arg-type]
    return step


def statement(up: str) -> PlannedStatement:
    (one,) = of(up).statements
    return one


def test_a_statement_has_its_locks_its_tables_and_its_hazards() -> None:
    one = statement("\nALTER TABLE orders ADD COLUMN at timestamptz DEFAULT clock_timestamp()")
    assert (one.line, one.sql) == (2, "ALTER TABLE orders ADD COLUMN at timestamptz DEFAULT clock_timestamp()")
    assert [lock.said() for lock in one.locks] == ["ACCESS EXCLUSIVE on orders: stops reads and writes while held"]
    assert one.tables == (ORDERS,)
    assert [(judged.hazard.code, judged.consent) for judged in one.hazards] == [("TABLE_REWRITE", None)]


@pytest.mark.parametrize(
    ("up", "ms", "basis"),
    [
        ("ALTER TABLE orders ADD COLUMN note text", 10, "a change of the catalog"),
        ("ALTER TABLE orders ADD COLUMN at timestamptz DEFAULT clock_timestamp()", 60_010, "orders is written anew"),
        ("CREATE INDEX i ON orders (note)", 25_010, "an index of orders is built: 1.0 GB at 40 MB/s"),
        ("CREATE INDEX CONCURRENTLY i ON orders (note)", 50_010, "an index of orders is built: 1.0 GB at 20 MB/s"),
        ("ALTER TABLE orders ADD UNIQUE (note)", 25_010, "an index of orders is built"),
        ("ALTER TABLE orders VALIDATE CONSTRAINT c", 5_010, "orders is read: 1.0 GB at 200 MB/s"),
        ("UPDATE orders SET note = ''", 50_010, "rows of orders are changed, at most all"),
        ("INSERT INTO orders VALUES (1)", 10, "rows are written: 29 bytes"),
        ("CREATE TABLE fresh (id int)", 10, "a change of the catalog"),
        ("CREATE INDEX i ON fresh (id)", 10, "a change of the catalog"),
        ("DO $$ BEGIN PERFORM 1; END $$", None, "what it does cannot be told from its text"),
    ],
)
def test_an_estimate_says_what_it_was_reckoned_from(up: str, ms: int | None, basis: str) -> None:
    estimate = statement(up).estimate
    assert estimate.ms == ms
    assert estimate.basis.startswith(basis)


def test_a_table_that_cannot_be_measured_has_no_time() -> None:
    unseen = Survey(NOON, "15.4", {"public.orders": TableSize("public.orders", None, None, None)})
    (step,) = said(step_up(sql("one", up="CREATE INDEX i ON orders (a)")), survey=unseen)
    assert step.estimate.ms is None
    assert "while somebody holds it" in step.statements[0].estimate.basis


def test_the_time_of_a_step_is_that_of_its_statements() -> None:
    step = of("CREATE INDEX i ON orders (a); ALTER TABLE orders ADD b int; SELECT 1")
    assert (step.estimate.ms, step.estimate.basis) == (25_020, "without 1 of 3 statements")


def test_a_section_is_known_by_its_bytes() -> None:
    text = "SELECT '\u20ac';\r\n"
    body = of(text).body
    assert body is not None
    assert (body.text, body.byte_count, body.sha256) == (text, 15, hashlib.sha256(text.encode()).hexdigest())


def test_a_step_says_why_it_has_no_transaction() -> None:
    assert (
        of("CREATE INDEX CONCURRENTLY i ON orders (a)").apart == "CREATE INDEX CONCURRENTLY cannot run in a transaction"
    )
    assert of("SELECT 1").apart is None


@pytest.mark.parametrize(
    ("down", "irreversible", "why"),
    [
        ("DROP TABLE x", None, None),
        (None, None, "it has no down"),
        (None, "the rows are gone", "the rows are gone"),
        ("-- nothing\n", None, "its down holds no statement"),
    ],
)
def test_a_step_says_why_there_is_no_way_back(down: str | None, irreversible: str | None, why: str | None) -> None:
    assert of("CREATE TABLE x ()", down=down, irreversible=irreversible).irreversible == why


def test_a_step_back_can_be_run_again_while_its_file_is_there() -> None:
    one = sql("one")
    back = step_down(entry(one, 1), {"one": one})
    (kept,), (gone,) = said(back, files=("one",)), said(back)
    assert (kept.direction, kept.irreversible) == ("down", None)
    assert gone.irreversible == "its file is gone, so it cannot be run again"


def test_a_step_in_python_says_that_it_is() -> None:
    (step,) = said(step_up(python("one")))
    assert (step.language, step.statements, step.estimate.ms) == (Language.PYTHON, (), None)
    assert [judged.hazard.code for judged in step.hazards] == ["UNSEEN_STATEMENTS"]


def test_a_long_statement_is_cut_and_of_very_many_the_first_are_shown() -> None:
    many = "SELECT 1;" * MOST_STATEMENTS + "TRUNCATE orders;" + f"SELECT '{'x' * MOST_SQL_CHARS}'"
    step = of(many)
    assert (len(step.statements), step.left_out) == (MOST_STATEMENTS, 2)
    assert [judged.hazard.code for judged in step.hazards] == ["ROWS_REMOVED"]
    one = statement(f"SELECT '{'x' * MOST_SQL_CHARS}'")
    assert (one.cut, len(one.sql)) == (True, MOST_SQL_CHARS)


def test_an_allowance_for_nothing_is_listed() -> None:
    (unused,) = of("-- liftlock: allow DATA_LOSS not any more\nSELECT 1").unused
    assert unused.said() == "one.sql:1 allows DATA_LOSS, which nothing there has; remove the line"


def test_every_relation_of_a_plan_is_looked_at_also_those_of_statements_that_are_not_shown() -> None:
    migrations: tuple[Migration, ...] = (sql("one", up="SELECT 1;" * 300 + "TRUNCATE a"), sql("two", up="TRUNCATE s.b"))
    assert relations_of([read_step(step_up(one)) for one in migrations]) == {"public.a", "s.b"}
