"""The matrix: one row a migration, one cell an environment."""

from app.domain.axes import NO_JOBS, JobsSeen, Standing, Sync, SyncState, sync_of
from app.domain.drift import unseen
from app.domain.environment import Dsn, Environment
from app.domain.ledger import History, Status
from app.domain.matrix import CellState, Matrix, matrix_of
from app.domain.migration import Catalog
from app.domain.problem import Problem
from app.domain.standing import MigrationStatus, statuses_of
from tests.domain.literals import NOON, applied, entry, sql

ONE, TWO, THREE = sql("one", "1"), sql("two", "2", up="SELECT 2", down=None), sql("three", "3", up="SELECT 3")
FILES = Catalog((THREE, ONE, TWO))


def statuses(name: str, history: History) -> tuple[MigrationStatus, ...]:
    return statuses_of(Environment(name, Dsn("")), FILES, history, ())


def standing(name: str, history: History | None, jobs: JobsSeen = NO_JOBS) -> Standing:
    environment = Environment(name, Dsn(""))
    if history is None:
        return Standing(environment, Sync(SyncState.UNKNOWN, "away"), unseen(name), jobs)
    found = statuses(name, history)
    return Standing(environment, sync_of(found), unseen(name), jobs, found)


def matrix(*standings: Standing) -> Matrix:
    return matrix_of(FILES, standings)


def cells(found: Matrix) -> dict[str, list[str]]:
    return {row.name: [cell.state.value for cell in row.cells] for row in found.rows}


def test_rows_are_in_the_order_they_run_and_cells_in_that_of_the_environments() -> None:
    found = matrix(standing("development", applied(ONE, TWO)), standing("production", applied(ONE)))
    assert cells(found) == {
        "one": ["applied", "applied"],
        "two": ["applied", "pending"],
        "three": ["pending", "pending"],
    }
    assert [one.environment.name for one in found.environments] == ["development", "production"]
    first, second, _ = found.rows
    assert (first.version, first.reversible, first.file, first.cells[0].applied_at) == ("1", True, "one.sql", NOON)
    assert not second.reversible and second.cells[1].applied_at is None


def test_what_cannot_be_read_is_unknown_and_the_files_are_listed_all_the_same() -> None:
    found = matrix(standing("development", None))
    assert cells(found) == {"one": ["unknown"], "two": ["unknown"], "three": ["unknown"]}


def test_what_has_no_file_comes_first_and_is_absent_where_it_never_was() -> None:
    lost, older = sql("lost", "7"), sql("older", "4")
    found = matrix(
        standing("development", History()), standing("staging", applied(lost)), standing("production", applied(older))
    )
    assert list(cells(found).items())[:2] == [
        ("older", ["absent", "absent", "missing"]),
        ("lost", ["absent", "missing", "absent"]),
    ]
    assert found.rows[0].file is None


def test_what_a_job_works_on_now_is_running() -> None:
    at_work = JobsSeen(open=1, under_way=("two", "gone"))
    found = matrix(standing("development", applied(ONE), at_work), standing("production", None, at_work))
    assert cells(found)["two"] == ["running", "unknown"]


def test_states_of_the_ledger_stay_what_they_are() -> None:
    history = History.of([entry(ONE, 1, Status.ROLLED_BACK), entry(TWO, 2, Status.FAILED)])
    assert cells(matrix(standing("development", history))) == {
        "one": ["rolled_back"],
        "two": ["failed"],
        "three": ["pending"],
    }


def test_no_environment_makes_rows_without_cells() -> None:
    assert [row.cells for row in matrix().rows] == [(), (), ()]
    assert CellState.ABSENT.value == "absent"


def test_a_file_that_cannot_be_read_has_a_row_and_takes_none_from_what_is_applied() -> None:
    broken = Catalog((ONE,), (Problem("not_utf8", "it is not UTF-8", file="2.sql", migration="two"),))
    environment = Environment("development", Dsn(""))
    found = statuses_of(environment, broken, applied(ONE, TWO), ())
    seen = Standing(environment, sync_of(found), unseen("development"), NO_JOBS, found)
    assert cells(matrix_of(broken, [seen])) == {"one": ["applied"], "two": ["missing"]}
