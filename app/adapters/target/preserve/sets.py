"""One set of what is kept, how it is said, and where it is written down."""

import json
import uuid
from collections.abc import Sequence
from dataclasses import dataclass

import asyncpg

from app.adapters.postgres import quote
from app.adapters.target.preserve.inventory import Relation
from app.adapters.target.preserve.kept_rows import KeptTable, StoredColumn, as_json, from_json
from app.adapters.target.records import Stamp
from app.domain.preserved import PreservedKind as Kind
from app.domain.preserved import said_of, table_said
from app.domain.step import Step

_RECORD = """
    INSERT INTO liftlock.preserved
        (id, scope, name, direction, job_id, step, place, kind, relation, schema_name, relation_name, columns, keys,
         sequences, rows, bytes, checksum)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9::bigint::oid, $10, $11, $12::text::jsonb, $13::text::jsonb,
            $14::text::jsonb, $15, $16, $17)
"""

STORED = """
    SELECT id, kind, relation::bigint AS relation, schema_name, relation_name, columns::text AS columns,
           keys::text AS keys, sequences::text AS sequences, rows, checksum
    FROM liftlock.preserved
"""


@dataclass(frozen=True, slots=True)
class KeptSet:
    """`perhaps`: nothing is lost where all values are what a cast makes of those that are kept."""

    kind: Kind
    relation: Relation
    table: KeptTable
    sequences: tuple[dict[str, object], ...] = ()
    numbers: frozenset[int] = frozenset()
    perhaps: bool = False

    def said(self, rows: int) -> str:
        return said_of(self.kind, self.relation.said, [column.name for column in self.table.columns], rows)


@dataclass(frozen=True, slots=True)
class StoredSet:
    id: uuid.UUID
    kind: Kind
    relation: int
    schema: str
    name: str
    columns: tuple[StoredColumn, ...]
    keys: tuple[StoredColumn, ...]
    sequences: tuple[dict[str, object], ...]
    rows: int
    checksum: str

    @property
    def table(self) -> KeptTable:
        return KeptTable(self.id, self.columns, self.keys)

    @property
    def relation_said(self) -> str:
        return table_said(self.schema, self.name)

    def said(self, rows: int, restored: int | None = None) -> str:
        return said_of(self.kind, self.relation_said, [column.name for column in self.columns], rows, restored)


async def write_down(
    connection: asyncpg.Connection,
    stamp: Stamp,
    step: Step,
    ordinal: int,
    place: int,
    one: KeptSet,
    counted: tuple[int, int, str],
) -> None:
    """`counted`: its rows, its size in bytes and the checksum over it."""
    await connection.execute(
        _RECORD,
        one.table.id,
        stamp.scope,
        step.name,
        step.direction.value,
        stamp.job_id,
        ordinal,
        place,
        one.kind.value,
        one.relation.oid,
        one.relation.schema,
        one.relation.name,
        as_json(one.table.columns),
        as_json(one.table.keys),
        json.dumps(list(one.sequences)),
        *counted,
    )


def stored_set(row: asyncpg.Record) -> StoredSet:
    return StoredSet(
        row["id"],
        Kind(row["kind"]),
        row["relation"],
        row["schema_name"],
        row["relation_name"],
        from_json(row["columns"]),
        from_json(row["keys"]),
        tuple(json.loads(row["sequences"])),
        row["rows"],
        row["checksum"],
    )


def qualified(relation: Relation) -> str:
    return f"{quote(relation.schema)}.{quote(relation.name)}"


def rows_of(relation: Relation, still: frozenset[int] = frozenset()) -> str:
    """A partitioned table has the rows of its partitions, but for those that `still` have them when it has gone; one
    that others inherit from has only its own."""
    if still:
        oids = ", ".join(map(str, sorted(still)))
        return f"(SELECT * FROM {qualified(relation)} WHERE tableoid NOT IN ({oids}))"
    return qualified(relation) if relation.kind == "p" else f"ONLY {qualified(relation)}"


def columns_said(columns: Sequence[StoredColumn]) -> str:
    return ", ".join(column.name for column in columns)
