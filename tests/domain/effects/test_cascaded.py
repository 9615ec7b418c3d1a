"""What goes by CASCADE is what goes along and stands nowhere in the file."""

import pytest

from app.domain.effects import Passage, Seen, effects_of
from app.domain.effects.passage import words_in
from tests.domain.effects.literals import Thing, column, part, seen, table, thing

A = table(1, "public.a", column("id"), column("note", "text", 2))
VIEW = table(2, 'public."V w"', column("id"), kind="view", definition=" SELECT a.id, a.note FROM public.a")
KEY = part(8, "constraint", "b_a_fk", "FOREIGN KEY (a) REFERENCES public.a(id)")
B = table(3, "public.b", column("a"))
TYPED = table(3, "public.b", column("a"), column("mood", "public.mood", 2))
MOOD = thing(5, "enum", "public.mood")
COUNTER = thing(6, "sequence", "public.counter")
COUNTED = table(3, "public.b", column("a", default="nextval('public.counter'::regclass)"))
TOUCH = thing(7, "function", "public.touch()", definition="CREATE FUNCTION public.touch() …")
TOUCHED = table(
    3, "public.b", column("a"), part(9, "trigger", "touched", "CREATE TRIGGER touched … EXECUTE FUNCTION touch()")
)
SHOP = thing(10, "schema", "shop")
IN_SHOP = table(11, "shop.orders", column("id"))
LESS = table(1, "public.a", column("id"))


def cascaded(before: Seen, after: Seen, text: str) -> dict[str, str]:
    found = effects_of(Passage(before, after, words=words_in(text)))
    return {one.object: one.happens for one in found if one.code == "CASCADE_USED"}


CASES = [
    pytest.param([A, VIEW], [], "DROP TABLE a CASCADE", "public.a", "a go V w", "drop a, \"v w\"", id="a view"),
    pytest.param(
        [A, table(3, "public.b", column("a"), KEY)], [B], "drop a", "public.a", "a go b.b_a_fk",
        "ALTER TABLE b DROP CONSTRAINT b_a_fk; DROP TABLE a", id="a foreign key",
    ),
    pytest.param(
        [A, VIEW], [LESS], "ALTER TABLE a DROP note", "public.a", "a.note go V w", 'DROP VIEW "V w"', id="by a column"
    ),
    pytest.param([MOOD, TYPED], [B], "drop it", "public.mood", "mood go b.mood", "b DROP mood", id="by a type"),
    pytest.param(
        [COUNTER, COUNTED], [B], "DROP counter", "public.counter", "counter go the default of b.a",
        "ALTER b ALTER a DROP DEFAULT; DROP counter", id="a default",
    ),
    pytest.param(
        [TOUCH, TOUCHED], [B], "DROP touch()", "public.touch", "touch go b.touched",
        "DROP TRIGGER touched; DROP FUNCTION touch", id="a trigger",
    ),
    pytest.param([SHOP, IN_SHOP], [], "drop shop", "shop", "shop go shop.orders", "orders, then shop", id="a schema"),
]  # fmt: skip


@pytest.mark.parametrize(("before", "after", "text", "root", "goes", "naming"), CASES)
def test_what_goes_along_is_named_unless_the_file_names_it(
    before: list[list[Thing] | Thing], after: list[list[Thing] | Thing], text: str, root: str, goes: str, naming: str
) -> None:
    found = cascaded(seen(*before), seen(*after), text)
    assert list(found) == [root]
    assert found[root] == f"With {goes}, which the file does not name; what uses them fails."
    assert cascaded(seen(*before), seen(*after), naming) == {}


def test_what_has_come_back_or_goes_with_its_own_table_is_not_taken_by_cascade() -> None:
    again = table(12, 'public."V w"', column("id"), kind="view", definition=" SELECT a.id FROM public.a")
    assert cascaded(seen(A, VIEW), seen(LESS, again), "loop over every view") == {}
    assert cascaded(seen(TOUCHED), seen(), "drop b") == {}
    referring = table(3, "public.b", column("a"), KEY)
    assert cascaded(seen(A, referring), seen(A, table(3, "public.b")), "ALTER TABLE b DROP a") == {}


def test_of_many_the_first_are_named() -> None:
    views = [table(n, f"public.v{n}", kind="view", definition="SELECT FROM a") for n in range(20, 29)]
    (happens,) = cascaded(seen(A, *views), seen(), "drop a").values()
    assert "v20, v21, v22, v23, v24 and 4 more" in happens
