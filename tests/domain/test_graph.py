import random
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain import graph
from app.domain.migration import Migration
from tests.domain.literals import sql


def order(*migrations: Migration) -> list[str]:
    return [migration.name for migration in graph.in_order(migrations)]


def codes(*migrations: Migration) -> list[str]:
    return [problem.code for problem in graph.problems(migrations)]


@pytest.mark.parametrize(
    ("earlier", "later"),
    [("9", "10"), ("V9", "V10"), ("1.2", "1.10"), ("1.2", "1.2.1"), ("0009", "10"), ("1.0.0-2", "1.0.0-10")],
)
def test_versions_are_ordered_as_numbers(earlier: str, later: str) -> None:
    assert order(sql("a", later), sql("b", earlier)) == ["b", "a"]


def test_a_dependency_comes_before_a_lower_version() -> None:
    assert order(sql("first", "1", needs="last"), sql("last", "9")) == ["last", "first"]


def test_dependencies_hold_through_a_chain_and_versions_decide_the_rest() -> None:
    assert order(sql("c", "1", needs="b"), sql("b", "2", needs="a"), sql("a", "3"), sql("d", "2.5")) == [
        "d", "a", "b", "c",
    ]  # fmt: skip


def test_equal_versions_are_ordered_by_name() -> None:
    assert order(sql("b", "1.0"), sql("a", "1.00")) == ["a", "b"]


@given(st.permutations(range(12)))
def test_the_order_does_not_depend_on_the_order_of_the_files(shuffled: list[int]) -> None:
    migrations = [sql(f"m{i}", str(i % 5), needs=f"m{i - 3}" if i >= 3 else "") for i in range(12)]
    assert order(*(migrations[i] for i in shuffled)) == order(*migrations)


@given(st.lists(st.tuples(st.integers(0, 9), st.sets(st.integers(0, 19))), max_size=20))
def test_every_migration_comes_after_all_that_it_needs(drawn: list[tuple[int, set[int]]]) -> None:
    migrations = [
        sql(f"m{i}", str(version), needs=" ".join(f"m{j}" for j in needed if j < i))
        for i, (version, needed) in enumerate(drawn)
    ]
    place = {name: i for i, name in enumerate(order(*migrations))}
    assert len(place) == len(migrations)
    assert all(place[needed] < place[one.name] for one in migrations for needed in one.dependencies)


def test_a_dependency_that_is_named_twice_is_one() -> None:
    assert order(sql("b", "1", needs="a a"), sql("a", "2")) == ["a", "b"]


def test_sound_files_have_no_problems() -> None:
    assert codes(sql("a", "1"), sql("b", "2", needs="a")) == []


def test_a_name_that_is_used_twice_names_both_files() -> None:
    twin = sql("a", "2")
    (problem,) = graph.problems([sql("a", "1"), twin])
    assert (problem.code, problem.migration) == ("duplicate_name", "a")
    assert problem.message == "the name 'a' is used by a.sql and a.sql; change all but one of them"


def test_a_version_that_is_used_twice_names_both_files() -> None:
    (problem,) = graph.problems([sql("b", "7"), sql("a", "7")])
    assert (problem.code, problem.file) == ("version_collision", "b.sql")
    assert problem.message == "version 7 is used by a.sql and b.sql; change all but one of them"


def test_one_file_twice_is_no_version_collision_as_well() -> None:
    assert codes(sql("a", "1"), sql("a", "1")) == ["duplicate_name"]


def test_a_missing_dependency_is_named_with_the_file_that_needs_it() -> None:
    (problem,) = graph.problems([sql("a", needs="ghost")])
    assert (problem.code, problem.migration, problem.file) == ("missing_dependency", "a", "a.sql")
    assert "a depends on ghost, which no file defines" in problem.message


@pytest.mark.parametrize("written", ["1", "create-a.sql", "create-a"])
def test_a_dependency_by_version_or_file_is_told_the_name(written: str) -> None:
    first = replace(sql("a", "1"), file="create-a.sql")
    (problem,) = graph.problems([first, sql("b", "2", needs=written)])
    assert problem.message.endswith("which no file defines; write the name: a")


def test_a_cycle_is_told_from_its_smallest_name() -> None:
    migrations = [
        sql("c", "3", needs="a"),
        sql("a", "1", needs="b"),
        sql("b", "2", needs="c"),
        sql("d", "4", needs="c"),
    ]
    (problem,) = graph.problems(migrations)
    assert (problem.code, problem.migration) == ("cycle", "a")
    assert "a → b → c → a" in problem.message


def test_a_migration_that_needs_itself_is_a_cycle() -> None:
    (problem,) = graph.problems([sql("a", needs="a")])
    assert "a → a" in problem.message


def test_a_cycle_of_ten_thousand_is_found_without_recursion() -> None:
    ring = [sql(f"m{i:05}", str(i), needs=f"m{(i + 1) % 10_000:05}") for i in range(10_000)]
    random.Random(1).shuffle(ring)
    (problem,) = graph.problems(ring)
    assert (problem.code, problem.migration) == ("cycle", "m00000")


def test_all_problems_are_told_at_once() -> None:
    found = codes(
        sql("a", "1"), sql("a", "2"), sql("b", "2"), sql("c", "3", needs="ghost"),
        sql("d", "4", needs="e"), sql("e", "5", needs="d"),
    )  # fmt: skip
    assert found == ["duplicate_name", "version_collision", "missing_dependency", "cycle"]


def test_what_waits_for_a_cycle_is_left_out_of_the_order() -> None:
    assert order(sql("a", "1", needs="a"), sql("b", "2", needs="a"), sql("c", "3")) == ["c"]


def test_dependents_are_those_that_name_a_migration() -> None:
    migrations = [sql("a", "1"), sql("b", "2", needs="a"), sql("c", "3", needs="a b")]
    assert graph.dependents(migrations, {"a"}) == {"a": ["b", "c"]}
