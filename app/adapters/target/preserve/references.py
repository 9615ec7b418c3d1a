"""Foreign keys that lead to a table whose rows get back the keys that they had, and how what refers to them follows."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import asyncpg

from app.adapters.postgres import quote
from app.adapters.target.preserve.going_back import Going, value_of
from app.adapters.target.preserve.kept_rows import rows_at

PAIRED = "t.ctid = kept.liftlock_place AND t.tableoid = kept.liftlock_part"

COLUMNS_OF_K = """
           (SELECT array_agg(a.attname::text ORDER BY one.place)
            FROM unnest(k.conkey) WITH ORDINALITY AS one (number, place)
            JOIN pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = one.number) AS columns,
           (SELECT array_agg(a.attname::text ORDER BY one.place)
            FROM unnest(k.confkey) WITH ORDINALITY AS one (number, place)
            JOIN pg_attribute a ON a.attrelid = k.confrelid AND a.attnum = one.number) AS referred
"""
"""Of the foreign key k of pg_constraint: its columns and those that it leads to, in the same order."""

_REFERENCES = f"""
    SELECT k.conrelid::bigint AS relation, k.conrelid::regclass::text AS table, {COLUMNS_OF_K}
    FROM pg_constraint k
    WHERE k.contype = 'f' AND k.confrelid = $1::bigint::oid
      AND NOT EXISTS (SELECT FROM pg_constraint p WHERE p.oid = k.conparentid AND p.confrelid = k.confrelid)
    ORDER BY k.oid
"""
"""A partition of the table that refers has a copy of its own."""


@dataclass(frozen=True, slots=True)
class Reference:
    """`columns` of the table that refers, to `referred` of the other."""

    relation: int
    table: str
    rows: str
    columns: tuple[str, ...]
    referred: tuple[str, ...]

    def is_of(self, going: Going) -> bool:
        return set(self.referred) <= {now.name for _, _, now in going.columns}

    def refers(self, going: Going) -> str:
        """The question whether anything refers to a row whose key becomes another."""
        return f"SELECT EXISTS (SELECT FROM {self.rows} AS was JOIN {self._moved(going, 'true', 0)})"

    def _moved(self, going: Going, which: str, at: int) -> str:
        """Old and new keys of the rows that are paired, to be joined with what refers to them, `was`."""
        places = {now.name: (value_of(name, one, now), now) for name, one, now in going.columns}
        old = ", ".join(f"t.{quote(name)} AS o{n}" for n, name in enumerate(self.referred))
        new = ", ".join(f"{places[name][0]} AS v{n}" for n, name in enumerate(self.referred))
        other = " OR ".join(f"t.{quote(name)} <> {places[name][0]}" for name in self.referred)
        same = " AND ".join(f"was.{quote(name)} = m{at}.o{n}" for n, name in enumerate(self.columns))
        return (
            f"(SELECT {old}, {new} FROM {going.there} AS t JOIN {going.kept.name} AS kept ON {PAIRED} "
            f"WHERE ({other}) AND {which}) AS m{at} ON {same}"
        )


async def references_to(connection: asyncpg.Connection, where: int) -> list[Reference]:
    return [
        Reference(
            row["relation"],
            row["table"],
            await rows_at(connection, row["relation"]),
            tuple(row["columns"]),
            tuple(row["referred"]),
        )
        for row in await connection.fetch(_REFERENCES, where)
    ]


def leads_to(references: Mapping[int, Sequence[Reference]]) -> dict[int, int]:
    """How many foreign keys, one after the other, lead from each table to others of these."""
    ranks = dict.fromkeys(references, 0)
    for _ in ranks:
        for where, some in references.items():
            for one in some:
                if one.relation in ranks and one.relation != where:
                    ranks[one.relation] = min(max(ranks[one.relation], ranks[where] + 1), len(ranks))
    return ranks


def followed(references: Sequence[Reference], going: Going, which: str, *, unpaired: bool = False) -> str:
    """The statement by which what one table has that refers to rows follows them to their new keys."""
    joins, sets = list[str](), dict[str, list[str]]()
    for at, one in enumerate(references):
        joins.append(f"LEFT JOIN {one._moved(going, which, at)}")
        for n, name in enumerate(one.columns):
            sets.setdefault(quote(name), []).append(f"m{at}.v{n}")
    taken = ", ".join(f"{name} = COALESCE({', '.join(values)}, r.{name})" for name, values in sets.items())
    any_of = " OR ".join(f"m{at}.o0 IS NOT NULL" for at, _ in enumerate(references))
    rows, but = references[0].rows, ""
    if unpaired:
        but = (
            f" AND NOT EXISTS (SELECT FROM {going.kept.name} AS kept "
            "WHERE r.ctid = kept.liftlock_place AND r.tableoid = kept.liftlock_part)"
        )
    return (
        f"UPDATE {rows} AS r SET {taken} FROM {rows} AS was {' '.join(joins)} "
        f"WHERE r.ctid = was.ctid AND r.tableoid = was.tableoid AND ({any_of}){but}"
    )
