"""What stands written in a DO block is read like any other statement, whatever stands around it."""

import pytest

from app.domain.blocks import is_readable, written_in
from app.domain.examination import examine
from app.domain.statement_locks import locks_of
from app.domain.statements import Statement, parse_script
from app.domain.step import step_up
from app.domain.words import Stated
from tests.domain.literals import sql

BLOCK = """DO $do$
DECLARE
  n int;
BEGIN
  IF NOT EXISTS (SELECT 1 FROM pg_class WHERE relname = 'x') THEN
    -- gone
    DROP TABLE orders; -- and more
    ALTER TABLE lines
      ADD COLUMN a int;
  ELSE CREATE TABLE t (id int);
  END IF;
  FOR n IN SELECT id FROM a FOR UPDATE LOOP UPDATE b SET c = 1; END LOOP;
  SELECT count(*) INTO n FROM a;
  <<inner>>
  BEGIN TRUNCATE c; EXCEPTION WHEN others THEN NULL; END;
END $do$"""


def block(text: str) -> Statement:
    (one,) = parse_script(text).statements
    return one


def test_each_statement_is_found_with_its_line() -> None:
    assert [(one.verb, one.line) for one in written_in(block(f"\n{BLOCK};"))] == [
        ("DROP TABLE", 8), ("ALTER TABLE", 9), ("CREATE TABLE", 11), ("UPDATE", 13), ("TRUNCATE", 16),
    ]  # fmt: skip


def test_they_are_judged_and_what_they_may_make_is_not_counted_as_made() -> None:
    found = examine([step_up(sql("a", up=f"{BLOCK}; CREATE INDEX ON t (id)"))]).hazards
    assert [(one.code, one.object, one.statement) for one in found] == [
        ("UNSEEN_STATEMENTS", "DO", 0), ("TABLE_DROPPED", "orders", 0), ("ALL_ROWS_CHANGED", "b", 0),
        ("ROWS_REMOVED", "c", 0), ("BLOCKS_WRITES", "t", 1),
    ]  # fmt: skip


def test_the_locks_of_a_block_are_those_of_all_that_is_written_in_it() -> None:
    locks = locks_of(Stated(block(BLOCK), 0))
    assert {lock.relation.removeprefix("public."): lock.mode.value for lock in locks} == {
        "orders": "ACCESS EXCLUSIVE", "lines": "ACCESS EXCLUSIVE", "b": "ROW EXCLUSIVE", "c": "ACCESS EXCLUSIVE",
    }  # fmt: skip


@pytest.mark.parametrize("text", [
    "DO 'BEGIN DROP TABLE orders; END'", "DO LANGUAGE plpgsql $$BEGIN DROP TABLE orders; END$$",
    "DO $$BEGIN DROP TABLE orders; END$$ LANGUAGE 'plpgsql'", "DO E'BEGIN DROP TABLE orders; END'",
])  # fmt: skip
def test_a_body_is_read_in_whatever_quotes_it_stands(text: str) -> None:
    assert [one.text for one in written_in(block(text))] == ["DROP TABLE orders"]
    assert is_readable(block(text))


@pytest.mark.parametrize("text", [
    "DO $$BEGIN EXECUTE 'DROP TABLE orders'; END$$", "DO LANGUAGE plpython3u $$DROP TABLE orders$$",
    "DO $$BEGIN EXECUTE format('DROP TABLE %I', x); END$$", "DO",
])  # fmt: skip
def test_what_is_put_together_or_in_another_language_is_not_read(text: str) -> None:
    assert list(written_in(block(text))) == []
    assert not is_readable(block(text))


def test_the_execute_of_a_trigger_or_a_grant_puts_nothing_together() -> None:
    trigger = "CREATE TRIGGER t AFTER INSERT ON a EXECUTE FUNCTION f()"
    assert is_readable(block(f"DO $$BEGIN {trigger}; GRANT EXECUTE ON FUNCTION f() TO bob; END$$"))
