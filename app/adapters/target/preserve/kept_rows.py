"""The tables of kept rows: what a column is kept as, by what its rows are found again, and how they are copied.

Columns are kept as what they are where that type cannot go away, and else as text: a migration may drop its own
enum, and what keeps a value may not hold on to it. https://www.postgresql.org/docs/current/typeconv.html
"""

import json
import re
import uuid
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass

import asyncpg

from app.adapters.postgres import quote

SCHEMA = "liftlock_preserved"

_COLUMNS = """
    SELECT a.attnum AS number, a.attname AS name, format_type(a.atttypid, a.atttypmod) AS type,
           CASE WHEN t.typnamespace = 'pg_catalog'::regnamespace AND t.typtype IN ('b', 'r', 'm')
                THEN format_type(a.atttypid, a.atttypmod) ELSE 'text' END AS stored,
           EXISTS (SELECT FROM pg_opclass o JOIN pg_am m ON m.oid = o.opcmethod
                   WHERE m.amname = 'hash' AND o.opcdefault AND o.opcintype = a.atttypid) AS hashed
    FROM pg_attribute a JOIN pg_type t ON t.oid = a.atttypid
    WHERE a.attrelid = $1::bigint::oid AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = ''
    ORDER BY a.attnum
"""
_KEYS = """
    SELECT ((i.indkey::int2[])[0:i.indnkeyatts - 1])::oid[] AS numbers
    FROM pg_index i
    CROSS JOIN LATERAL (
        SELECT bool_and(a.attnotnull) AS filled FROM pg_attribute a
        WHERE a.attrelid = i.indrelid AND a.attnum = ANY ((i.indkey::int2[])[0:i.indnkeyatts - 1])) AS key
    WHERE i.indrelid = $1::bigint::oid AND i.indisunique AND i.indisvalid AND i.indisready
      AND i.indpred IS NULL AND i.indexprs IS NULL
    ORDER BY i.indisprimary DESC, key.filled DESC, i.indnkeyatts, i.indexrelid
"""
_ROWS = """
    SELECT CASE relkind WHEN 'p' THEN '' ELSE 'ONLY ' END || oid::regclass::text
    FROM pg_class WHERE oid = $1::bigint::oid
"""
_FORCED = """
    SELECT oid::regclass::text FROM pg_class
    WHERE oid = $1::bigint::oid AND relforcerowsecurity AND pg_has_role(relowner, 'USAGE')
"""
_IS_OURS = "SELECT pg_has_role(relowner, 'USAGE') FROM pg_class WHERE oid = $1::bigint::oid"
_QUIET = """
    SELECT set_config('search_path', 'pg_catalog', true), set_config('row_security', 'off', true),
           set_config('datestyle', 'ISO', true), set_config('intervalstyle', 'postgres', true),
           set_config('extra_float_digits', '1', true), set_config('bytea_output', 'hex', true),
           set_config('timezone', 'UTC', true), set_config('jit', 'off', true)
"""
_SETTINGS = ("search_path", "row_security", "datestyle", "intervalstyle", "extra_float_digits", "bytea_output",
             "timezone", "jit")  # fmt: skip
_COLLATABLE = re.compile(r"(text|character|character varying|bpchar|name)(\(\d+\))?(\[\])*")

_NUMBERS = frozenset({"smallint", "integer", "bigint", "numeric", "real", "double precision"})


@dataclass(frozen=True, slots=True)
class StoredColumn:
    """`stored`: the type it is kept as. `hashed`: whether that type has a hash of its own."""

    number: int
    name: str
    type: str
    stored: str
    hashed: bool

    @property
    def kept_as_text(self) -> bool:
        return self.stored == "text" and self.type != "text"

    def read(self, of: str) -> str:
        """Its value in the table `of`, as it is kept."""
        return f"({of}.{quote(self.name)})::{self.stored}" if self.kept_as_text else f"{of}.{quote(self.name)}"

    def compares_with(self, other: "StoredColumn") -> bool:
        """Whether `=` takes both as they are kept; a key may have got another type since."""
        return self.stored == other.stored or {_bare(self.stored), _bare(other.stored)} <= _NUMBERS

    @property
    def collated(self) -> str:
        """What stands behind its value where a table is made of it: a collation of its own may go away like a type."""
        return ' COLLATE pg_catalog."default"' if _COLLATABLE.fullmatch(self.stored) else ""


@dataclass(frozen=True, slots=True)
class KeptTable:
    """Where the rows of one set are. `keys` are k1, k2 …, `columns` c1, c2 …; n1, n2 … are what a step has written."""

    id: uuid.UUID
    columns: tuple[StoredColumn, ...]
    keys: tuple[StoredColumn, ...] = ()

    @property
    def name(self) -> str:
        return f"{SCHEMA}.{self.plain_name}"

    @property
    def plain_name(self) -> str:
        return f"kept_{self.id.hex}"

    def matched(self, of: str, now: Sequence[StoredColumn], kept: str = "kept") -> str:
        """The condition under which a row of the table `of` is the one that was kept. `now`: its keys as they are."""
        pairs = zip(numbered("k", self.keys), self.keys, now, strict=True)
        return " AND ".join(
            f"{kept}.{name} = {column.read(of)}"
            if one.compares_with(column)
            else f"{kept}.{name}::text = ({column.read(of)})::text"
            for name, one, column in pairs
        )

    def hash(self, prefix: str = "c") -> str:
        """A number for a row of kept values; the sum of all of them does not depend on their order."""
        parts = (
            name if column.hashed else f"{name}::text"
            for name, column in zip(numbered(prefix, self.columns), self.columns, strict=True)
        )
        return f"hash_record_extended(ROW({', '.join(parts)}), 0)" if self.columns else "0"

    def completed_from(self, values: "KeptTable") -> str:
        """The statement that takes over, row by row of the same key, what `values` has of columns of this one."""
        places = {column.number: name for name, column in zip(numbered("c", self.columns), self.columns, strict=True)}
        sets = zip(numbered("c", values.columns), values.columns, strict=True)
        keys = zip(numbered("k", values.keys), values.keys, strict=True)
        taken = ", ".join(f"{places[column.number]} = v.{name}" for name, column in sets)
        same = " AND ".join(f"v.{name} = one.{places[key.number]}" for name, key in keys)
        return f"UPDATE {self.name} AS one SET {taken} FROM {values.name} AS v WHERE {same}"

    def taken_from(self, part: "KeptTable") -> str:
        """The statement that takes over what `part`, of a partition, has of rows that were overwritten."""
        places = dict(zip((column.name for column in part.columns), numbered("c", part.columns), strict=True))
        named = [(name, column.name) for name, column in zip(numbered("c", self.columns), self.columns, strict=True)]
        keys = [(name, places[column.name]) for name, column in zip(numbered("k", self.keys), self.keys, strict=True)]
        values = [(name, places[column]) for name, column in named]
        written = [(f"n{name[1:]}", f"n{places[column][1:]}") for name, column in named]
        into, of = zip(("liftlock_at", "liftlock_at"), *written, *keys, *values, strict=True)
        return f"INSERT INTO {self.name} ({', '.join(into)}) SELECT {', '.join(of)} FROM {part.name}"

    def judged_again(self, gone: "KeptTable") -> str:
        """The statement by which nothing is known any more of the rows that have the key of one of `gone`."""
        places = {column.number: name for name, column in zip(numbered("c", gone.columns), gone.columns, strict=True)}
        keys = zip(numbered("k", self.keys), self.keys, strict=True)
        same = " AND ".join(f"one.{name} = gone.{places[key.number]}" for name, key in keys)
        return f"UPDATE {self.name} AS one SET liftlock_same = NULL FROM {gone.name} AS gone WHERE {same}"

    async def counted(self, connection: asyncpg.Connection) -> tuple[int, str]:
        """How many rows are kept, and the checksum over them."""
        row = await connection.fetchrow(
            f"SELECT count(*) AS rows, COALESCE(sum({self.hash()}), 0)::text AS checksum FROM {self.name}"
        )
        assert row is not None
        return row["rows"], row["checksum"]

    def hash_in(self, of: str) -> str:
        """As `hash`, of what stands in the table `of`."""
        parts = (column.read(of) if column.hashed else f"({column.read(of)})::text" for column in self.columns)
        return f"hash_record_extended(ROW({', '.join(parts)}), 0)" if self.columns else "0"

    def fill(self, rows: str, *, written: bool) -> str:
        """As `create`, and filled from `rows` at once: that takes an eighth less than INSERT does."""
        named = zip(numbered("k", self.keys) + numbered("c", self.columns), self.keys + self.columns, strict=True)
        places = [
            *(f"NULL::{type_} AS {name}" for name, type_ in self._places(written=written)),
            *(f"{column.read('t')}{column.collated} AS {name}" for name, column in named),
        ]
        return f"CREATE TABLE {self.name} AS SELECT {', '.join(places)} FROM {rows} AS t"

    def create(self, *, written: bool) -> str:
        """`written`: with places for what the step wrote in their stead, and when."""
        named = zip(numbered("k", self.keys) + numbered("c", self.columns), self.keys + self.columns, strict=True)
        places = [*self._places(written=written), *((name, column.stored) for name, column in named)]
        return f"CREATE TABLE {self.name} ({', '.join(f'{name} {type_}' for name, type_ in places)})"

    def _places(self, *, written: bool) -> list[tuple[str, str]]:
        """Beside the values, with their types. Each that is empty in every row makes keeping it slower by a tenth."""
        if not written:
            return []
        return [("liftlock_at", "bigint"), ("liftlock_same", "boolean")] + [
            (name, "text") for name in numbered("n", self.columns)
        ]


def _bare(type_: str) -> str:
    return type_.partition("(")[0]


def numbered(prefix: str, columns: Sequence[StoredColumn]) -> list[str]:
    return [f"{prefix}{number}" for number, _ in enumerate(columns, 1)]


@asynccontextmanager
async def quietly(connection: asyncpg.Connection) -> AsyncIterator[None]:
    """Under settings on which what a value looks like does not depend, and none of the script's."""
    asked = ", ".join(f"current_setting('{name}')" for name in _SETTINGS)
    before = await connection.fetchrow(f"SELECT {asked}")
    assert before is not None
    await connection.fetchrow(_QUIET)
    yield
    again = ", ".join(f"set_config('{name}', ${at}, true)" for at, name in enumerate(_SETTINGS, 1))
    await connection.fetchrow(f"SELECT {again}", *before)


@asynccontextmanager
async def unforced(connection: asyncpg.Connection, relation: int) -> AsyncIterator[None]:
    """Under FORCE ROW LEVEL SECURITY its owner would copy what its policies let through, without a word."""
    name = await connection.fetchval(_FORCED, relation)
    if name is not None:
        await connection.execute(f"ALTER TABLE {name} NO FORCE ROW LEVEL SECURITY")
    yield
    if name is not None:
        await connection.execute(f"ALTER TABLE {name} FORCE ROW LEVEL SECURITY")


async def is_ours(connection: asyncpg.Connection, relation: int) -> bool:
    """Whether the role may make triggers on it that act always."""
    return bool(await connection.fetchval(_IS_OURS, relation))


async def is_forced(connection: asyncpg.Connection, relation: int) -> bool:
    return await connection.fetchval(_FORCED, relation) is not None


async def rows_at(connection: asyncpg.Connection, relation: int) -> str:
    """What stands for its own rows in a statement: those of tables that inherit from it are none of them."""
    rows: str = await connection.fetchval(_ROWS, relation)
    return rows


async def columns_of(connection: asyncpg.Connection, relation: int) -> tuple[StoredColumn, ...]:
    """All that are not computed from others, in their order."""
    return tuple(StoredColumn(**row) for row in await connection.fetch(_COLUMNS, relation))


async def key_of(
    connection: asyncpg.Connection, relation: int, columns: Sequence[StoredColumn], lost: frozenset[int]
) -> tuple[StoredColumn, ...]:
    """The columns by which a row is found again: the primary key's, or a unique index's; none when there is none."""
    keys = await keys_of(connection, relation, columns)
    return next((key for key in keys if not any(column.number in lost for column in key)), ())


async def keys_of(
    connection: asyncpg.Connection, relation: int, columns: Sequence[StoredColumn]
) -> list[tuple[StoredColumn, ...]]:
    """Each set of `columns` by which a row could be found; the best first."""
    known = {column.number: column for column in columns}
    keys = [row["numbers"] for row in await connection.fetch(_KEYS, relation)]
    return [tuple(known[number] for number in key) for key in keys if all(number in known for number in key)]


async def hide(connection: asyncpg.Connection, table: str) -> None:
    """Row security on, and no right for anybody but its owner.

    Default privileges may have given it to others: what is kept is as sensitive as where it comes from.
    """
    await connection.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
    granted = await connection.fetch(
        """SELECT DISTINCT a.grantee::regrole::text AS role
           FROM pg_class c
           CROSS JOIN LATERAL (SELECT c.relacl UNION ALL SELECT attacl FROM pg_attribute WHERE attrelid = c.oid) t (acl)
           CROSS JOIN LATERAL aclexplode(t.acl) a
           WHERE c.oid = $1::text::regclass AND a.grantee <> c.relowner AND a.grantee <> 0""",
        table,
    )
    others = ["PUBLIC", *(row["role"] for row in granted)]
    await connection.execute(f"REVOKE ALL ON {table} FROM {', '.join(others)}")


async def mark_origin(connection: asyncpg.Connection, table: str) -> None:
    """Its own OID: in a database that was restored from a dump it has another one, and so has every other table."""
    oid = await connection.fetchval("SELECT $1::text::regclass::oid::bigint", table)
    await connection.execute(f"COMMENT ON TABLE {table} IS '{oid}'")


async def is_at_origin(connection: asyncpg.Connection, table: str) -> bool:
    """Whether OIDs that were noted with it are still those of the same tables."""
    same = "SELECT COALESCE(obj_description(oid, 'pg_class'), oid::text) = oid::text FROM pg_class WHERE oid = "
    return bool(await connection.fetchval(f"{same}$1::text::regclass", table))


def as_json(columns: Sequence[StoredColumn]) -> str:
    return json.dumps([asdict(column) for column in columns])


def from_json(text: str) -> tuple[StoredColumn, ...]:
    return tuple(StoredColumn(**one) for one in json.loads(text))
