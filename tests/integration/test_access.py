"""Tokens on real servers: from the first one to the ledger of the target and the audit trail."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from werkzeug.test import TestResponse

from app.domain.access import Auth
from app.domain.job import JobId
from tests.support.eventually import eventually
from tests.support.house import House, open_house
from tests.support.servers import Servers, fetch, value

ADMIN = "the-admins-token-of-this-test-long-enough"
ONE = "-- migrate:up\nCREATE TABLE users (id int);\n-- migrate:down\nDROP TABLE users;\n"


@pytest.fixture
def house(servers: Servers, folder: Path) -> Iterator[House]:
    (folder / "1_users.sql").write_text(ONE)
    with open_house(servers, folder, auth=Auth.TOKEN, admin_token=ADMIN) as house:
        yield house


def ask(house: House, token: str | None, method: str, path: str, status: int, **given: Any) -> TestResponse:
    headers = {} if token is None else {"Authorization": f"Bearer {token}"}
    answer = house.http(method, path, headers={**headers, **given.pop("headers", {})}, **given)
    assert answer.status_code == status, answer.get_data(as_text=True)
    return answer


def make(house: House, name: str, **asked: Any) -> dict[str, Any]:
    made: dict[str, Any] = ask(house, ADMIN, "POST", "/tokens", 201, json={"name": name, **asked}).get_json()
    return made


def test_who_ran_a_migration_stands_in_the_job_the_trail_and_the_ledger(house: House) -> None:
    deploy = make(house, "deploy", role="operator")
    headers = {"X-Request-Id": "r-1"}
    job = ask(house, deploy["token"], "POST", "/migrations/run", 202, headers=headers).get_json()
    house.perform(JobId(UUID(job["id"])))
    seen = ask(house, deploy["token"], "GET", f"/jobs/{job['id']}", 200).get_json()
    (row,) = ask(house, deploy["token"], "GET", "/audit?principal=deploy", 200).get_json()
    assert (seen["state"], seen["principal"]["id"], seen["principal"]["name"]) == ("succeeded", deploy["id"], "deploy")
    assert (row["action"], row["requestId"], row["subject"], row["outcome"]) == (
        "migrations.run", "r-1", job["id"], "accepted",
    )  # fmt: skip
    assert row["principal"] == {"id": deploy["id"], "kind": "token", "address": "127.0.0.1", "name": "deploy"}
    assert row["detail"]["environment"] == "development"
    assert value(house.dsn, "SELECT DISTINCT actor FROM liftlock.migration_events WHERE name = 'users'") == "deploy"


def test_no_table_holds_a_token_in_any_form_but_its_hash(house: House) -> None:
    deploy = make(house, "deploy", role="operator")
    headers = {"Idempotency-Key": "k"}
    other = ask(house, ADMIN, "POST", "/tokens", 201, json={"name": "o", "role": "viewer"}, headers=headers).get_json()
    ask(house, deploy["token"], "POST", "/migrations/run", 202, headers=headers)
    names = [row["name"] for row in fetch(house.dsn, _TABLES)]
    held = "".join(str(value(house.dsn, f"SELECT string_agg(t::text, ' ') FROM {name} t")) for name in names)
    assert "deploy" in held
    for secret in (ADMIN, *(one["token"].rpartition("_")[2] for one in (deploy, other))):
        assert secret not in held


_TABLES = "SELECT format('%I.%I', schemaname, tablename) AS name FROM pg_tables WHERE schemaname = 'liftlock_control'"


def test_a_revoked_token_is_refused_by_another_process_within_the_bound(house: House, servers: Servers) -> None:
    deploy = make(house, "deploy", role="viewer")
    with open_house(servers, house.folder, house.dsn, auth=Auth.TOKEN, admin_token=ADMIN) as elsewhere:
        ask(elsewhere, deploy["token"], "GET", "/jobs", 200)
        ask(house, ADMIN, "DELETE", f"/tokens/{deploy['id']}", 204)
        ask(house, deploy["token"], "GET", "/jobs", 401)
        elsewhere.services.authenticator.forget(UUID(deploy["id"]))
        refused = ask(elsewhere, deploy["token"], "GET", "/jobs", 401).get_json()
    assert "was revoked" in refused["detail"]


def test_the_last_use_is_kept_beside_the_requests(house: House) -> None:
    deploy = make(house, "deploy", role="viewer")
    ask(house, deploy["token"], "GET", "/jobs", 200)
    before = value(house.dsn, "SELECT last_used_at FROM liftlock_control.tokens")
    house.run_async(house.services.authenticator.write_uses())
    (listed,) = ask(house, ADMIN, "GET", "/tokens", 200).get_json()
    assert (before, listed["lastUsedFrom"]) == (None, "127.0.0.1")
    assert listed["lastUsedAt"] > listed["createdAt"]


def test_refused_changes_are_on_the_trail_of_the_database(house: House) -> None:
    viewer = make(house, "wall", role="viewer")
    ask(house, viewer["token"], "DELETE", "/migrations/reset", 403)
    ask(house, None, "POST", "/migrations/run", 401)

    def both() -> list[dict[str, Any]] | None:
        rows = ask(house, ADMIN, "GET", "/audit", 200).get_json()
        refused = [row for row in rows if row["outcome"] == "refused"]
        return refused if len(refused) == 2 else None

    # they are written beside the answers
    rows = {row["action"]: row for row in eventually(both)}
    assert rows["migrations.run"]["refused"] == "unauthenticated"
    assert rows["migrations.reset"]["refused"] == "forbidden"
    assert rows["migrations.reset"]["principal"]["name"] == "wall"
    assert rows["migrations.reset"]["detail"] == {"path": "/migrations/reset", "needs": "reset:development"}
