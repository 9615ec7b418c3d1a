"""The matrix: every migration against every environment."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from app.domain.axes import Standing
from app.domain.migration import version_key
from app.domain.standing import MigrationState, MigrationStatus


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
    state: CellState
    applied_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class MatrixRow:
    """One migration; `cells` in the order of the environments."""

    name: str
    version: str
    reversible: bool
    file: str | None
    cells: tuple[Cell, ...]


@dataclass(frozen=True, slots=True)
class Matrix:
    """Rows in the order they run; what no file defines any more comes first."""

    environments: tuple[Standing, ...]
    rows: tuple[MatrixRow, ...]


ABSENT, UNKNOWN = Cell(CellState.ABSENT), Cell(CellState.UNKNOWN)
_AS_CELL = {state: CellState(state.value) for state in MigrationState}


def matrix_of(files: Sequence[MigrationStatus], environments: Sequence[Standing]) -> Matrix:
    """`files`: where they would stand if nothing were applied anywhere, in their order."""
    columns = [_column(one) for one in environments]
    rows = (*_without_file(files, environments), *files)
    return Matrix(tuple(environments), tuple(_row(row, columns) for row in rows))


Column = dict[str, Cell] | None


def _column(standing: Standing) -> Column:
    if standing.statuses is None:
        return None
    cells = {one.name: Cell(_AS_CELL[one.state], one.applied_at) for one in reversed(standing.statuses)}
    for name in standing.jobs.under_way:
        known = cells.get(name)
        cells[name] = Cell(CellState.RUNNING, known.applied_at if known else None)
    return cells


def _without_file(files: Sequence[MigrationStatus], environments: Sequence[Standing]) -> list[MigrationStatus]:
    known = {one.name for one in files}
    found: dict[str, MigrationStatus] = {}
    for standing in environments:
        for one in standing.statuses or ():
            if one.name not in known:
                found.setdefault(one.name, one)
    return sorted(found.values(), key=lambda one: (version_key(one.version), one.name))


def _row(row: MigrationStatus, columns: Sequence[Column]) -> MatrixRow:
    cells = tuple(UNKNOWN if column is None else column.get(row.name, ABSENT) for column in columns)
    return MatrixRow(row.name, row.version, row.reversible, row.file, cells)
