"""The service with the least rights of deploy/roles.sql: it works, and cannot touch what is on the audit trail."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit
from uuid import UUID

import asyncpg
import pytest

from app.domain.environment import Dsn, Environment
from app.domain.job import Job, JobId, JobKind, JobState, Origin
from tests.support.house import House, open_house
from tests.support.servers import Servers, execute, fetch, value

pytestmark = pytest.mark.servers

ROOT = Path(__file__).resolve().parents[2]
PASSWORD = "of-this-test"
ROLES = ("liftlock_owner", "liftlock_service", "shop_migrator")
GOOD = "-- migrate:up\nCREATE TABLE a (id int);\nINSERT INTO a VALUES (1);\n-- migrate:down\nDROP TABLE a;\n"


@dataclass(frozen=True)
class Roles:
    """Addresses of the control database and of a target, by the role that uses them."""

    control: str
    shop: str

    def control_as(self, role: str) -> str:
        return _as(self.control, role)

    def shop_as(self, role: str) -> str:
        return _as(self.shop, role)


def _as(dsn: str, role: str) -> str:
    parts = urlsplit(dsn)
    return parts._replace(netloc=f"{role}:{PASSWORD}@{parts.hostname}:{parts.port}").geturl()


@pytest.fixture(scope="module")
def roles(servers: Servers) -> Iterator[Roles]:
    made = Roles(servers.new_database(), servers.new_database())
    names = {"liftlock": Dsn(made.control).database, "shop": Dsn(made.shop).database}
    everywhere, _, control, _, shop = re.split(
        r"^\\connect (\w+)$", (ROOT / "deploy/roles.sql").read_text(), flags=re.M
    )
    execute(servers.postgres.dsn(), everywhere)
    for dsn, part in ((made.control, control), (made.shop, shop)):
        execute(dsn, re.sub(r"ON DATABASE (\w+)", lambda found: f'ON DATABASE "{names[found[1]]}"', part))
    for role in ROLES:
        execute(servers.postgres.dsn(), f"ALTER ROLE {role} PASSWORD '{PASSWORD}'")
    yield made
    for dsn in (made.control, made.shop):
        execute(dsn, "".join(f"DROP OWNED BY {role} CASCADE;" for role in ROLES))
    execute(servers.postgres.dsn(), "".join(f"DROP ROLE {role};" for role in ROLES))


@pytest.fixture(scope="module")
def installed(roles: Roles) -> Roles:
    """By the owner, as a step of its own."""
    environ = {
        "PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "DATABASE_URL": roles.control_as("liftlock_owner"),
        # of the service, where the owner has its settings too
        "LIFTLOCK_CONFIG": "/not/mounted/here.toml", "LIFTLOCK_HOST": "0.0.0.0", "LIFTLOCK_AUTH": "off",
    }  # fmt: skip
    ran = subprocess.run(
        [sys.executable, "-m", "app.installing"], cwd=ROOT, env=environ, capture_output=True, text=True, check=False
    )
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout.endswith("control migrations applied\n")
    return roles


@pytest.fixture
def house(servers: Servers, installed: Roles, folder: Path) -> Iterator[House]:
    shop = Environment("shop", Dsn(installed.shop_as("shop_migrator")))
    keys = {"secret_keys": ("k" * 32,)}
    with open_house(
        servers, folder, installed.control_as("liftlock_service"), environments={"shop": shop}, **keys
    ) as it:
        yield it


def test_the_service_does_its_work_with_what_it_may(house: House) -> None:
    house.write("1_a.sql", GOOD)
    ran = house.do(environment="shop")
    undone = house.do(JobKind.ROLLBACK, environment="shop")
    assert (ran.state, undone.state) == (JobState.SUCCEEDED, JobState.SUCCEEDED)
    token = house.http("POST", "/tokens", json={"name": "t", "role": "viewer"}).get_json()
    hook = house.http("POST", "/webhooks", json={"name": "w", "url": "https://x.example"}).get_json()
    for method, path in (
        ("POST", "/environments/shop/drift/scan"),
        ("POST", "/schedules/purge/run"),
        ("POST", f"/webhooks/{hook['id']}/test"),
        ("DELETE", f"/webhooks/{hook['id']}"),
        ("DELETE", f"/tokens/{token['id']}"),
    ):
        answer = house.http(method, path)
        assert answer.status_code < 300, answer.text
        if answer.status_code == 202:
            done = house.perform(answer.get_json()["id"])
            assert done.state is JobState.SUCCEEDED, done.message
    house.run_async(house.services.schedules.tick())
    house.run_async(house.services.schedules.pause("drift", Origin()))
    house.services.sweeper_portal.run(house.services.sweeper.sweep())
    assert house.http("GET", "/health/ready").get_json()["status"] == "ready"
    assert 'liftlock_jobs{environment="shop"' in house.http("GET", "/metrics").text
    assert len(house.http("GET", "/audit").get_json()) >= 7


def test_a_proof_needs_one_right_more_and_says_which(house: House, servers: Servers) -> None:
    house.write("9_proven.sql", "-- migrate:up\nCREATE TABLE proven (id int);\n-- migrate:down\nDROP TABLE proven;\n")
    grant = 'ALTER ROLE "shop_migrator" CREATEDB'
    assert grant.replace('"', "") + ";" in (ROOT / "deploy/roles.sql").read_text()

    def proof() -> Job:
        asked = house.http("POST", "/migrations/verify?environment=shop").get_json()
        return house.perform(JobId(UUID(asked["id"])))

    refused = proof()
    assert refused.reason == "scratch_refused" and grant in refused.message
    execute(servers.postgres.dsn(), grant)
    try:
        assert proof().reason == "proven"
    finally:
        execute(servers.postgres.dsn(), f"{grant.removesuffix('CREATEDB')}NOCREATEDB")


DEEDS = (
    "UPDATE liftlock_control.audit SET principal_id = 'nobody'",
    "DELETE FROM liftlock_control.audit",
    "TRUNCATE liftlock_control.audit",
    "ALTER TABLE liftlock_control.audit DISABLE TRIGGER ALL",
    "DROP TRIGGER audit_append_only ON liftlock_control.audit",
    "DROP TABLE liftlock_control.audit",
    "DROP FUNCTION liftlock_control.append_only() CASCADE",
    "ALTER TABLE liftlock_control.audit RENAME TO trail",
    "DROP SCHEMA liftlock_control CASCADE",
    "CREATE TABLE liftlock_control.mine (id int)",
    "UPDATE liftlock.migrations SET name = 'x'",
    "SET ROLE liftlock_owner",
    "SET session_replication_role = replica",
)


@pytest.mark.parametrize("deed", DEEDS)
def test_the_service_cannot_change_the_audit_trail_nor_what_keeps_it_so(house: House, deed: str) -> None:
    house.http("POST", "/schedules/purge/pause")
    before = fetch(house.dsn, "SELECT * FROM liftlock_control.audit ORDER BY id")
    assert before
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        execute(house.dsn, deed)
    assert fetch(house.dsn, "SELECT * FROM liftlock_control.audit ORDER BY id")[: len(before)] == before


def test_its_owner_is_refused_by_triggers(installed: Roles, house: House) -> None:
    house.http("POST", "/schedules/purge/resume")
    for deed in DEEDS[:3]:
        with pytest.raises(asyncpg.PostgresError, match="only ever added"):
            execute(installed.control_as("liftlock_owner"), deed)


def test_the_role_of_a_target_sees_nothing_of_the_control_database(installed: Roles) -> None:
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        execute(installed.control_as("shop_migrator"), "SELECT 1")
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        execute(installed.shop_as("liftlock_service"), "SELECT 1")


def test_nobody_of_them_is_more_than_they_have_to_be(installed: Roles, servers: Servers) -> None:
    more = (
        "SELECT count(*) FROM pg_roles WHERE rolname = ANY ($1) "
        "AND (rolsuper OR rolcreaterole OR rolcreatedb OR rolbypassrls OR rolreplication)"
    )
    assert value(servers.postgres.dsn(), more, list(ROLES)) == 0
    assert installed.control
