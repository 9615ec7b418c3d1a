"""What a plan foretells of keeping and losing is what the keeper does, statement by statement."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from app.domain.environment import Dsn, Environment, Protection
from app.domain.hazards import HazardCode
from app.domain.job import JobKind, JobState
from tests.integration.test_foreseen_losses import Desk
from tests.support.house import open_house
from tests.support.servers import Servers, execute, fetch

pytestmark = pytest.mark.servers

WORLD = """
    CREATE SCHEMA s; CREATE TYPE s.mood AS ENUM ('x', 'y'); CREATE SEQUENCE s.free;
    CREATE TABLE s.t (id serial PRIMARY KEY, n int); INSERT INTO s.t (n) VALUES (1), (2);
    CREATE TABLE moods (id int PRIMARY KEY, mood s.mood); INSERT INTO moods VALUES (1, 'x');
    CREATE TABLE a (id int PRIMARY KEY, n int, note text); INSERT INTO a VALUES (1, 1, 'x'), (2, 2, 'y');
    CREATE TABLE b (id int PRIMARY KEY, a int REFERENCES a ON DELETE CASCADE); INSERT INTO b VALUES (1, 1);
    CREATE TABLE c (id int PRIMARY KEY, b int REFERENCES b ON DELETE SET NULL); INSERT INTO c VALUES (1, 1);
    CREATE TABLE log (note text, n int); INSERT INTO log VALUES ('x', 1);
    CREATE TABLE base (id int, note text); CREATE TABLE child () INHERITS (base);
    INSERT INTO base VALUES (1, 'x'); INSERT INTO child VALUES (2, 'y');
    CREATE TABLE parted (id int, note text, PRIMARY KEY (id)) PARTITION BY RANGE (id);
    CREATE TABLE parted_1 PARTITION OF parted FOR VALUES FROM (0) TO (10); INSERT INTO parted VALUES (1, 'x');
    CREATE TABLE nullable (id int UNIQUE, note text); INSERT INTO nullable VALUES (1, 'x'), (NULL, 'y');
    ANALYZE;
"""
RENAMED = "ALTER TYPE s.other RENAME TO mood"
RETYPED = (
    "CREATE TYPE s.other AS ENUM ('a', 'b');"
    "ALTER TABLE moods ALTER mood TYPE s.other USING CASE mood::text WHEN 'x' THEN 'a' ELSE 'b' END::s.other"
)


@pytest.fixture
def desk(servers: Servers, folder: Path) -> Iterator[Desk]:
    target = servers.new_database()
    environments = {"production": Environment("production", Dsn(target), Protection.LOCKED)}
    with open_house(servers, folder, shortcut=False, environments=environments) as house:
        yield Desk(house, target)


@pytest.mark.parametrize(
    "up",
    [
        "DROP TABLE b CASCADE",
        "DROP SCHEMA s CASCADE",
        "DROP TYPE s.mood CASCADE",
        pytest.param(f"{RETYPED}; DROP TYPE s.mood; {RENAMED}", id="another type takes the name"),
        pytest.param(f"{RETYPED}; DROP TYPE s.mood CASCADE; {RENAMED}", id="another type, and CASCADE"),
        pytest.param(
            f"ALTER TYPE s.mood RENAME TO gone; {RETYPED.replace('other', 'mood')}", id="another type of the name"
        ),
        "DROP SEQUENCE s.free",
        "DROP TABLE base CASCADE",
        "DROP TABLE parted",
        "DROP TABLE parted_1",
        "ALTER TABLE s.t DROP COLUMN id",
        "ALTER TABLE a DROP COLUMN n, DROP COLUMN note",
        "ALTER TABLE base DROP COLUMN note",
        "ALTER TABLE parted DROP COLUMN note",
        "ALTER TABLE log DROP COLUMN note",
        "ALTER TABLE nullable DROP COLUMN note",
        "ALTER TABLE a ALTER n TYPE smallint, ALTER note TYPE varchar(1)",
        "DELETE FROM a WHERE id = 1",
        "DELETE FROM base",
        "DELETE FROM parted WHERE id = 1",
        "DELETE FROM parted_1",
        "WITH gone AS (DELETE FROM a RETURNING id) SELECT count(*) FROM gone",
        "TRUNCATE a CASCADE",
        "TRUNCATE base",
        "TRUNCATE parted",
        "UPDATE a SET note = 'z'",
        "UPDATE c SET id = id + 1",
        "UPDATE log SET note = 'z'",
        "UPDATE parted SET note = 'z' WHERE id = 1",
        "INSERT INTO a VALUES (1, 1, 'z') ON CONFLICT (id) DO UPDATE SET note = excluded.note",
        "MERGE INTO a USING log ON a.n = log.n WHEN MATCHED THEN UPDATE SET note = 'z'",
        "ALTER TABLE a RENAME TO aa; DELETE FROM aa; DROP TABLE log",
        "DELETE FROM a; ALTER TABLE a DROP COLUMN note",
    ],
)
def test_the_keeper_keeps_and_loses_just_what_was_foretold(desk: Desk, up: str) -> None:
    execute(desk.target, WORLD)
    sets = desk.plan(up)["steps"][0]["keeping"]["sets"]
    foretold = {(one["kind"], one["table"]) for one in sets if one["kept"]}
    lost = {one["table"] for one in sets if not one["kept"]}

    given = tuple(code for code in HazardCode if code is not HazardCode.LINT)
    job = desk.house.do(JobKind.RUN, environment="production", allow_hazards=given)

    assert job.state is JobState.SUCCEEDED, job
    rows = fetch(desk.target, "SELECT kind, schema_name || '.' || relation_name AS name FROM liftlock.preserved")
    assert {(row["kind"], row["name"].removeprefix("public.")) for row in rows} == foretold
    notice = job.steps[0].notice or ""
    said = [part for part in notice.split("; ") if part.startswith("lost, as was consented to")]
    assert len(said) == len(lost), (notice, sets)
    assert all(any(table in part for part in said) for table in lost), (notice, sets)
