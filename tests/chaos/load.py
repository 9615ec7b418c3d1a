"""The migrations of the load: each leaves a trace whenever it takes effect; the last ones fail now and then."""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.support.servers import execute

GOOD = 8
LAST_GOOD = f"m{GOOD:02d}"
NAPPING = "m03"

TABLES = """
    CREATE TABLE nap (seconds double precision);
    CREATE SEQUENCE mood;
    CREATE TABLE base (id int PRIMARY KEY, touched int NOT NULL DEFAULT 0);
    INSERT INTO base (id) SELECT generate_series(1, 600);
    CREATE TABLE loose (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, direction text NOT NULL);
"""
"""`nap` makes one migration as slow as a test needs it; a sequence is not rolled back: its mood changes each time."""

_UP = """\
INSERT INTO effects (name, direction) VALUES ('{name}', 'up');
CREATE TABLE IF NOT EXISTS m_{name} (id int);
"""
_DOWN = """\
-- migrate:down
INSERT INTO effects (name, direction) VALUES ('{name}', 'down');
DROP TABLE IF EXISTS m_{name};
"""
_EXTRA = {
    NAPPING: "SELECT pg_sleep(COALESCE((SELECT max(seconds) FROM nap), 0));\n",
    # what raises, and what sleeps long enough to be caught asleep
    "m09": "DO $$ BEGIN IF nextval('mood') % 2 = 0 THEN RAISE EXCEPTION 'not today'; END IF; END $$;\n",
    "m10": "SELECT pg_sleep(0.7);\n",
}
ALONE = "alone"
_ALONE = """\
-- name: alone
-- version: 4.5
-- migrate:up transaction:false
INSERT INTO loose (direction) VALUES ('up');
CREATE INDEX CONCURRENTLY base_by_touched ON base (touched);
-- liftlock: batch table=base key=id size=200
UPDATE base SET touched = touched + 1 WHERE id BETWEEN $1 AND $2;
-- migrate:down transaction:false
INSERT INTO loose (direction) VALUES ('down');
DROP INDEX CONCURRENTLY base_by_touched;
UPDATE base SET touched = touched - 1;
"""
"""Without a transaction around it: its traces and its record are not one commit, so it is looked at apart."""

_PYTHON = """\
class M11:
    name = "m11"
    version = "11"
    dependencies: list[str] = []

    async def up(self, connection):
        await connection.execute("INSERT INTO effects (name, direction) VALUES ('m11', 'up')")
        await connection.execute("CREATE TABLE IF NOT EXISTS m_m11 (id int)")
        if await connection.fetchval("SELECT nextval('mood')") % 3 == 0:
            raise RuntimeError("a bad day")

    async def down(self, connection):
        await connection.execute("INSERT INTO effects (name, direction) VALUES ('m11', 'down')")
        await connection.execute("DROP TABLE IF EXISTS m_m11")
"""


def write_migrations(folder: Path, *, misbehaving: bool) -> None:
    names = [f"m{number:02d}" for number in range(1, GOOD + 1)] + (["m09", "m10"] if misbehaving else [])
    write_sql(folder, names)
    if misbehaving:
        (folder / "m11.py").write_text(_PYTHON)
        (folder / "alone.sql").write_text(_ALONE)


def write_sql(folder: Path, names: Sequence[str]) -> None:
    """In the order of their names; some have an extra, see `_EXTRA`."""
    for name in names:
        text = f"-- name: {name}\n-- version: {name[1:]}\n-- migrate:up\n{_UP}{_EXTRA.get(name, '')}{_DOWN}"
        (folder / f"{name}.sql").write_text(text.replace("{name}", name))


def prepare(dsn: str) -> None:
    execute(dsn, TABLES)


def nap(dsn: str, seconds: float) -> None:
    execute(dsn, "DELETE FROM nap")
    execute(dsn, "INSERT INTO nap VALUES ($1)", seconds)


@dataclass(frozen=True)
class Request:
    """One call of the API."""

    method: str
    path: str
    body: dict[str, object]


def next_request(chance: random.Random, environments: tuple[str, ...]) -> Request:
    """Mostly runs up to a good migration, some to the bitter end; rollbacks of one to four; now and then a reset."""
    body: dict[str, object] = {"environment": chance.choice(environments)}
    match chance.choices(("run", "all", "rollback", "reset"), (6, 3, 4, 1))[0]:
        case "run":
            return Request("POST", "/migrations/run", body | {"to": f"m{chance.randint(2, GOOD):02d}"})
        case "all":
            way = chance.choice(("stop", "rollback"))
            return Request("POST", "/migrations/run", body | {"onFailure": way})
        case "rollback":
            return Request("POST", f"/migrations/rollback/{chance.randint(1, 4)}", body)
        case _:
            return Request("DELETE", "/migrations/reset", body)
