"""Pictures of dependencies: lines that never overlap, and names that cannot break out of a format."""

import xml.etree.ElementTree as ElementTree

from hypothesis import given
from hypothesis import strategies as st

from app.domain.drawing import Drawn, Picture, dot, lay_out, mermaid, svg, text
from app.domain.drawing.text import Letters

SHOP = (
    Drawn("customers", "0001"),
    Drawn("products", "0002"),
    Drawn("orders", "0003", ("customers",)),
    Drawn("lines", "0004", ("orders", "products")),
    Drawn("names", "0005", ("customers",)),
)
NASTY = Drawn('a"b<script>&`\\', "1", ('los"t',), ("applied",))


def test_a_line_that_is_crossed_is_not_broken_and_one_that_touches_is_joined() -> None:
    assert text(Picture(SHOP)) == (
        "    ╭─● 0001  customers\n"
        "  ╭─│─● 0002  products\n"
        "╭─│─┼─● 0003  orders\n"
        "╰─┴─│─● 0004  lines\n"
        "    ╰─● 0005  names\n"
    )


def test_the_same_in_ascii_for_terminals_that_know_no_more() -> None:
    drawn = text(Picture(SHOP), Letters.ASCII)
    assert drawn.isascii()
    assert drawn.splitlines()[3] == "`-`-|-* 0004  lines"


def test_one_environment_gives_each_migration_its_sign_and_its_word() -> None:
    one = Drawn("customers", "1", states=("rolled_back",))
    assert text(Picture((one,), ("staging",))) == "↩ 1  customers  rolled back\n"


def test_several_environments_are_columns_under_their_names() -> None:
    one = Drawn("customers", "1", states=("applied", "pending"))
    heading, line = text(Picture((one,), ("development", "staging"))).splitlines()
    assert line.index("✓") == heading.index("development")
    assert line.index("○") == heading.index("staging")


def test_what_no_file_defines_is_said() -> None:
    one = Drawn("orders", "1", ("lost",))
    assert text(Picture((one,))) == "● 1  orders  needs lost, which no file defines\n"
    assert "lost" in dot(Picture((one,))) and "lost" in mermaid(Picture((one,)))


def test_migrations_that_wait_for_each_other_are_drawn_all_the_same() -> None:
    picture = Picture((Drawn("a", "1", ("b",)), Drawn("b", "2", ("a",)), Drawn("self", "3", ("self",))))
    assert text(picture) == "╭─┬─● 1  a\n╰─┴─● 2  b\n    ● 3  self\n"


def test_no_name_breaks_out_of_its_label() -> None:
    picture = Picture((NASTY,), ("staging",))
    assert r'"1 a\"b<script>&`\\\n✓ applied in staging"' in dot(picture)
    (node,) = [line for line in mermaid(picture).splitlines() if line.startswith("  n0")]
    assert node.count('"') == 2 and "<script>" not in node
    assert NASTY.name in "".join(ElementTree.fromstring(svg(picture)).itertext())


def test_a_picture_for_a_page_carries_nothing_that_its_policy_could_forbid() -> None:
    drawn = svg(Picture(SHOP, ("development",)))
    assert not any(word in drawn for word in ("<style", "style=", "<script", "href", "@import"))


def test_every_migration_stands_in_every_picture_with_each_of_its_dependencies() -> None:
    picture = Picture(SHOP)
    assert dot(picture).count("->") == mermaid(picture).count("-->") == 4
    tree = ElementTree.fromstring(svg(picture))
    assert [one.get("data-name") for one in tree.iter() if one.get("data-name")] == [one.name for one in SHOP]


@given(st.lists(st.sets(st.integers(0, 11), max_size=4), max_size=12))
def test_lanes_never_overlap_whatever_depends_on_what(needs: list[set[int]]) -> None:
    count = len(needs)
    drawn = tuple(Drawn(f"m{i}", str(i), tuple(f"m{n}" for n in sorted(n))) for i, n in enumerate(needs))
    layout = lay_out(Picture(drawn))
    for row in range(count):
        columns = [lane.column for lane in layout.at(row)]
        assert len(columns) == len(set(columns))
        assert all(0 <= column < layout.columns for column in columns)
    assert len(text(Picture(drawn)).splitlines()) == count
