"""Rows that a script has just put into a table of its own making give way to those that were there before.

Each is there once then. Where other tables refer to them they stay in their place, and get the values that were kept:
to delete one would take along, or be refused for, rows of others that are nobody's to touch.
"""

from app.adapters.target.preserve.going_back import Going, fill_rows, hashes, rest_of
from app.adapters.target.preserve.kept_rows import key_of

_REFERRED = """
    SELECT EXISTS (
        SELECT FROM pg_constraint
        WHERE contype = 'f' AND (confrelid = $1::bigint::oid
            OR confrelid IN (SELECT relid FROM pg_partition_tree($1::bigint::oid::regclass))))
"""


async def make_room(going: Going, where: int) -> tuple[int, list[str], Going]:
    """How many got their values back where they are, with what is to be said, and what is left to be inserted."""
    if not going.columns or not await going.connection.fetchval(f"SELECT EXISTS (SELECT FROM {going.there})"):
        return 0, [], going
    key = await key_of(going.connection, where, list(going.now.values()), frozenset())
    places = {column.name: name for name, column, _ in going.columns}
    referred = await going.connection.fetchval(_REFERRED, where)
    if not key or any(column.name not in places for column in key):
        if not referred:
            await going.connection.execute(_each_once(going))
        return 0, [], going
    same = " AND ".join(f"{column.read('t')} = kept.{places[column.name]}" for column in key)
    if not referred:
        await going.connection.execute(f"DELETE FROM {going.there} AS t USING {going.source} AS kept WHERE {same}")
        return 0, [], going
    names = {column.name for column in key}
    count, remarks = await fill_rows(going, [now.name for _, _, now in going.columns if now.name not in names], same)
    left = await rest_of(going, f"NOT EXISTS (SELECT FROM {going.there} AS t WHERE {same})")
    return count, remarks, left


def _each_once(going: Going) -> str:
    """The statement that takes from the table, row for row, what is kept as well: without a key that is all that says
    which row is which."""
    there, kept = hashes(going)
    return f"""
        DELETE FROM {going.there} AS t USING (
            SELECT put.place, put.part
            FROM (SELECT t.ctid AS place, t.tableoid AS part, {there} AS hash,
                         row_number() OVER (PARTITION BY {there}) AS number
                  FROM {going.there} AS t) AS put
            JOIN (SELECT {kept} AS hash, count(*) AS rows FROM {going.source} AS kept GROUP BY 1) AS kept
              ON kept.hash = put.hash AND put.number <= kept.rows) AS twice
        WHERE t.ctid = twice.place AND t.tableoid = twice.part"""
