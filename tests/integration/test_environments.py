"""Environments on a real PostgreSQL: their standings, the matrix, comparisons; bounded in time, and never writing."""

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from werkzeug.test import TestResponse

from app import create_app
from app.domain.environment import Dsn, Environment, Protection
from app.domain.job import JobId, JobKind, JobState
from app.domain.settling import MarkAs
from tests.api.contract import Contract
from tests.support.house import House, open_house
from tests.support.servers import Servers, execute, fetch, held, value

pytestmark = pytest.mark.servers

A = "-- migrate:up\nCREATE TABLE a (id int PRIMARY KEY);\n-- migrate:down\nDROP TABLE a;\n"
B = "-- migrate:up\nCREATE TABLE b (id int);\n-- migrate:down\nDROP TABLE b;\n"
OVERVIEW = "/environments?status=true"
READ_BY_US = (
    "/environments",
    OVERVIEW,
    "/environments/production?status=true",
    "/environments/production/status",
    "/environments/compare?from=staging&to=production",
    "/matrix",
)


@contextmanager
def opened(servers: Servers, folder: Path, **more: Environment) -> Iterator[House]:
    """Staging and production with databases of their own, beside the control database."""
    environments = {
        "staging": Environment("staging", Dsn(servers.new_database())),
        "production": Environment("production", Dsn(servers.new_database()), Protection.CONFIRM),
        **more,
    }
    (folder / "1_a.sql").write_text(A)
    (folder / "2_b.sql").write_text(B)
    with open_house(servers, folder, environments=environments) as house:
        yield house


@pytest.fixture
def house(servers: Servers, folder: Path) -> Iterator[House]:
    with opened(servers, folder) as house:
        yield house


@contextmanager
def deaf_address() -> Iterator[str]:
    """A server that takes connections and never says a word."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen(64)
        yield f"postgresql://ada:hush-hush@127.0.0.1:{listening.getsockname()[1]}/shop"


def refused_address() -> str:
    """Where nothing listens."""
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        return f"postgresql://ada:hush-hush@127.0.0.1:{closed.getsockname()[1]}/shop"


def target(house: House, name: str) -> str:
    return house.services.environments.named(name).dsn.secret


def run(house: House, environment: str, **asked: Any) -> None:
    assert house.do(environment=environment, **asked).state is JobState.SUCCEEDED


def ask(house: House, path: str, **given: Any) -> TestResponse:
    """Every answer is held against `/openapi.json`."""
    app = create_app(house.services.settings, house.services)
    client = app.test_client()
    contract = Contract(app, client.get("/openapi.json", base_url="http://localhost:3000").get_json())
    answer = client.get(path, base_url="http://localhost:3000", **given)
    contract.hold("GET", path, answer)
    return answer


def axes(house: House) -> dict[str, tuple[str, str, Any]]:
    """Sync, drift and the reason of the last job, by environment."""
    found = {one["name"]: one["status"] for one in ask(house, OVERVIEW).get_json()}
    return {
        name: (one["sync"]["state"], one["drift"]["state"], (one["lastJob"] or {}).get("reason"))
        for name, one in found.items()
    }


def test_the_axes_follow_what_happens(house: House) -> None:
    assert axes(house) == {"staging": ("behind", "not_checked", None), "production": ("behind", "not_checked", None)}
    run(house, "staging")
    run(house, "production", to="1")
    assert axes(house) == {"staging": ("in_sync", "clean", "applied"), "production": ("behind", "clean", "applied")}
    house.write("3_fails.sql", "-- migrate:up\nSELECT 1/0;\n")
    assert house.do(environment="staging").state is JobState.FAILED
    assert axes(house)["staging"] == ("behind", "clean", "sql_error")
    (house.folder / "3_fails.sql").unlink()
    (house.folder / "2_b.sql").unlink()
    assert (axes(house)["staging"][0], axes(house)["production"][0]) == ("ahead", "in_sync")
    house.write("1_a.sql", A.replace("int", "bigint"))
    assert {name: found[0] for name, found in axes(house).items()} == {"staging": "diverged", "production": "diverged"}


def test_drift_shows_since_when_and_how_many_objects(house: House) -> None:
    run(house, "staging")
    execute(target(house, "staging"), "CREATE INDEX by_hand ON a (id)")
    scan = house.http("POST", "/environments/staging/drift/scan").get_json()["id"]
    assert house.perform(JobId(UUID(scan))).state is JobState.SUCCEEDED

    drift = ask(house, "/environments/staging/status").get_json()["drift"]

    assert (drift["state"], drift["objects"]) == ("drifted", 1)
    assert drift["firstSeenAt"] and drift["checkedAt"]


def test_what_the_target_has_on_record_is_shown_beside_the_configuration(house: House) -> None:
    before = ask(house, "/environments/production?status=true").get_json()
    run(house, "production")
    after = ask(house, "/environments/production?status=true").get_json()
    assert (before["recordedProtection"], before["recordedEnvironment"]) == (None, None)
    assert (after["recordedProtection"], after["recordedEnvironment"]) == ("confirm", "production")
    assert "hush" not in str(after) and ":***" not in after["address"]


def test_the_matrix_shows_each_migration_in_each_environment(house: House) -> None:
    run(house, "staging")
    run(house, "production", to="1")
    matrix = ask(house, "/matrix").get_json()
    states = {row["name"]: [cell["state"] for cell in row["cells"]] for row in matrix["migrations"]}
    assert states == {"a": ["applied", "applied"], "b": ["applied", "pending"]}
    assert [(row["version"], row["reversible"]) for row in matrix["migrations"]] == [("1", True), ("2", True)]


def test_an_answer_stays_the_same_until_something_happens(house: House) -> None:
    run(house, "staging")
    for path in READ_BY_US:
        tag = ask(house, path).headers["ETag"]
        assert ask(house, path, headers={"If-None-Match": tag}).status_code == 304, path
    tags = {path: ask(house, path).headers["ETag"] for path in READ_BY_US[1:]}
    run(house, "production")
    for path, tag in tags.items():
        assert ask(house, path, headers={"If-None-Match": tag}).status_code == 200, path


def compared(house: House, query: str = "from=staging&to=production") -> Any:
    return ask(house, f"/environments/compare?{query}").get_json()


def test_two_environments_are_compared_by_ledger_and_schema(house: House) -> None:
    run(house, "staging")
    run(house, "production", to="1")

    behind = compared(house)

    assert (behind["verdict"], behind["schema"]["state"]) == ("behind", "different")
    assert [one["name"] for one in behind["ledger"]["onlyInFrom"]] == ["b"]
    (table,) = behind["schema"]["differences"]
    assert (table["kind"], table["object"], table["change"]) == ("table", "public.b", "missing")
    ahead = compared(house, "from=production&to=staging")
    assert (ahead["verdict"], [one["name"] for one in ahead["actions"]]) == ("ahead", ["plan_sync", "sync", "rollback"])
    run(house, "production")
    assert (compared(house)["verdict"], compared(house)["schema"]["state"]) == ("in_sync", "same")


def test_the_rollback_that_a_comparison_offers_brings_them_together(house: House) -> None:
    run(house, "staging")
    run(house, "production", to="1")
    rollback = compared(house, "from=production&to=staging")["actions"][-1]
    accepted = house.http(rollback["method"], rollback["href"])
    assert house.perform(JobId(UUID(accepted.get_json()["id"]))).state is JobState.SUCCEEDED
    assert compared(house)["verdict"] == "in_sync"


def test_the_sync_that_a_comparison_offers_brings_them_together(house: House) -> None:
    run(house, "staging")
    run(house, "production", to="1")
    planned, sync = compared(house)["actions"]
    plan = house.http(planned["method"], planned["href"], json=planned["body"]).get_json()
    assert [step["name"] for step in plan["steps"]] == ["b"]
    accepted = house.http(sync["method"], sync["href"], json=sync["body"])
    assert house.perform(JobId(UUID(accepted.get_json()["id"]))).state is JobState.SUCCEEDED
    assert compared(house)["verdict"] == "in_sync"


def test_owners_and_grants_count_only_when_asked_strictly(house: House) -> None:
    for name in ("staging", "production"):
        run(house, name)
    execute(target(house, "production"), "GRANT SELECT ON a TO PUBLIC")
    assert compared(house)["verdict"] == "in_sync"
    strict = compared(house, "from=staging&to=production&strict=true")
    assert (strict["verdict"], strict["schema"]["differencesTotal"]) == ("diverged", 1)


def test_equal_ledgers_over_other_schemas_have_diverged(house: House) -> None:
    run(house, "staging")
    run(house, "production", kind=JobKind.MARK, names=("a", "b"), mark_as=MarkAs.APPLIED)
    found = compared(house)
    assert (found["ledger"]["verdict"], found["schema"]["differencesTotal"], found["verdict"]) == (
        "in_sync",
        2,
        "diverged",
    )


def test_a_schema_that_somebody_holds_locked_is_said_to_be_unread(house: House) -> None:
    for name in ("staging", "production"):
        run(house, name)
    execute(target(house, "production"), "CREATE VIEW v AS SELECT id FROM a")
    with held(target(house, "production"), "LOCK TABLE a IN ACCESS EXCLUSIVE MODE", "somebody"):
        found = compared(house)
    assert (found["verdict"], found["ledger"]["verdict"], found["schema"]["state"]) == ("unknown", "in_sync", "unknown")
    assert "somebody holds a lock on a part of it" in found["schema"]["reason"]


def test_targets_that_are_away_are_unknown_in_time_and_slow_nobody(servers: Servers, folder: Path) -> None:
    with deaf_address() as deaf:
        away = {f"deaf{number}": Environment(f"deaf{number}", Dsn(deaf)) for number in range(12)}
        away["refused"] = Environment("refused", Dsn(refused_address()))
        with opened(servers, folder, **away) as house:
            run(house, "staging")
            # the calls of the first second would also pay for reading the code
            ask(house, "/environments")
            began = time.monotonic()
            found = {one["name"]: one["status"]["sync"] for one in ask(house, OVERVIEW).get_json()}
            took_s = time.monotonic() - began
            matrix = ask(house, "/matrix").get_json()
            again_s = time.monotonic() - began - took_s

    # one after the other they would take six, at half a second each
    assert took_s < 5 and again_s < 5
    assert (found["staging"]["state"], found["production"]["state"]) == ("in_sync", "behind")
    assert {found[name]["state"] for name in away} == {"unknown"}
    assert all("did not answer in time" in found[f"deaf{number}"]["message"] for number in range(12))
    assert "nothing listens there" in found["refused"]["message"]
    assert "hush-hush" not in str(found) and found["refused"]["evidence"] is None
    (first, _) = matrix["migrations"]
    assert [cell["state"] for cell in first["cells"]] == ["applied", "pending", *["unknown"] * 13]


def test_names_that_nobody_resolves_slow_nobody(
    servers: Servers, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Looking names up blocks a thread each, and reading the files takes one too."""
    lookup, over = socket.getaddrinfo, threading.Event()

    def slow(host: Any, *given: Any, **named: Any) -> Any:
        if str(host).endswith(".invalid"):
            over.wait(10)
            raise socket.gaierror(socket.EAI_AGAIN, "temporary failure in name resolution")
        return lookup(host, *given, **named)

    monkeypatch.setattr(socket, "getaddrinfo", slow)
    away = {
        f"lost{number}": Environment(f"lost{number}", Dsn(f"postgresql://ada@db{number}.invalid/shop"))
        for number in range(12)
    }
    try:
        with opened(servers, folder, **away) as house:
            ask(house, "/environments")
            began = time.monotonic()
            first, again = axes(house), axes(house)
            took_s = time.monotonic() - began
            over.set()
    finally:
        over.set()

    assert took_s < 4 and first == again
    assert {found[0] for name, found in first.items() if name in away} == {"unknown"}
    assert (first["staging"][0], first["production"][0]) == ("behind", "behind")


def test_one_that_is_away_is_said_so_in_bounded_time_and_compared_with_nobody(servers: Servers, folder: Path) -> None:
    with deaf_address() as deaf, opened(servers, folder, deaf=Environment("deaf", Dsn(deaf))) as house:
        run(house, "staging")
        began = time.monotonic()
        sync = ask(house, "/environments/deaf/status").get_json()["sync"]
        comparison = compared(house, "from=staging&to=deaf")
        took_s = time.monotonic() - began

    assert took_s < 6
    assert (sync["state"], comparison["verdict"], comparison["actions"]) == ("unknown", "unknown", [])
    assert comparison["ledger"]["reason"] == comparison["schema"]["reason"] == sync["message"]


def test_a_target_that_comes_back_is_seen_again(servers: Servers, folder: Path) -> None:
    database = servers.new_database()
    execute(database, "CREATE ROLE late LOGIN PASSWORD 'late' CONNECTION LIMIT 0")
    parts = database.split("@")[1]
    late = Environment("late", Dsn(f"postgresql://late:late@{parts}"))
    with opened(servers, folder, late=late) as house:
        assert axes(house)["late"][0] == "unknown"
        execute(database, "ALTER ROLE late CONNECTION LIMIT 5")
        assert axes(house)["late"][0] == "behind"


def test_nothing_is_written_to_a_target_by_looking_at_it(house: House, servers: Servers) -> None:
    """Neither to one that nobody has migrated yet, nor to one that has a ledger."""
    run(house, "staging")
    before = {name: _touched(target(house, name)) for name in ("staging", "production")}
    answers = {path: ask(house, path).get_json() for path in READ_BY_US}
    for name in ("staging", "production"):
        _make_read_only(target(house, name))

    # with connections of their own: those of before may write still
    environments = dict(house.services.settings.environments)
    with open_house(servers, house.folder, house.dsn, environments=environments) as new:
        assert {path: ask(new, path).get_json() for path in READ_BY_US} == answers

    assert {name: _touched(target(house, name)) for name in ("staging", "production")} == before
    assert value(target(house, "production"), "SELECT count(*) FROM pg_namespace WHERE nspname LIKE 'liftlock%'") == 0


def _make_read_only(dsn: str) -> None:
    execute(dsn, f'ALTER DATABASE "{Dsn(dsn).database}" SET default_transaction_read_only = on')


def _touched(dsn: str) -> list[tuple[object, ...]]:
    """Every relation with the transaction that made it, and the rows of the ledger with theirs."""
    found = [tuple(row) for row in fetch(dsn, "SELECT oid, relname, xmin::text FROM pg_class ORDER BY oid")]
    if value(dsn, "SELECT to_regclass('liftlock.migrations') IS NOT NULL"):
        for table in ("migrations", "migration_events", "fence", "settings", "plans", "schema_state"):
            found += [tuple(row) for row in fetch(dsn, f"SELECT xmin::text, ctid::text FROM liftlock.{table}")]
    return found
