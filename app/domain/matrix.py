"""The matrix: every migration against every environment."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from app.domain.axes import Standing
from app.domain.hazards import Risk
from app.domain.migration import Catalog, version_key
from app.domain.standing import MigrationState, MigrationStatus, broken_files, listed


class CellState(StrEnum):
    """As MigrationState; and what only shows between environments.

    `running`: a job works on it now. `absent`: neither a file nor this ledger has it. `unknown`: nobody could look.
    """

    APPLIED = "applied"
    PENDING = "pending"
    BLOCKED = "blocked"
    RUNNING = "running"
    FAILED = "failed"
    MODIFIED = "modified"
    MISSING = "missing"
    ROLLED_BACK = "rolled_back"
    UNCERTAIN = "uncertain"
    ABSENT = "absent"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Cell:
    """`target`: of several, the one where it stands worst."""

    state: CellState
    applied_at: datetime | None = None
    target: str | None = None


@dataclass(frozen=True, slots=True)
class MatrixRow:
    """One migration; `cells` in the order of the environments. `risk`: of its file, where it could be read."""

    name: str
    version: str
    reversible: bool
    file: str | None
    cells: tuple[Cell, ...]
    dependencies: tuple[str, ...] = ()
    risk: Risk | None = None


@dataclass(frozen=True, slots=True)
class Matrix:
    """Rows in the order they run; what no file defines any more comes first."""

    environments: tuple[Standing, ...]
    rows: tuple[MatrixRow, ...]


ABSENT, UNKNOWN = Cell(CellState.ABSENT), Cell(CellState.UNKNOWN)
_AS_CELL = {state: CellState(state.value) for state in MigrationState}


NO_RISKS: Mapping[str, Risk] = {}


def matrix_of(catalog: Catalog, environments: Sequence[Standing], risks: Mapping[str, Risk] = NO_RISKS) -> Matrix:
    """`risks`: by the names of migrations that a file defines."""
    columns = [_columns(one) for one in environments]
    heads = (*_without_file(catalog, environments), *_files(catalog))
    return Matrix(tuple(environments), tuple(_row(head, columns, risks) for head in heads))


Head = tuple[str, str, bool, str | None, tuple[str, ...]]
"""Name, version, whether it can be taken back, its file, and what it needs."""

Column = dict[str, Cell] | None
Columns = tuple[tuple[str | None, Column], ...]
"""One for each target of an environment, with its name where there are several."""

CELL_ORDER = (
    CellState.UNCERTAIN, CellState.FAILED, CellState.MODIFIED, CellState.MISSING, CellState.UNKNOWN, CellState.RUNNING,
    CellState.BLOCKED, CellState.ROLLED_BACK, CellState.PENDING, CellState.ABSENT, CellState.APPLIED,
)  # fmt: skip
"""From the worst on."""


def _columns(standing: Standing) -> Columns:
    if not standing.parts:
        return ((None, _column(standing)),)
    return tuple((one.environment.name, _column(one)) for one in standing.parts)


def _column(standing: Standing) -> Column:
    if standing.statuses is None:
        return None
    # a name that stands there twice is what stands there first: the ledger's, before a file that cannot be read
    cells = {one.name: Cell(_AS_CELL[one.state], one.applied_at) for one in reversed(standing.statuses)}
    for name in standing.jobs.under_way:
        known = cells.get(name)
        cells[name] = Cell(CellState.RUNNING, known.applied_at if known else None)
    return cells


def _without_file(catalog: Catalog, environments: Sequence[Standing]) -> list[Head]:
    known = {name for name, *_ in _files(catalog)}
    found: dict[str, MigrationStatus] = {}
    for standing in environments:
        for one in standing.statuses or ():
            if one.name not in known:
                found.setdefault(one.name, one)
    ordered = sorted(found.values(), key=lambda one: (version_key(one.version), one.name))
    return [(one.name, one.version, one.reversible, None, one.dependencies) for one in ordered]


def _files(catalog: Catalog) -> list[Head]:
    read: list[Head] = [(one.name, one.version, one.reversible, one.file, one.dependencies) for one in listed(catalog)]
    names = {name for name, *_ in read}
    broken = ((problems[0].migration or file, "", False, file, ()) for file, problems in broken_files(catalog).items())
    return [*read, *(head for head in broken if head[0] not in names)]


def _row(head: Head, columns: Sequence[Columns], risks: Mapping[str, Risk]) -> MatrixRow:
    name, version, reversible, file, dependencies = head
    cells = tuple(_cell(name, one) for one in columns)
    return MatrixRow(name, version, reversible, file, cells, dependencies, None if file is None else risks.get(name))


def _cell(name: str, columns: Columns) -> Cell:
    cells = [(target, UNKNOWN if column is None else column.get(name, ABSENT)) for target, column in columns]
    if cells[0][0] is None:
        return cells[0][1]
    target, worst = min(cells, key=lambda one: CELL_ORDER.index(one[1].state))
    return replace(worst, target=target)
