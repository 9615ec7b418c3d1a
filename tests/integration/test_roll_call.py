"""A target that reads well and cannot be worked on: found of all of them before one is touched, with what to do."""

import asyncio
import socket
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from app.adapters.target.fitness import PostgresFitness
from app.domain.environment import Dsn, Environment, SyncPolicy, Target
from app.domain.errors import BackendUnusable
from app.domain.job import Job, JobId, JobKind, JobState, Origin
from app.embedded.postgres import Postgres
from app.services.fitness import FitnessCheck
from tests.support.house import House, open_house
from tests.support.servers import Servers, execute, value

pytestmark = pytest.mark.servers

A = "-- migrate:up\nCREATE TABLE a (id int);\n-- migrate:down\nDROP TABLE a;\n"
OID = "SELECT oid FROM pg_database WHERE datname = current_database()"
ROLES = ("clerk_eu", "clerk_us", "clerk_ap")


@dataclass
class Chain:
    """Three targets, each with a role of its own; `owner`: the addresses of those who may do anything there."""

    whole: Environment
    owner: dict[str, str]

    def changed(self, name: str, **fields: Any) -> Environment:
        targets = tuple(replace(one, **fields) if one.name == name else one for one in self.whole.targets)
        return replace(self.whole, targets=targets)

    def is_untouched(self) -> bool:
        return all(value(dsn, "SELECT to_regnamespace('liftlock') IS NULL") for dsn in self.owner.values())


@pytest.fixture
def chain(servers: Servers, folder: Path) -> Iterator[Chain]:
    (folder / "1_a.sql").write_text(A)
    owner, targets = {}, []
    for name, role in zip(("eu", "us", "ap"), ROLES, strict=True):
        owner[name] = dsn = servers.new_database()
        database = Dsn(dsn).database
        execute(dsn, f"DROP ROLE IF EXISTS {role}")
        execute(dsn, f"CREATE ROLE {role} LOGIN PASSWORD 's3cret'")
        execute(dsn, f'CREATE SCHEMA acme AUTHORIZATION {role}; GRANT CREATE ON DATABASE "{database}" TO {role}')
        address = Dsn(f"postgresql://{role}:s3cret@127.0.0.1:{servers.postgres.port}/{database}")
        targets.append(Target(name, address, scope="acme"))
    yield Chain(Environment("shop", targets[0].dsn, targets=tuple(targets)), owner)
    for name, role in zip(owner, ROLES, strict=True):
        execute(owner[name], f"SET transaction_read_only = off; DROP OWNED BY {role} CASCADE; DROP ROLE {role}")


def no_create_on_database(chain: Chain) -> None:
    database = Dsn(chain.owner["us"]).database
    execute(chain.owner["us"], f'REVOKE CREATE ON DATABASE "{database}" FROM clerk_us')


def no_create_in_schema(chain: Chain) -> None:
    execute(chain.owner["us"], "ALTER SCHEMA acme OWNER TO postgres; GRANT USAGE ON SCHEMA acme TO clerk_us")


def role_is_read_only(chain: Chain) -> None:
    execute(chain.owner["us"], "ALTER ROLE clerk_us SET default_transaction_read_only = on")


def database_is_read_only(chain: Chain) -> None:
    database = Dsn(chain.owner["us"]).database
    execute(chain.owner["us"], f'ALTER DATABASE "{database}" SET default_transaction_read_only = on')


def foreign_ledger(chain: Chain) -> None:
    """Made by another role, which lets this one read."""
    execute(
        chain.owner["us"],
        "CREATE SCHEMA liftlock; CREATE TABLE liftlock.ledger_version AS SELECT 5 AS version;"
        "CREATE TABLE liftlock.fence (scope text); CREATE TABLE liftlock.migrations (scope text);"
        "GRANT USAGE ON SCHEMA liftlock TO clerk_us; GRANT SELECT ON ALL TABLES IN SCHEMA liftlock TO clerk_us",
    )


READ_ONLY = "it is read-only (a standby, or default_transaction_read_only is on)"
SPOILS: list[tuple[Callable[[Chain], None], str]] = [
    (no_create_on_database, "GRANT CREATE ON DATABASE"),
    (no_create_in_schema, 'as its owner run: GRANT CREATE ON SCHEMA "acme" TO "clerk_us"'),
    (role_is_read_only, READ_ONLY),
    (database_is_read_only, READ_ONLY),
]


def post(house: House, status: int = 202) -> dict[str, Any]:
    answer = house.http("POST", "/migrations/run")
    assert answer.status_code == status, answer.get_data(as_text=True)
    return dict(answer.get_json())


def perform(house: House, asked: dict[str, Any]) -> Job:
    return house.perform(JobId(UUID(asked["id"])))


@pytest.mark.parametrize(("spoil", "said"), SPOILS)
def test_what_only_reads_refuses_the_whole_when_it_is_asked_for_and_when_it_begins(
    servers: Servers, folder: Path, chain: Chain, spoil: Callable[[Chain], None], said: str
) -> None:
    with open_house(servers, folder, environments={"shop": chain.whole}) as house:
        accepted = post(house)
        spoil(chain)
        refused = post(house, 503)
        assert refused["type"] == "/problems/backend-unavailable"
        assert "the target of shop.us" in refused["detail"] and said in refused["detail"]
        assert "s3cret" not in str(refused) and refused["nextSteps"]

        over = perform(house, accepted)
        assert (over.state, over.reason, over.parts) == (JobState.FAILED, "target_unusable", ())
        assert said in over.message and over.message.endswith("no target of shop was touched")
        assert chain.is_untouched()


def test_each_that_cannot_be_worked_on_is_named_at_once(servers: Servers, folder: Path, chain: Chain) -> None:
    no_create_in_schema(chain)
    execute(chain.owner["ap"], "ALTER ROLE clerk_ap SET default_transaction_read_only = on")
    with open_house(servers, folder, environments={"shop": chain.whole}) as house:
        refused = post(house, 503)
        assert refused["detail"].startswith("2 targets of shop cannot be used: the target of shop.us ")
        assert "GRANT CREATE ON SCHEMA" in refused["targets"]["shop.us"] and READ_ONLY in refused["targets"]["shop.ap"]
        assert list(refused["targets"]) == ["shop.us", "shop.ap"] and len(refused["nextSteps"]) == 2
        assert house.http("GET", "/jobs").get_json() == []


def test_a_tick_that_would_bring_something_ends_with_the_reason(servers: Servers, folder: Path, chain: Chain) -> None:
    role_is_read_only(chain)
    source = Environment("source", Dsn(servers.new_database()))
    follower = replace(chain.whole, sync=SyncPolicy("source", timedelta(minutes=5)))
    with open_house(servers, folder, environments={"source": source, "shop": follower}) as house:
        house.do(environment="source")
        house.run_async(house.services.schedules.configure())
        tick = house.run_async(house.services.schedules.run("sync-shop", None, Origin()))
        over = house.perform(tick.job.id)
        assert (over.state, over.reason) == (JobState.FAILED, "target_unusable")
        assert READ_ONLY in over.message and chain.is_untouched()


def unfit(one: Environment, kind: JobKind = JobKind.RUN) -> str | None:
    try:
        asyncio.run(PostgresFitness().refuse_unfit(one, kind))
    except BackendUnusable as error:
        return error.detail
    return None


def test_a_ledger_that_may_only_be_read_is_said_with_the_grant(chain: Chain) -> None:
    foreign_ledger(chain)
    (_, us, _) = chain.whole.each()
    said = unfit(us, JobKind.ROLLBACK) or ""
    assert (
        "may not write Liftlock's ledger in it; as its owner run: GRANT ALL ON ALL TABLES IN SCHEMA liftlock TO \"cl"
        in said
    )
    execute(chain.owner["us"], "GRANT ALL ON ALL TABLES IN SCHEMA liftlock TO clerk_us")
    assert unfit(us) is None


def test_a_standby_is_found_although_it_answers(tmp_path: Path, servers: Servers) -> None:
    standby = Postgres(tmp_path / "standby", servers=servers.postgres.binaries)
    standby.start()
    try:
        dsn = standby.create_database("shop")
        standby.stop()
        (standby.folder / f"data-{standby.major}" / "standby.signal").touch()
        standby.start()
        assert value(dsn, "SELECT pg_is_in_recovery()") is True
        assert READ_ONLY in (unfit(Environment("shop.us", Dsn(dsn))) or "")
    finally:
        standby.stop()


def test_a_direct_url_that_leads_nowhere_or_elsewhere_is_found(servers: Servers, chain: Chain) -> None:
    (_, us, ap) = chain.whole.each()
    assert unfit(replace(us, direct=us.dsn)) is None
    nowhere = unfit(replace(us, direct=Dsn("postgresql://clerk_us:s3cret@127.0.0.1:1/shop"))) or ""
    assert "(postgresql://clerk_us@127.0.0.1:1/shop) cannot be used: nothing listens there" in nowhere
    elsewhere = unfit(replace(us, direct=ap.dsn)) or ""
    assert (
        f"its directUrl leads to another database ('{ap.dsn.database}') than its url ('{us.dsn.database}'" in elsewhere
    )
    assert "s3cret" not in nowhere + elsewhere


def test_the_same_name_on_another_server_is_another_database(tmp_path: Path, servers: Servers) -> None:
    """Both are the first database that was made there, so that their numbers are the same, too."""
    pair = [Postgres(tmp_path / name, servers=servers.postgres.binaries, durable=False) for name in ("one", "two")]
    try:
        for server in pair:
            server.start()
        here, there = (Dsn(server.create_database("shop")) for server in pair)
        assert value(here.secret, OID) == value(there.secret, OID)
        assert "leads to another database" in (unfit(Environment("shop.us", here, direct=there)) or "")
    finally:
        for server in pair:
            server.stop()


def test_a_direct_url_that_swallows_connections_is_given_up_soon_and_beside_the_others(
    chain: Chain, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.adapters.target.fitness.ANSWER_S", 0.3)
    with socket.create_server(("127.0.0.1", 0)) as deaf:
        hole = Dsn(f"postgresql://clerk@127.0.0.1:{deaf.getsockname()[1]}/shop")
        targets = tuple(replace(one, direct=hole) for one in chain.whole.targets)

        async def asked() -> float:
            began = asyncio.get_running_loop().time()
            with pytest.raises(BackendUnusable, match=r"^3 targets of shop .* it did not answer in time"):
                await FitnessCheck(PostgresFitness()).refuse_unfit(replace(chain.whole, targets=targets), JobKind.RUN)
            return asyncio.get_running_loop().time() - began

        assert asyncio.run(asked()) < 0.9
