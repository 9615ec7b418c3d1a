"""Which sequences a script sets, read from its text."""

from dataclasses import replace

import pytest

from app.domain.losses import may_lose
from app.domain.migration import PythonScript
from app.domain.positions import Positioned, positioned, sets_unnamed
from app.domain.step import step_up
from tests.domain.literals import sql


@pytest.mark.parametrize(
    ("script", "expected"),
    [
        ("SELECT setval('s', 5)", [Positioned("s")]),
        ("SELECT pg_catalog.setval ( 'a.\"B c\"'::regclass, (SELECT max(id) FROM t))", [Positioned('a."B c"')]),
        ("SELECT setval(pg_get_serial_sequence('a.t', 'Id'), 1), setval('s', 1)",
         [Positioned("s"), Positioned("a.t", "Id")]),
        ("DO $$ BEGIN EXECUTE 'SELECT setval(''s'', 5)'; PERFORM setval('s', 6); END $$", [Positioned("s")]),
        ("ALTER SEQUENCE IF EXISTS a.s MINVALUE 1 RESTART WITH 5; ALTER SEQUENCE b CACHE 2; SELECT 'RESTART'",
         [Positioned("a.s")]),
        ("ALTER TABLE ONLY t ALTER a SET NOT NULL, ALTER COLUMN Id SET GENERATED ALWAYS RESTART, ALTER \"B\" RESTART 5",
         [Positioned("t", "id"), Positioned("t", "B")]),
        ("SELECT nextval('s'); CREATE SEQUENCE s2; TRUNCATE t RESTART IDENTITY", []),
    ],
)  # fmt: skip
def test_a_sequence_that_is_set_is_named_by_the_text(script: str, expected: list[Positioned]) -> None:
    step = step_up(sql("x", "1", up=script))
    assert list(positioned(step)) == expected
    assert may_lose(step) or not expected
    assert not sets_unnamed(step)


def test_python_names_it_in_its_strings() -> None:
    text = "async def up(c):\n    await c.execute(\"SELECT setval('s', 5)\")\n"
    step = replace(step_up(sql("x", "1", up="SELECT 1")), body=PythonScript(text, "x.py", "up"))
    assert positioned(step) == (Positioned("s"),)
    assert positioned(replace(step, body=None)) == ()


@pytest.mark.parametrize("script", ["SELECT setval(name, 5) FROM names", "SELECT setval('s', 1); SELECT setval($1, 2)"])
def test_a_name_that_is_worked_out_is_not_known(script: str) -> None:
    assert sets_unnamed(step_up(sql("x", "1", up=script)))
