"""Looks up in a target what a plan takes away there: which tables, through what, how large, by which keys.

Nothing is changed and nobody is waited for.
"""

import json
from collections.abc import Collection, Mapping, Sequence
from itertools import groupby

import asyncpg

from app.adapters.target import holdings_queries as queries
from app.adapters.target.introspect import OWN_SCHEMAS
from app.adapters.target.sizes import ANSWER_S, sized
from app.domain.holdings import HeldColumn, Holder, Holding, Holdings, Reached, Via
from app.domain.preserved import PreservedKind
from app.domain.removals import Act, Noun, Removal, Taken
from app.domain.survey import TableSize
from app.domain.words import DEFAULT_SCHEMA

_HOLDERS = {"p": Holder.PARTITIONED, "f": Holder.FOREIGN, "S": Holder.SEQUENCE}
_WRITES = {
    Act.DELETED: PreservedKind.DELETED,
    Act.TRUNCATED: PreservedKind.DELETED,
    Act.OVERWRITTEN: PreservedKind.UPDATED,
}
_DROPS = frozenset({Act.DROPPED, Act.RETYPED})


def in_scope(schema: str, scope: str) -> str:
    """Where a name that was written without a schema is looked for: as a script is run, in the scope alone."""
    return scope if scope and schema == DEFAULT_SCHEMA else schema


async def read_holdings(connection: asyncpg.Connection, scope: str, removals: Sequence[Removal]) -> Holdings:
    """What these removals reach, and the tables that they reach."""
    dropped = await connection.fetch(queries.DROPPED, _asked(removals, scope, _DROPS), timeout=ANSWER_S)
    written = await connection.fetch(queries.WRITTEN, _asked(removals, scope, _WRITES.keys()), timeout=ANSWER_S)
    oids = list({row["oid"] for row in (*dropped, *written)})
    tables = {
        row["oid"]: row for row in await connection.fetch(queries.TABLES, oids, list(OWN_SCHEMAS), timeout=ANSWER_S)
    }
    columns = _by_table(await connection.fetch(queries.COLUMNS, list(tables), timeout=ANSWER_S))
    sizes = (await sized(connection, {oid: _name(row) for oid, row in tables.items()})).sizes
    reached = [
        *(_dropped(row, removals, tables, columns) for row in dropped if row["oid"] in tables),
        *(_written(row, removals, tables) for row in written if row["oid"] in tables),
    ]
    held = (_holding(row, sizes[oid], columns.get(oid, ())) for oid, row in tables.items())
    return Holdings(tuple(reached), {one.name: one for one in held})


def _asked(removals: Sequence[Removal], scope: str, acts: Collection[Act]) -> str:
    return json.dumps(
        [
            {
                "at": at,
                "act": taken.act.value,
                "noun": taken.noun.value,
                **_named(taken, scope),
                "columns": list(taken.columns),
                "only_it": taken.only,
                "references_too": taken.cascade,
            }
            for at, taken in enumerate(one.taken for one in removals)
            if taken.act in acts
        ]
    )


def _named(taken: Taken, scope: str) -> dict[str, str]:
    if taken.noun not in (Noun.RELATION, Noun.TYPE):
        return {"schema": "", "name": taken.name}
    schema, _, name = taken.name.partition(".")
    return {"schema": in_scope(schema, scope), "name": name}


def _by_table(rows: Sequence[asyncpg.Record]) -> dict[int, list[asyncpg.Record]]:
    return {oid: list(columns) for oid, columns in groupby(rows, key=lambda row: row["oid"])}


def _dropped(
    row: asyncpg.Record,
    removals: Sequence[Removal],
    tables: Mapping[int, asyncpg.Record],
    columns: Mapping[int, Sequence[asyncpg.Record]],
) -> Reached:
    table, numbers = tables[row["oid"]], row["numbers"]
    via = Via.REFERENCE if row["beside"] else Via.ITSELF
    if 0 in numbers:
        kind = PreservedKind.SEQUENCE if table["kind"] == "S" else PreservedKind.TABLE
        return Reached(row["at"], kind, _name(table), via=via)
    kind = PreservedKind.TYPES if removals[row["at"]].taken.act is Act.RETYPED else PreservedKind.COLUMNS
    names = tuple(one["name"] for one in columns.get(row["oid"], ()) if one["number"] in numbers)
    return Reached(row["at"], kind, _name(table), names, via)


def _written(row: asyncpg.Record, removals: Sequence[Removal], tables: Mapping[int, asyncpg.Record]) -> Reached:
    taken = removals[row["at"]].taken
    # of rows that a reference reaches nobody has said which columns are written
    columns = taken.columns if row["via"] != Via.REFERENCE else ()
    return Reached(row["at"], _WRITES[Act(row["act"])], _name(tables[row["oid"]]), columns, Via(row["via"]))


def _holding(row: asyncpg.Record, size: TableSize, columns: Sequence[asyncpg.Record]) -> Holding:
    plain = Holder.PARENT if row["parent"] else Holder.TABLE
    return Holding(
        name=_name(row),
        holder=_HOLDERS.get(row["kind"], plain),
        rows=size.rows,
        bytes=size.heap_bytes,
        columns=tuple(_column(one) for one in columns),
        keys=tuple(tuple(key) for key in json.loads(row["keys"] or "[]")),
        forced=row["forced"],
        movable=row["movable"],
    )


def _column(row: asyncpg.Record) -> HeldColumn:
    return HeldColumn(row["name"], row["type"], row["generated"], row["width"], row["empty"])


def _name(row: asyncpg.Record) -> str:
    return f"{row['schema']}.{row['name']}"
