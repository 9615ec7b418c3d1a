"""How kept rows go back into a table: by names of columns, into the types that stand there now.

What went back is counted, and its checksum held against that of what was kept.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace

import asyncpg

from app.adapters.postgres import quote
from app.adapters.target.preserve.exchanging import exchange
from app.adapters.target.preserve.identities import settable
from app.adapters.target.preserve.kept_rows import KeptTable, StoredColumn, numbered
from app.adapters.target.preserve.refusals import SAID
from app.domain.step import count_of

_REFUSALS = ("22", "23")
"""Classes of errors that a single row can be to blame for: what it holds, or a constraint."""

_PASSES = 6
"""Over rows that were in the way of one another."""

Pairs = Sequence[tuple[str, StoredColumn, StoredColumn]]
"""Of each kept column that is there: its name in the kept table, as it was kept, as it is now."""


class NotTheSame(Exception):
    """What went back is not what was kept."""


@dataclass(frozen=True, slots=True)
class Going:
    """`there`: the rows of `table`. `now`: its columns by name. `checksum` and `rows`: of everything that is kept, or
    of the part of it that `source` reads."""

    connection: asyncpg.Connection
    kept: KeptTable
    table: str
    there: str
    now: Mapping[str, StoredColumn]
    checksum: str
    rows: int
    source: str

    @property
    def columns(self) -> Pairs:
        named = zip(numbered("c", self.kept.columns), self.kept.columns, strict=True)
        return [(name, column, self.now[column.name]) for name, column in named if column.name in self.now]

    @property
    def same_types(self) -> bool:
        return all(one.type == now.type for _, one, now in self.columns)

    @property
    def missing(self) -> list[str]:
        absent = [column.name for column in self.kept.columns if column.name not in self.now]
        return [f"the table has no column {name} now" for name in absent]

    @property
    def standing(self) -> KeptTable:
        """The same with the columns as they are now, to read the table with."""
        return KeptTable(self.kept.id, tuple(_as_kept(one, now) for _, one, now in self.columns))

    def refuse_others(self, others: int) -> None:
        """Raises NotTheSame when so many rows have other values than were kept, and no other type is why."""
        if others and self.same_types:
            raise NotTheSame(f"{count_of(others, 'row')} of {self.table} have other values")


async def insert_rows(going: Going) -> tuple[int, list[str]]:
    """Whole rows: how many, and why some were refused."""
    connection, columns = going.connection, going.columns
    names = ", ".join(quote(now.name) for _, _, now in columns)
    values = ", ".join(value_of(name, one, now) for name, one, now in columns)
    insert = f"INSERT INTO {going.table} ({names}) OVERRIDING SYSTEM VALUE SELECT {values} FROM {going.source} AS kept"
    if not columns and going.kept.columns:
        return 0, going.missing
    if not columns:
        insert = f"INSERT INTO {going.table} DEFAULT VALUES"
        for _ in range(going.rows):
            await connection.execute(insert)
        return going.rows, []
    done = await at_once(
        going,
        f"WITH back AS ({insert} RETURNING *) SELECT count(*) AS rows, {_sum(going, 'back')} AS checksum FROM back",
    )
    if done is None:
        refused, remarks = await one_by_one(going, f"{insert} WHERE", going.source)
        return going.rows - refused, [*going.missing, *remarks]
    if going.missing or (done["rows"], done["checksum"]) == (going.rows, going.checksum):
        return done["rows"], going.missing
    if going.same_types:
        raise NotTheSame(f"{count_of(done['rows'], 'row')} of {going.rows} in {going.table}, or other values")
    return done["rows"], ["values were made to fit the types that columns have now"]


async def fill_rows(going: Going, names: Collection[str], where: str) -> tuple[int, list[str]]:
    """The values of these columns to rows `t` that are there: how many are, and why some were refused."""
    columns = [one for one in going.columns if one[2].name in names]
    if not columns:
        count = f"SELECT count(*) FROM {going.there} AS t, {going.source} AS kept WHERE {where}"
        return await going.connection.fetchval(count), []
    values = _values(columns, judged=False)
    async with settable(going.connection, going.table, [now.name for _, _, now in columns]):
        done, _, because = await _assign(going, columns, values, going.source, where)
    going.refuse_others(done["others"])
    return done["rows"], because


async def update_rows(going: Going, *, judged: bool) -> tuple[int | None, int, list[str]]:
    """Columns of rows that are still there; of `judged` ones only values that nobody has changed since.

    How many rows have all of them back, and how many there were: one that was written twice is one. None when the table
    refuses each of them, so that they may go back another time.
    """
    connection, columns = going.connection, going.columns
    absent = [key.name for key in going.kept.keys if key.name not in going.now]
    if absent:
        return 0, going.rows, [f"the table has no column {name} now, by which its rows are found" for name in absent]
    keys = [going.now[key.name] for key in going.kept.keys]
    columns = [one for one in columns if one[2].name not in {key.name for key in going.kept.keys}]
    places, first = numbered("k", going.kept.keys), going.kept.name
    empty = " OR ".join(f"kept.{place} IS NULL" for place in places) or "false"
    keyless = await connection.fetchval(f"SELECT count(*) FROM {first} AS kept WHERE {empty}")
    if judged:
        order = ", ".join(places)
        rows = f"{first} AS kept WHERE NOT ({empty})"
        first = f"(SELECT DISTINCT ON ({order}) ctid, * FROM {rows} ORDER BY {order}, liftlock_at)"
    if not columns:
        return 0, going.rows, going.missing
    where = f"{going.kept.matched('t', keys)}{' AND kept.liftlock_same' if judged else ''}"
    values = _values(columns, judged=judged)
    async with settable(connection, going.table, [now.name for _, _, now in columns]):
        done, refused, because = await _assign(going, columns, values, first, where)
    restored, others, remarks = done["rows"], done["others"], [*going.missing, *because]
    total = going.rows if not judged else keyless + await connection.fetchval(f"SELECT count(*) FROM {first} AS kept")
    if refused == total > 0:
        return None, total, remarks
    if keyless:
        remarks.append(f"{count_of(keyless, 'row')} with nothing in the key, so that nobody can tell which they are")
    if restored + refused + keyless < total:
        remarks.append(f"{count_of(total - restored - refused - keyless, 'row')} not there any more")
    if others and judged:
        restored -= others
        remarks.append(f"{count_of(others, 'row')} changed since, and left as they are")
    elif others:
        going.refuse_others(others)
        remarks.append(f"{count_of(others, 'value')} made to fit the types that columns have now")
    return restored, total, remarks


async def rest_of(going: Going, where: str) -> Going:
    """What goes back of it `where` that holds."""
    read = "ctid, *" if going.source == going.kept.name else "*"
    rest = f"(SELECT {read} FROM {going.source} AS kept WHERE {where})"
    row = await going.connection.fetchrow(
        f"SELECT count(*) AS rows, COALESCE(sum({going.kept.hash()}), 0)::text AS checksum FROM {rest} AS kept"
    )
    assert row is not None
    return replace(going, rows=row["rows"], checksum=row["checksum"], source=rest)


def hashes(going: Going) -> tuple[str, str]:
    """Of a row `t` that is there and of one that is `kept`: the same where all values are."""
    return hashes_of(going.columns)


def hashes_of(columns: Pairs) -> tuple[str, str]:
    return _row_hash(columns, "t"), _kept_hash(columns)


async def at_once(going: Going, statement: str) -> asyncpg.Record | None:
    """All rows with one statement; None, and nothing done, where the table refuses one of them."""
    await going.connection.execute("SAVEPOINT liftlock_back")
    try:
        done = await going.connection.fetchrow(statement)
    except asyncpg.PostgresError as error:
        if (error.sqlstate or "")[:2] not in _REFUSALS:
            raise
        await going.connection.execute("ROLLBACK TO SAVEPOINT liftlock_back")
        done = None
    await going.connection.execute("RELEASE SAVEPOINT liftlock_back")
    return done


async def one_by_one(going: Going, statement: str, rows: str) -> tuple[int, list[str]]:
    """Each of `rows` by itself: those that the table refuses stay kept, with the reason. How many they are, and why."""
    await going.connection.execute(
        f"ALTER TABLE {going.kept.name} DROP COLUMN IF EXISTS liftlock_left, ADD COLUMN liftlock_left text"
    )
    await going.connection.execute(
        f"""DO $liftlock$ DECLARE one tid; again boolean := false; BEGIN
            FOR one IN SELECT ctid FROM {rows} AS kept LOOP
                BEGIN
                    {statement} kept.ctid = one;
                EXCEPTION WHEN data_exception OR integrity_constraint_violation THEN
                    again := again OR SQLSTATE IN ('23505', '23P01');
                    UPDATE {going.kept.name} SET liftlock_left = {SAID} WHERE ctid = one;
                END;
            END LOOP;
            -- another of them was in the way, and may have gone since; the last one that came goes first
            FOR pass IN 1..{_PASSES} LOOP
                EXIT WHEN NOT again;
                again := false;
                FOR one IN SELECT ctid FROM {going.kept.name} WHERE liftlock_left IS NOT NULL
                           ORDER BY CASE WHEN pass % 2 = 0 THEN ctid END, ctid DESC LOOP
                    BEGIN
                        {statement} kept.ctid = one;
                        UPDATE {going.kept.name} SET liftlock_left = NULL WHERE ctid = one;
                        again := true;
                    EXCEPTION WHEN data_exception OR integrity_constraint_violation THEN
                    END;
                END LOOP;
            END LOOP;
        END $liftlock$"""
    )
    refused = await going.connection.fetch(
        f"SELECT liftlock_left AS why, count(*) AS rows FROM {going.kept.name} "
        f"WHERE liftlock_left IS NOT NULL GROUP BY 1 ORDER BY 2 DESC"
    )
    remarks = [f"{count_of(row['rows'], 'row')} refused: {row['why']}" for row in refused]
    return sum(row["rows"] for row in refused), remarks


def value_of(name: str, one: StoredColumn, now: StoredColumn) -> str:
    return f"kept.{name}" if one.stored == now.type else f"CAST(kept.{name} AS {now.type})"


def assigned(name: str, one: StoredColumn, now: StoredColumn) -> str:
    return f"{quote(now.name)} = {value_of(name, one, now)}"


def _values(columns: Pairs, *, judged: bool) -> dict[str, str]:
    """By column, what it gets."""
    values = {quote(now.name): (name, value_of(name, one, now)) for name, one, now in columns}
    if not judged:
        return {column: value for column, (_, value) in values.items()}
    return {
        column: f"CASE WHEN kept.s{name[1:]} THEN {value} ELSE t.{column} END"
        for column, (name, value) in values.items()
    }


async def _assign(
    going: Going, columns: Pairs, values: Mapping[str, str], first: str, where: str
) -> tuple[asyncpg.Record, int, list[str]]:
    """The values of `first` to the rows `where` they belong: how many, and how many others than were kept; how many
    the table has refused, and why."""
    now_and_then = f"{_row_hash(columns, 't')} AS now, {_kept_hash(columns)} AS kept_hash"
    counts = "SELECT count(*) AS rows, count(*) FILTER (WHERE now <> kept_hash) AS others FROM"
    sets = ", ".join(f"{column} = {value}" for column, value in values.items())
    update = f"UPDATE {going.there} AS t SET {sets} FROM"
    done = await at_once(
        going, f"WITH back AS ({update} {first} AS kept WHERE {where} RETURNING {now_and_then}) {counts} back"
    )
    if done is not None:
        return done, 0, []
    refused, because = await one_by_one(going, f"{update} {going.kept.name} AS kept WHERE {where} AND", first)
    every = {quote(now.name): f"t.{quote(now.name)}" for now in going.now.values()} | dict(values)
    if refused and await exchange(going.connection, going.kept.name, going.table, going.there, every, where):
        refused, because = 0, []
    there = f"{going.there} AS t, {first} AS kept WHERE {where} AND kept.liftlock_left IS NULL"
    done = await going.connection.fetchrow(f"{counts} (SELECT {now_and_then} FROM {there}) AS back")
    assert done is not None
    return done, refused, because


def _as_kept(one: StoredColumn, now: StoredColumn) -> StoredColumn:
    """Read as the kept value is, so that the two can be compared."""
    return StoredColumn(now.number, now.name, one.type, one.stored, one.hashed)


def _hashed(parts: Sequence[str]) -> str:
    return f"hash_record_extended(ROW({', '.join(parts)}), 0)"


def _row_hash(columns: Pairs, of: str) -> str:
    read = (_as_kept(one, now).read(of) for _, one, now in columns)
    return _hashed([text if one.hashed else f"({text})::text" for text, (_, one, _) in zip(read, columns, strict=True)])


def _kept_hash(columns: Pairs) -> str:
    return _hashed([f"kept.{name}" if one.hashed else f"kept.{name}::text" for name, one, _ in columns])


def _sum(going: Going, of: str) -> str:
    return f"COALESCE(sum({going.standing.hash_in(of)}), 0)::text"
