"""What a target holds of that which a plan takes away: the tables that are reached, their rows, columns and keys."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from app.domain.preserved import PreservedKind


class Holder(StrEnum):
    """What holds rows. PARENT: a plain table that others inherit from. SEQUENCE: a position, no rows."""

    TABLE = "table"
    PARTITIONED = "partitioned"
    PARENT = "parent"
    FOREIGN = "foreign"
    SEQUENCE = "sequence"


@dataclass(frozen=True, slots=True)
class HeldColumn:
    """`type` as `format_type` spells it. `width_bytes`, `empty` (the share of NULL, 0 to 1): of ANALYZE, else None.

    `generated`: computed from others, so never lost.
    """

    name: str
    type: str
    generated: bool = False
    width_bytes: float | None = None
    empty: float | None = None


@dataclass(frozen=True, slots=True)
class Holding:
    """A table as it stands. `rows`: estimated as in a survey, exactly 0 when it has no byte; None: nobody can say.

    `bytes`: of the rows with TOAST, without indexes; None while somebody holds it. `keys`: the columns of its primary
    key and unique indexes, the best one first. `forced`: its row security holds for its owner too.
    `movable`: nothing that it is speaks against moving it to where kept rows are.
    """

    name: str
    holder: Holder
    rows: int | None
    bytes: int | None
    columns: tuple[HeldColumn, ...] = ()
    keys: tuple[tuple[str, ...], ...] = ()
    forced: bool = False
    movable: bool = False

    def column(self, name: str) -> HeldColumn | None:
        return next((one for one in self.columns if one.name == name), None)

    def key(self, lost: frozenset[str] = frozenset()) -> tuple[str, ...]:
        """By which a row is found again once the columns `lost` are gone; () when there is none."""
        stable = {one.name for one in self.columns if not one.generated} - lost
        return next((key for key in self.keys if set(key) <= stable), ())


class Via(StrEnum):
    """Why a table is reached: it is named, inherits from the one that is, or refers to it or to a part of it."""

    ITSELF = "itself"
    PARENT = "parent"
    REFERENCE = "reference"


@dataclass(frozen=True, slots=True)
class Reached:
    """What a removal befalls: `removal` is its place among those asked about. `columns` () is all, or nobody knows."""

    removal: int
    kind: PreservedKind
    table: str
    columns: tuple[str, ...] = ()
    via: Via = Via.ITSELF


@dataclass(frozen=True, slots=True)
class Holdings:
    """`tables`: by name with schema, those that are reached."""

    reached: tuple[Reached, ...] = ()
    tables: Mapping[str, Holding] = field(default_factory=dict)
