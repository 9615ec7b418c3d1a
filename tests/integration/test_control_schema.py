"""Liftlock's own tables, by its own engine: each migration goes up, down and up again, and leaves what was there."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from shutil import copyfile
from uuid import UUID

import pytest

from app import wiring
from app.domain.environment import Dsn, Environment
from app.domain.job import JobId, JobKind, JobState
from app.wiring import CONTROL_MIGRATIONS
from tests.support.house import House, open_house
from tests.support.servers import Servers, execute, value

pytestmark = pytest.mark.servers

EVERY = len(list(CONTROL_MIGRATIONS.glob("*.sql")))
TABLES = "SELECT count(*) FROM pg_tables WHERE schemaname = 'liftlock_control'"


@pytest.fixture
def house(servers: Servers) -> Iterator[House]:
    copy = Environment("copy", Dsn(servers.new_database()))
    with open_house(servers, CONTROL_MIGRATIONS, environments={"copy": copy}) as it:
        yield it


def test_every_control_migration_can_be_taken_back(house: House) -> None:
    asked = house.http("POST", "/migrations/verify?environment=copy").get_json()
    ended = house.perform(JobId(UUID(asked["id"])))
    assert ended.message == f"{EVERY} of {EVERY} migrations proven in copy"


def test_all_of_them_go_up_down_to_the_first_and_up_again(house: House) -> None:
    dsn = house.services.environments.named("copy").dsn.secret
    tables = []
    for kind in (JobKind.RUN, JobKind.RESET, JobKind.RUN):
        ended = house.do(kind, environment="copy")
        assert ended.state is JobState.SUCCEEDED, ended.message
        tables.append(value(dsn, TABLES))
    assert tables[0] == tables[2] != 0 == tables[1]


def test_a_service_is_ready_when_it_has_all_the_tables_of_its_release(
    servers: Servers, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    older = tmp_path / "older"
    older.mkdir()
    for file in sorted(CONTROL_MIGRATIONS.glob("*.sql"))[: EVERY // 2]:
        copyfile(file, older / file.name)
    dsn = servers.new_database()
    with monkeypatch.context() as patched:
        patched.setattr(wiring, "CONTROL_MIGRATIONS", older)
        with open_house(servers, tmp_path, dsn) as before:
            assert ready(before) == (200, "answers")
            settings = before.services.settings

    house = House(wiring.build(settings), tmp_path)
    try:
        status, said = ready(house)
        assert status == 503 and "not yet those of this release" in said
        house.run_async(house.services.installer.install())
        assert ready(house) == (200, "answers")
    finally:
        house.close()


def test_a_control_database_that_was_restored_from_before_the_release_is_found(house: House) -> None:
    assert ready(house) == (200, "answers")
    with away(house):
        assert ready(house)[0] == 503
        execute(
            house.dsn, "DELETE FROM liftlock.migrations WHERE scope = 'liftlock_control' AND name = 'control-removed'"
        )
    status, said = ready(house)
    assert status == 503 and "after a restore: restart it" in said


def test_a_control_database_that_takes_no_change_is_not_said_to_be_all_right(house: House) -> None:
    assert ready(house) == (200, "answers")
    name = Dsn(house.dsn).database
    execute(house.dsn, f'ALTER DATABASE "{name}" SET default_transaction_read_only = on')
    fresh = House(wiring.build(house.services.settings), house.folder)
    try:
        status, said = ready(fresh)
        assert status == 200 and "every change refused" in said
        assert fresh.http("GET", "/health/ready").get_json()["status"] == "degraded"
        assert fresh.http("POST", "/migrations/run?environment=copy").status_code == 503
    finally:
        fresh.close()


@contextmanager
def away(house: House) -> Iterator[None]:
    """As while it is dropped and restored."""
    keys = "ALTER TABLE liftlock_control.{} RENAME TO {}"
    execute(house.dsn, keys.format("idempotency_keys", "gone"))
    yield
    execute(house.dsn, keys.format("gone", "idempotency_keys"))


def ready(house: House) -> tuple[int, str]:
    """The status of the answer, and what it says of PostgreSQL."""
    answer = house.http("GET", "/health/ready")
    (detail,) = (one["detail"] for one in answer.get_json()["checks"] if one["name"] == "postgresql")
    return answer.status_code, detail
