"""Our table of locks against the server's own: each statement is executed, and pg_locks says what it holds."""

import asyncio
import contextlib
from collections.abc import Iterator

import asyncpg
import pytest

from app.domain.lock_modes import LockMode
from app.domain.statement_locks import locks_of
from app.domain.statements import parse_script
from app.domain.words import Stated
from tests.support.servers import Servers, execute, fetch

pytestmark = pytest.mark.servers

SCHEMA = """
CREATE TABLE customers (id int PRIMARY KEY, name text);
CREATE TABLE orders (id int PRIMARY KEY, customer int, state text NOT NULL DEFAULT 'new', note varchar(20), at date);
CREATE UNIQUE INDEX orders_by_id ON orders (id);
CREATE INDEX orders_by_state ON orders (state);
CREATE TABLE lines (id int, order_id int);
ALTER TABLE orders ADD CONSTRAINT known CHECK (state <> '') NOT VALID;
CREATE FUNCTION noted() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
CREATE TRIGGER noting BEFORE UPDATE ON orders FOR EACH ROW EXECUTE FUNCTION noted();
CREATE POLICY mine ON orders USING (true);
CREATE RULE quiet AS ON INSERT TO lines DO ALSO NOTIFY lines;
CREATE VIEW open_orders AS SELECT id, state FROM orders;
CREATE MATERIALIZED VIEW counted AS SELECT state, count(*) AS n FROM orders GROUP BY state;
CREATE UNIQUE INDEX counted_once ON counted (state);
CREATE SEQUENCE numbers;
CREATE TABLE events (id int, day date) PARTITION BY RANGE (day);
CREATE TABLE events_old PARTITION OF events FOR VALUES FROM ('2020-01-01') TO ('2021-01-01');
CREATE TABLE events_new (id int, day date);
CREATE TABLE parents (id int, order_id int);
"""

INSIDE = [
    "ALTER TABLE orders ADD COLUMN more text",
    "ALTER TABLE orders ADD COLUMN a int, ADD COLUMN b int",
    "ALTER TABLE orders DROP COLUMN note",
    "ALTER TABLE orders ALTER COLUMN note TYPE text",
    "ALTER TABLE orders ALTER COLUMN state SET DEFAULT 'x'",
    "ALTER TABLE orders ALTER COLUMN note SET NOT NULL",
    "ALTER TABLE orders ALTER COLUMN state DROP NOT NULL",
    "ALTER TABLE orders ALTER COLUMN state SET STATISTICS 500",
    "ALTER TABLE orders ALTER COLUMN state SET (n_distinct = 3)",
    "ALTER TABLE orders ALTER COLUMN state RESET (n_distinct)",
    "ALTER TABLE orders ALTER COLUMN state SET STORAGE EXTERNAL",
    "ALTER TABLE orders ALTER COLUMN state SET STATISTICS 500, ADD COLUMN c int",
    "ALTER TABLE orders ADD CONSTRAINT checked CHECK (id > 0)",
    "ALTER TABLE orders ADD CONSTRAINT checked CHECK (id > 0) NOT VALID",
    "ALTER TABLE orders VALIDATE CONSTRAINT known",
    "ALTER TABLE orders DROP CONSTRAINT known",
    "ALTER TABLE orders ADD CONSTRAINT owned FOREIGN KEY (customer) REFERENCES customers (id)",
    "ALTER TABLE orders ADD FOREIGN KEY (customer) REFERENCES customers (id) NOT VALID",
    "ALTER TABLE orders ADD COLUMN buyer int REFERENCES customers",
    "ALTER TABLE orders ADD CONSTRAINT one UNIQUE (customer)",
    "ALTER TABLE lines ADD PRIMARY KEY (id)",
    "ALTER TABLE orders ADD CONSTRAINT one UNIQUE USING INDEX orders_by_id",
    "ALTER TABLE orders DISABLE TRIGGER noting",
    "ALTER TABLE orders ENABLE ALWAYS TRIGGER noting",
    "ALTER TABLE orders ENABLE ROW LEVEL SECURITY",
    "ALTER TABLE orders CLUSTER ON orders_by_state",
    "ALTER TABLE orders SET WITHOUT CLUSTER",
    "ALTER TABLE orders SET (fillfactor = 70)",
    "ALTER TABLE orders RESET (fillfactor)",
    "ALTER TABLE orders SET UNLOGGED",
    "ALTER TABLE orders REPLICA IDENTITY FULL",
    "ALTER TABLE orders OWNER TO CURRENT_USER",
    "ALTER TABLE orders RENAME TO old_orders",
    "ALTER TABLE orders RENAME COLUMN note TO remark",
    "ALTER TABLE orders RENAME CONSTRAINT known TO well_known",
    "ALTER TABLE lines INHERIT parents",
    "ALTER TABLE events ATTACH PARTITION events_new FOR VALUES FROM ('2021-01-01') TO ('2022-01-01')",
    "ALTER TABLE events DETACH PARTITION events_old",
    "ALTER INDEX orders_by_state RENAME TO by_state",
    "ALTER INDEX orders_by_state SET (fillfactor = 70)",
    "ALTER SEQUENCE numbers INCREMENT 2",
    "ALTER SEQUENCE numbers RENAME TO counts",
    "ALTER VIEW open_orders RENAME TO some_orders",
    "ALTER MATERIALIZED VIEW counted RENAME TO sums",
    "ALTER TRIGGER noting ON orders RENAME TO noted",
    "ALTER POLICY mine ON orders USING (false)",
    "CREATE INDEX more ON orders (note)",
    "CREATE UNIQUE INDEX IF NOT EXISTS more ON orders (id)",
    "CREATE TABLE items (id int, order_id int REFERENCES orders (id))",
    "CREATE TABLE events_now PARTITION OF events FOR VALUES FROM ('2023-01-01') TO ('2024-01-01')",
    "CREATE TABLE children (x int) INHERITS (parents)",
    "CREATE TRIGGER late AFTER INSERT ON orders FOR EACH ROW EXECUTE FUNCTION noted()",
    "CREATE POLICY yours ON orders USING (true)",
    "CREATE RULE loud AS ON DELETE TO lines DO INSTEAD NOTHING",
    "CREATE STATISTICS both_of (dependencies) ON customer, state FROM orders",
    "CREATE OR REPLACE VIEW open_orders AS SELECT id, state, note FROM orders",
    "DROP TABLE lines",
    "DROP TABLE IF EXISTS lines, parents",
    "DROP INDEX orders_by_state",
    "DROP TRIGGER noting ON orders",
    "DROP POLICY mine ON orders",
    "DROP RULE quiet ON lines",
    "DROP VIEW open_orders",
    "DROP MATERIALIZED VIEW counted",
    "DROP SEQUENCE numbers",
    "TRUNCATE lines, parents",
    "CLUSTER orders USING orders_by_state",
    "REINDEX TABLE orders",
    "REINDEX INDEX orders_by_state",
    "REFRESH MATERIALIZED VIEW counted",
    "REFRESH MATERIALIZED VIEW CONCURRENTLY counted",
    "ANALYZE orders",
    "ANALYZE orders (id, note), lines",
    "COMMENT ON TABLE orders IS 'x'",
    "COMMENT ON COLUMN orders.note IS 'x'",
    "LOCK TABLE orders IN SHARE ROW EXCLUSIVE MODE",
    "LOCK lines, parents IN ACCESS SHARE MODE",
    "LOCK orders",
    "INSERT INTO customers VALUES (1, 'x')",
    "INSERT INTO lines SELECT 1, 2",
    "UPDATE ONLY lines SET id = 2",
    "DELETE FROM lines WHERE id = 1",
    "MERGE INTO parents USING lines ON lines.id = parents.id WHEN MATCHED THEN DELETE",
    "SELECT * FROM lines JOIN parents USING (id)",
    "SELECT * FROM lines WHERE id = 1 FOR UPDATE",
    "COPY lines TO '/dev/null'",
    "COPY lines FROM '/dev/null'",
    "GRANT SELECT ON orders TO PUBLIC",
    "CREATE TABLE alone (id int)",
    "COMMENT ON CONSTRAINT known ON orders IS 'x'",
    "COMMENT ON TRIGGER noting ON orders IS 'x'",
    "COMMENT ON VIEW open_orders IS 'x'",
    "COMMENT ON INDEX orders_by_state IS 'x'",
    "CREATE MATERIALIZED VIEW sums AS SELECT * FROM orders",
    "CREATE VIEW all_orders AS SELECT * FROM orders",
    "CREATE TABLE copied (LIKE orders)",
    "CREATE TABLE copied AS SELECT * FROM orders",
    "ALTER SEQUENCE numbers OWNED BY orders.id",
    "CREATE SEQUENCE more OWNED BY orders.id",
    "CREATE PUBLICATION told FOR TABLE orders",
    "REVOKE ALL ON orders FROM PUBLIC",
    "ALTER TABLE orders ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY",
    "ALTER TABLE lines DISABLE RULE quiet",
    "ALTER TABLE orders FORCE ROW LEVEL SECURITY",
    "ALTER TABLE orders ALTER note SET COMPRESSION pglz",
    "ALTER TABLE orders ADD CONSTRAINT one EXCLUDE (customer WITH =)",
    "ALTER TABLE IF EXISTS ONLY orders ADD IF NOT EXISTS z int",
    "DO $$BEGIN IF true THEN DROP TABLE lines; END IF; UPDATE parents SET id = 1; END$$",
    "WITH old AS (SELECT 1) UPDATE lines SET id = 1",
    "WITH gone AS (DELETE FROM lines RETURNING id) INSERT INTO parents SELECT id, id FROM gone",
    "SELECT * FROM lines l, parents p",
    "ALTER INDEX orders_by_state SET TABLESPACE pg_default",
    "DROP SCHEMA IF EXISTS nothing",
    "ALTER TABLE orders ALTER note TYPE varchar(9) USING left(note, 9), ALTER note SET DEFAULT 'x'",
    "ALTER VIEW open_orders ALTER COLUMN state SET DEFAULT 'x'",
    "ALTER VIEW open_orders SET (security_barrier)",
    "WITH x AS (UPDATE lines AS l SET id = 1 RETURNING id) SELECT * FROM x",
    "WITH x AS (SELECT id FROM lines FOR UPDATE) SELECT * FROM x",
    "SELECT * FROM lines FOR SHARE",
    "CREATE OR REPLACE TRIGGER noting BEFORE DELETE ON orders FOR EACH ROW EXECUTE FUNCTION noted()",
    "CREATE CONSTRAINT TRIGGER late AFTER INSERT ON orders FROM customers FOR EACH ROW EXECUTE FUNCTION noted()",
]  # fmt: skip

OUTSIDE = [
    "CREATE INDEX CONCURRENTLY more ON orders (note)",
    "DROP INDEX CONCURRENTLY orders_by_state",
    "REINDEX TABLE CONCURRENTLY orders",
    "REINDEX INDEX CONCURRENTLY orders_by_state",
    "VACUUM orders",
    "VACUUM (FULL, ANALYZE) orders",
    "VACUUM FULL orders",
    "ALTER TABLE events DETACH PARTITION events_old CONCURRENTLY",
]

HELD = """
SELECT c.relname, c.relkind::text, l.mode
FROM pg_locks l JOIN pg_class c ON c.oid = l.relation JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE l.pid = $1 AND l.locktype = 'relation' AND n.nspname = 'public'
  AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
"""
BEFORE = "SELECT c.oid, c.relname FROM pg_class c WHERE c.relnamespace = 'public'::regnamespace"
READS = {LockMode.ACCESS_SHARE, LockMode.ROW_SHARE}


def mode_of(spelled: str) -> LockMode:
    """`ShareUpdateExclusiveLock` as the documentation spells it."""
    words = "".join(f" {letter}" if letter.isupper() else letter for letter in spelled.removesuffix("Lock"))
    return LockMode(words.strip().upper())


def said(statement: str, indexes: dict[str, str]) -> dict[str, LockMode]:
    """Our table's answer; an index stands for its table too."""
    (parsed,) = parse_script(statement).statements
    found: dict[str, LockMode] = {}
    for lock in locks_of(Stated(parsed, 0)):
        name = lock.relation.removeprefix("public.")
        found[indexes[name] if lock.of_index else name] = lock.mode
    return found


@pytest.fixture(scope="module")
def dsn(servers: Servers) -> Iterator[str]:
    dsn = servers.new_database()
    execute(dsn, SCHEMA)
    yield dsn


@pytest.fixture(scope="module")
def indexes(dsn: str) -> dict[str, str]:
    rows = fetch(dsn, "SELECT indexrelid::regclass::text, indrelid::regclass::text FROM pg_index"
                      " WHERE indrelid > 16383")  # fmt: skip
    return {str(row[0]): str(row[1]) for row in rows}


async def held_by(dsn: str, statement: str) -> dict[str, LockMode]:
    """The strongest mode on each relation that stood before, by the name it then had."""
    connection = await asyncpg.connect(dsn)
    try:
        await connection.execute("BEGIN")
        before = {row[0]: row[1] for row in await connection.fetch(BEFORE)}
        await connection.execute(statement)
        rows = await connection.fetch(
            "SELECT relation, mode FROM pg_locks WHERE pid = pg_backend_pid() AND locktype = 'relation'"
        )
        return strongest_of([(before[row[0]], row[1]) for row in rows if row[0] in before])
    finally:
        await connection.close()


async def wanted_by(dsn: str, statement: str, table: str) -> dict[str, LockMode]:
    """What a statement that runs alone waits for while somebody else holds its table."""
    holder, worker = await asyncpg.connect(dsn), await asyncpg.connect(dsn)
    try:
        await holder.execute("BEGIN")
        await holder.execute(f"LOCK TABLE {table} IN SHARE UPDATE EXCLUSIVE MODE")
        running = asyncio.create_task(worker.execute(statement))
        async with asyncio.timeout(20):
            while not (rows := await holder.fetch(HELD + " AND NOT l.granted", worker.get_server_pid())):
                await asyncio.sleep(0.01)
        await holder.execute("SELECT pg_cancel_backend($1)", worker.get_server_pid())
        with contextlib.suppress(asyncpg.QueryCanceledError):
            await running
        return strongest_of([(row[0], row[2]) for row in rows])
    finally:
        await worker.close()
        await holder.close()


def strongest_of(rows: list[tuple[str, str]]) -> dict[str, LockMode]:
    found: dict[str, LockMode] = {}
    for name, spelled in rows:
        mode = mode_of(spelled)
        if name not in found or found[name].strength < mode.strength:
            found[name] = mode
    return found


@pytest.mark.parametrize("statement", INSIDE)
def test_a_statement_holds_the_locks_that_our_table_says(dsn: str, indexes: dict[str, str], statement: str) -> None:
    ours = said(statement, indexes)
    theirs = asyncio.run(held_by(dsn, statement))
    assert {name: theirs.get(name) for name in ours} == ours
    # nor is there a lock that somebody would feel on any other table
    others = {name: mode for name, mode in theirs.items() if name not in ours and name not in indexes}
    assert {name: mode for name, mode in others.items() if mode not in READS} == {}


@pytest.mark.parametrize("statement", OUTSIDE)
def test_a_statement_that_runs_alone_waits_for_the_lock_that_our_table_says(
    dsn: str, indexes: dict[str, str], statement: str
) -> None:
    table = "events" if "events" in statement else "orders"
    ours = said(statement, indexes)
    theirs = asyncio.run(wanted_by(dsn, statement, table))
    assert theirs == {table: ours[table]}
