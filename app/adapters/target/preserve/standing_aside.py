"""What must not act while rows are given back: a table's own triggers and rules, the forcing of its row security, and
foreign keys that lead out of it.

All are as before when the rows are back. A foreign key is made anew, and thereby holds for every row: rows that it
does not hold for are taken out again first, as often as that takes from one table to the next.
"""

from dataclasses import dataclass

import asyncpg

from app.adapters.postgres import quote
from app.adapters.target.preserve.kept_rows import is_forced, rows_at
from app.adapters.target.preserve.references import COLUMNS_OF_K

_TRIGGERS = """
    WITH part AS (SELECT $1::bigint::oid AS part UNION SELECT relid FROM pg_partition_tree($1::bigint::oid::regclass))
    SELECT 'TRIGGER' AS noun, part::regclass::text AS table, tgname AS name, tgenabled::text AS enabled
    FROM part JOIN pg_trigger ON tgrelid = part
    WHERE NOT tgisinternal AND tgenabled <> 'D' AND tgparentid = 0
    UNION ALL
    SELECT 'RULE', $1::bigint::oid::regclass::text, rulename, ev_enabled::text FROM pg_rewrite
    WHERE ev_class = $1::bigint::oid AND ev_type <> '1' AND ev_enabled <> 'D'
"""
"""Partitions have their own, and a rule may write elsewhere in the place of rows that come back."""

_FOREIGN_KEYS = f"""
    SELECT k.conname AS name, pg_get_constraintdef(k.oid) AS definition, k.confrelid::bigint AS other,
           obj_description(k.oid, 'pg_constraint') AS said,
           COALESCE((to_jsonb(k) ->> 'conperiod')::boolean, false) AS period, {COLUMNS_OF_K},
           (SELECT array_agg(format('OPERATOR(%I.%s)', n.nspname, o.oprname) ORDER BY one.place)
            FROM unnest(k.conpfeqop) WITH ORDINALITY AS one (operator, place)
            JOIN pg_operator o ON o.oid = one.operator JOIN pg_namespace n ON n.oid = o.oprnamespace) AS equal
    FROM pg_constraint k
    WHERE k.conrelid = $1::bigint::oid AND k.contype = 'f' AND k.conparentid = 0 AND k.convalidated
"""
"""Those of a PERIOD are there since PostgreSQL 18."""

_ENABLE = {"O": "ENABLE", "R": "ENABLE REPLICA", "A": "ENABLE ALWAYS"}


@dataclass(frozen=True, slots=True)
class _ForeignKey:
    """`equal`: the operators by which it compares. `period`: the last column has to lie within what several rows have
    there together."""

    relation: int
    table: str
    rows: str
    name: str
    definition: str
    said: str | None
    referred: str
    columns: tuple[str, ...]
    referred_columns: tuple[str, ...]
    equal: tuple[str, ...]
    period: bool

    @property
    def violators(self) -> str:
        filled = " AND ".join(f"t.{quote(one)} IS NOT NULL" for one in self.columns)
        pairs = [
            (f"t.{quote(here)}", f"p.{quote(there)}", equal)
            for here, there, equal in zip(self.columns, self.referred_columns, self.equal, strict=True)
        ]
        within, whole, _ = pairs.pop() if self.period else ("", "", "")
        equal = " AND ".join(f"{there} {operator} {here}" for here, there, operator in pairs)
        same = f"FROM {self.referred} AS p WHERE {equal}"
        if self.period:
            return f"{filled} AND NOT COALESCE({within} <@ (SELECT range_agg({whole}) {same}), false)"
        return f"{filled} AND NOT EXISTS (SELECT {same})"


class Aside:
    def __init__(self, connection: asyncpg.Connection) -> None:
        self._connection = connection
        self._triggers: list[tuple[str, str, str, str]] = []
        self._keys: list[_ForeignKey] = []
        self.seen: set[tuple[int, bool]] = set()
        """As it was before a savepoint, it is to be again when that is taken back."""
        self._forced: list[str] = []

    async def of(self, relation: int, table: str, *, inserts: bool) -> None:
        """Put aside what `table` has; its foreign keys only where rows come back into it."""
        if (relation, False) not in self.seen:
            self.seen.add((relation, False))
            await self._show_all(relation)
            for noun, where, name, enabled in await self._connection.fetch(_TRIGGERS, relation):
                await self._connection.execute(f"ALTER TABLE {where} DISABLE {noun} {quote(name)}")
                self._triggers.append((where, noun, name, enabled))
        if inserts and (relation, True) not in self.seen:
            self.seen.add((relation, True))
            for row in await self._connection.fetch(_FOREIGN_KEYS, relation):
                await self._show_all(row["other"])
                await self._connection.execute(f"ALTER TABLE {table} DROP CONSTRAINT {quote(row['name'])}")
                self._keys.append(
                    _ForeignKey(
                        relation,
                        table,
                        await rows_at(self._connection, relation),
                        row["name"],
                        row["definition"],
                        row["said"],
                        await rows_at(self._connection, row["other"]),
                        tuple(row["columns"]),
                        tuple(row["referred"]),
                        tuple(row["equal"]),
                        row["period"],
                    )
                )

    async def end(self) -> dict[int, int]:
        """Everything as it was; by table, how many rows had to be taken out again for it."""
        taken_out: dict[int, int] = {}
        await self._connection.execute("SAVEPOINT liftlock_keys")
        try:
            await self._make_keys()
        except asyncpg.ForeignKeyViolationError:
            await self._connection.execute("ROLLBACK TO SAVEPOINT liftlock_keys")
            taken_out = await self._take_out()
            await self._make_keys()
        await self._connection.execute("RELEASE SAVEPOINT liftlock_keys")
        for table, noun, name, enabled in self._triggers:
            await self._connection.execute(f"ALTER TABLE {table} {_ENABLE[enabled]} {noun} {quote(name)}")
        for table in self._forced:
            await self._connection.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
        return {relation: count for relation, count in taken_out.items() if count}

    async def _show_all(self, relation: int) -> None:
        """Its owner would not see every row, of a table that a foreign key leads to no more than of its own."""
        if await is_forced(self._connection, relation):
            table = await self._connection.fetchval("SELECT $1::bigint::oid::regclass::text", relation)
            await self._connection.execute(f"ALTER TABLE {table} NO FORCE ROW LEVEL SECURITY")
            self._forced.append(table)

    async def _make_keys(self) -> None:
        for key in self._keys:
            await self._connection.execute(f"ALTER TABLE {key.table} ADD CONSTRAINT {quote(key.name)} {key.definition}")
            if key.said is not None:
                said = key.said.replace("'", "''")
                await self._connection.execute(f"COMMENT ON CONSTRAINT {quote(key.name)} ON {key.table} IS '{said}'")

    async def _take_out(self) -> dict[int, int]:
        taken_out: dict[int, int] = {}
        again = True
        while again:
            again = False
            for key in self._keys:
                tag = await self._connection.execute(f"DELETE FROM {key.rows} AS t WHERE {key.violators}")
                count = int(tag.split()[-1])
                taken_out[key.relation] = taken_out.get(key.relation, 0) + count
                again = again or count > 0
        return taken_out
