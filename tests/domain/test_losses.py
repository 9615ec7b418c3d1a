"""Which scripts may destroy something, by their text alone."""

from dataclasses import replace

import pytest

from app.domain.losses import may_lose, rows_written
from app.domain.migration import PythonScript
from app.domain.step import Deed, step_up
from tests.domain.literals import sql

HARMLESS = [
    "CREATE TABLE a (b int)",
    "CREATE INDEX ON a (b)",
    "CREATE OR REPLACE VIEW v AS SELECT 1",
    "ALTER TABLE a ADD b int, ALTER c SET NOT NULL, ADD CONSTRAINT d CHECK (b > 0)",
    "ALTER TABLE a DROP CONSTRAINT b",
    "ALTER TABLE a ALTER b DROP DEFAULT",
    "ALTER TABLE a RENAME b TO c",
    "ALTER TYPE mood ADD VALUE 'x'",
    "DROP INDEX i",
    "DROP VIEW v",
    "DROP MATERIALIZED VIEW v",
    "DROP FUNCTION f()",
    "INSERT INTO a VALUES (1)",
    "INSERT INTO a VALUES (1) ON CONFLICT DO NOTHING",
    "INSERT INTO a (b, c) SELECT now(), count(*) FROM d WHERE e IN (1, 2)",
    "GRANT SELECT ON a TO b",
    "COMMENT ON TABLE a IS 'DROP TABLE a'",
    "SET search_path = x",
]
LOSSY = [
    "DROP TABLE a",
    "DROP SCHEMA s CASCADE",
    "DROP SEQUENCE s",
    "DROP VIEW v CASCADE",
    "DROP OWNED BY someone",
    "DROP EXTENSION e",
    "DROP TYPE t CASCADE",
    "ALTER TABLE a DROP b",
    "ALTER TABLE a ADD c int, DROP COLUMN IF EXISTS b",
    "ALTER TABLE a ALTER b TYPE int USING 1",
    "ALTER TABLE a ALTER COLUMN b SET DATA TYPE int",
    "ALTER TYPE pair DROP ATTRIBUTE b",
    "INSERT INTO a VALUES (1) ON CONFLICT (b) DO UPDATE SET b = 2",
    "INSERT INTO a WITH gone AS (DELETE FROM b RETURNING *) SELECT * FROM gone",
    "INSERT INTO a VALUES (tidy())",
    'INSERT INTO a SELECT "Tidy" (b) FROM c',
    "VALUES (own.tidy (1))",
    "ALTER TABLE a ALTER COLUMN b DROP IDENTITY",
    "UPDATE a SET b = 1",
    "DELETE FROM a",
    "TRUNCATE a",
    "MERGE INTO a USING b ON true WHEN MATCHED THEN DELETE",
    "WITH gone AS (DELETE FROM a RETURNING *) SELECT 1",
    "DO $$ BEGIN END $$",
    "SELECT tidy()",
    "CALL tidy()",
    "CREATE TABLE a AS SELECT tidy()",
]


@pytest.mark.parametrize("script", HARMLESS)
def test_what_is_proven_harmless_is_not_looked_after(script: str) -> None:
    assert not may_lose(step_up(sql("x", "1", up=script)))


@pytest.mark.parametrize("script", LOSSY)
def test_everything_else_may_destroy_something(script: str) -> None:
    assert may_lose(step_up(sql("x", "1", up=f"CREATE TABLE z (); {script}")))


def test_python_says_nothing_of_what_it_does_and_what_is_only_recorded_does_nothing() -> None:
    step = step_up(sql("x", "1", up="DROP TABLE a"))
    assert may_lose(replace(step, body=PythonScript("", "x.py", "up")))
    assert not may_lose(replace(step, deed=Deed.MARKED))
    assert not may_lose(replace(step, body=None))


@pytest.mark.parametrize(
    ("script", "tables"),
    [
        ("UPDATE ONLY a SET b = 1", (("public.a", "UPDATE"),)),
        ('DELETE FROM s."A b" USING c', (("s.A b", "DELETE"),)),
        ("TRUNCATE TABLE a, ONLY s.b CASCADE", (("public.a", "TRUNCATE"), ("s.b", "TRUNCATE"))),
        ("MERGE INTO a USING b ON true WHEN MATCHED THEN DELETE", (("public.a", "MERGE"),)),
        ("UPDATE a SET b = 1; UPDATE a SET b = 2", (("public.a", "UPDATE"),)),
        ("SELECT 1; DROP TABLE a", ()),
    ],
)
def test_tables_whose_rows_its_own_statements_write_are_known_before(
    script: str, tables: tuple[tuple[str, str], ...]
) -> None:
    assert rows_written(step_up(sql("x", "1", up=script))) == tables
