"""A migration that destroys is run and rolled back over HTTP, by real workers, while an application goes on writing."""

import asyncio
import random
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from tests.support.eventually import eventually
from tests.support.stack import RunningStack, running_stack

pytestmark = pytest.mark.stack

BASE = """\
-- migrate:up
CREATE TABLE accounts (id bigint PRIMARY KEY, note text, n int NOT NULL DEFAULT 0, mark int NOT NULL DEFAULT 5);
CREATE TABLE archive (id int PRIMARY KEY, body jsonb, account bigint REFERENCES accounts ON DELETE SET NULL);
INSERT INTO accounts (id, note) SELECT n, 'note ' || n FROM generate_series(1, 500) n;
INSERT INTO archive SELECT n, jsonb_build_object('n', n, 'ü', NULL), n FROM generate_series(10, 500, 10) n;
-- migrate:down
DROP TABLE archive;
DROP TABLE accounts;
"""
LOSSY = """\
-- migrate:up
DROP TABLE archive;
UPDATE accounts SET mark = -1 WHERE id % 7 = 0;
DELETE FROM accounts WHERE id % 10 = 0;
ALTER TABLE accounts DROP COLUMN note;
-- migrate:down
ALTER TABLE accounts ADD COLUMN note text;
CREATE TABLE archive (id int PRIMARY KEY, body jsonb, account bigint REFERENCES accounts ON DELETE SET NULL);
"""
CONSENT = {"allowHazards": ["TABLE_DROPPED", "COLUMN_DROPPED", "ALL_ROWS_CHANGED"]}
ACCOUNTS = "SELECT id, note, n, mark FROM accounts ORDER BY id"
ARCHIVE = "SELECT id, body, account FROM archive ORDER BY id"


class Application:
    """Writes rows that no migration deletes, and remembers what they must be like: id, then note, n and mark."""

    def __init__(self, dsn: str) -> None:
        self.writes = 0
        self.rows: dict[int, list[Any]] = {n: [f"note {n}", 0, 5] for n in range(1, 501)}
        self._dsn = dsn
        self._own = iter(range(1001, 10**9, 10))
        self._chance = random.Random(7)
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._write()))

    @contextmanager
    def writing(self) -> Iterator[None]:
        self._thread.start()
        try:
            yield
        finally:
            self._stopping.set()
            self._thread.join(20)

    def goes_on(self) -> None:
        """Wait until it has written some more: a migration that stands is written upon."""
        before = self.writes
        eventually(lambda: self.writes >= before + 20)

    async def _write(self) -> None:
        connection = await asyncpg.connect(self._dsn)
        try:
            while not self._stopping.is_set():
                await self._one(connection)
                self.writes += 1
                await asyncio.sleep(0.002)
        finally:
            await connection.close()

    async def _one(self, connection: asyncpg.Connection) -> None:
        known = [one for one in self.rows if one % 10]
        match self._chance.randrange(4):
            case 0:
                await connection.execute("INSERT INTO accounts (id) VALUES ($1)", added := next(self._own))
                self.rows[added] = [None, 0, 5]
            case 1 if len(known) > 300:
                await connection.execute("DELETE FROM accounts WHERE id = $1", gone := self._chance.choice(known))
                del self.rows[gone]
            case _:
                await connection.execute(
                    "UPDATE accounts SET n = n + 1 WHERE id = $1", changed := self._chance.choice(known)
                )
                self.rows[changed][1] += 1


@pytest.fixture
def stack(tmp_path: Path, folder: Path) -> Iterator[RunningStack]:
    (folder / "1_base.sql").write_text(BASE)
    with running_stack(tmp_path / "data", "--migrations", str(folder)) as running:
        yield running


def _read(stack: RunningStack, query: str) -> list[tuple[Any, ...]]:
    async def read() -> list[tuple[Any, ...]]:
        connection = await asyncpg.connect(stack.record["targets"]["development"])
        try:
            return [tuple(row) for row in await connection.fetch(query)]
        finally:
            await connection.close()

    return asyncio.run(read())


def test_every_value_is_back_while_an_application_goes_on_writing(stack: RunningStack, folder: Path) -> None:
    assert stack.job("POST", "/migrations/run")["state"] == "succeeded"
    archive = _read(stack, ARCHIVE)
    application = Application(stack.record["targets"]["development"])
    (folder / "2_lossy.sql").write_text(LOSSY)
    with application.writing():
        for _ in range(3):
            application.goes_on()
            up = stack.job("POST", "/migrations/run")
            assert up["state"] == "succeeded", (up, stack.logs())
            assert "kept the table archive (50 rows)" in up["steps"][0]["notice"]
            application.goes_on()
            down = stack.job("POST", "/migrations/rollback")
            assert down["state"] == "succeeded", (down, stack.logs())
            assert "50 deleted rows of accounts" in down["steps"][0]["notice"]
        application.goes_on()

    assert _read(stack, ARCHIVE) == archive
    assert _read(stack, ACCOUNTS) == sorted((one, *values) for one, values in application.rows.items())
    assert application.writes > 100

    assert stack.job("POST", "/migrations/run")["state"] == "succeeded"
    kept = next(
        one for one in stack.http.get("/environments/development/preserved").json() if one["table"] == "archive"
    )
    answer = stack.http.post(f"/environments/development/preserved/{kept['id']}/restore", json={"table": "seen"})
    job = stack.http.get(f"/jobs/{answer.json()['id']}?wait=20").json()
    assert (job["state"], job["message"]) == ("succeeded", "the kept rows are in the table seen of development")
    assert _read(stack, ARCHIVE.replace("FROM archive", "FROM seen")) == archive
