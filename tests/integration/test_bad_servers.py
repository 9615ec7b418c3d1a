"""Servers that refuse us or are not there: each a clear word with a remedy, no password, nothing lost."""

from contextlib import AbstractContextManager
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from redis import Redis

from app.adapters import health
from app.adapters.target import targets
from app.cli.local.servers import look_at_redis
from app.client.transport import ANSWER_TIMEOUT_S
from app.domain.environment import Dsn, Environment
from app.domain.errors import BackendUnavailable, BackendUnusable
from app.domain.job import JobId, JobKind, JobRequest, JobState, Origin
from app.settings import Settings
from app.wiring import build
from tests.support.eventually import eventually
from tests.support.house import QUICK, House, open_house
from tests.support.servers import Servers, execute, held, value

pytestmark = pytest.mark.servers

ONE = "-- migrate:up\nCREATE TABLE one (id int);\n"


def changed(dsn: str, *, password: str | None = None, database: str | None = None, user: str | None = None) -> str:
    parts = urlsplit(dsn)
    name = user or parts.username
    return (
        f"postgresql://{name}:{password or parts.password}@{parts.hostname}:{parts.port}/{database or parts.path[1:]}"
    )


def with_target(servers: Servers, folder: Path, target: str) -> AbstractContextManager[House]:
    environments = {"development": Environment("development", Dsn(target))}
    (folder / "1_one.sql").write_text(ONE)
    return open_house(servers, folder, environments=environments)


def submitted(house: House) -> tuple[JobId, tuple[str, ...]]:
    answer = house.submit()
    return answer.job.id, answer.warnings


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"password": "wr0ng-s3cret"}, "refused the user 'postgres' or its password"),
        ({"database": "nowhere"}, "there is no database 'nowhere' on that server"),
    ],
)
def test_a_target_that_refuses_us_fails_the_job_with_the_remedy(
    servers: Servers, folder: Path, wrong: dict[str, str], said: str
) -> None:
    target = changed(servers.new_database(), **wrong)
    with with_target(servers, folder, target) as house:
        job_id, warnings = submitted(house)

        job = house.perform(job_id)

    assert any(said in warning for warning in warnings)
    assert (job.state, job.reason) == (JobState.FAILED, "target_unusable")
    assert job.error is not None and said in job.error.message and job.error.next_steps
    assert "s3cret" not in str(job) and "s3cret" not in str(warnings)


def test_a_role_that_may_not_create_is_told_what_to_grant(servers: Servers, folder: Path) -> None:
    dsn = servers.new_database()
    execute(dsn, "DROP ROLE IF EXISTS little")
    execute(dsn, "CREATE ROLE little LOGIN PASSWORD 'little'")
    with with_target(servers, folder, changed(dsn, user="little", password="little")) as house:
        job = house.do()

    assert (job.state, job.reason) == (JobState.FAILED, "target_unusable")
    assert job.error is not None and "GRANT CREATE ON DATABASE" in job.error.message
    assert value(dsn, "SELECT to_regnamespace('liftlock')") is None
    execute(dsn, "DROP ROLE little")


def test_a_role_that_may_not_use_the_ledger_of_another_is_told_so_and_not_to_make_one(
    servers: Servers, folder: Path
) -> None:
    dsn = servers.new_database()
    execute(dsn, "DROP ROLE IF EXISTS small")
    execute(dsn, "CREATE ROLE small LOGIN PASSWORD 'small'; GRANT CREATE ON SCHEMA public TO small")
    with with_target(servers, folder, dsn) as house:
        assert house.do().state is JobState.SUCCEEDED
    (folder / "2_two.sql").write_text(ONE.replace("one", "two"))
    with with_target(servers, folder, changed(dsn, user="small", password="small")) as house:
        job = house.do()
        assert (job.state, job.reason) == (JobState.FAILED, "target_unusable")
        remedy = job.message.partition("as its owner run: ")[2]
        assert "DATABASE" not in remedy
        execute(dsn, remedy)
        assert house.do().state is JobState.SUCCEEDED
    execute(dsn, "DROP OWNED BY small; DROP ROLE small")


def test_a_read_only_target_is_waited_for_and_names_what_it_may_be(servers: Servers, folder: Path) -> None:
    dsn = servers.new_database()
    execute(dsn, f'ALTER DATABASE "{Dsn(dsn).database}" SET default_transaction_read_only = on')
    with with_target(servers, folder, dsn) as house:
        job = house.do()
        assert (job.state, job.reason) == (JobState.QUEUED, "target_unreachable")
        assert "it is read-only (a standby, or default_transaction_read_only is on); give the address" in job.message
        execute(dsn, f'SET transaction_read_only = off; ALTER DATABASE "{Dsn(dsn).database}" RESET ALL')
        assert eventually(lambda: house.perform(job.id)).state is JobState.SUCCEEDED


def test_a_server_that_is_too_old_is_refused_with_the_oldest_that_is_taken(
    servers: Servers, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    dsn = servers.new_database()
    with with_target(servers, folder, dsn) as house:
        monkeypatch.setattr("app.adapters.postgres.OLDEST_MAJOR", 99)
        job_id, warnings = submitted(house)
        job = house.perform(job_id)
    assert "and 99 is the oldest that Liftlock works with; upgrade it" in warnings[0]
    assert (job.state, job.reason) == (JobState.FAILED, "target_unusable")
    assert value(dsn, "SELECT to_regnamespace('liftlock')") is None


def test_a_target_that_is_away_is_accepted_waited_for_and_then_done(servers: Servers, folder: Path) -> None:
    dsn = servers.new_database()
    name = urlsplit(dsn).path[1:]
    with with_target(servers, folder, dsn) as house:
        execute(servers.postgres.dsn(), f'ALTER DATABASE "{name}" WITH ALLOW_CONNECTIONS false')
        job_id, warnings = submitted(house)
        waiting = house.perform(job_id)
        execute(servers.postgres.dsn(), f'ALTER DATABASE "{name}" WITH ALLOW_CONNECTIONS true')
        done = house.perform(job_id)

    assert warnings and "what is away is waited for" in warnings[0]
    assert (waiting.state, waiting.reason) == (JobState.QUEUED, "target_unreachable")
    assert done.state is JobState.SUCCEEDED


def test_a_parameter_of_the_url_that_the_server_does_not_know_is_named(servers: Servers, folder: Path) -> None:
    dsn = servers.new_database()
    with with_target(servers, folder, f"{dsn}{'&' if '?' in dsn else '?'}channel_binding=require") as house:
        job = house.do()
        listed = house.http("GET", "/migrations")

    assert (job.state, job.reason) == (JobState.FAILED, "target_unusable") and job.error is not None
    for said in (job.error.message, listed.get_json()["detail"]):
        assert 'no setting of the server (unrecognized configuration parameter "channel_binding"); take it out' in said


def test_without_a_control_database_a_request_is_told_which_server_is_missing(folder: Path) -> None:
    nowhere = Dsn("postgresql://me:s3cret@127.0.0.1:1/liftlock")
    settings = Settings(
        database=nowhere,
        redis_url="redis://127.0.0.1:1/0",
        environments={"development": Environment("development", nowhere)},
        default_environment="development",
        migrations=folder,
        timing=QUICK,
    )
    services = build(settings)
    try:
        with pytest.raises(BackendUnavailable, match="nothing listens there") as refused:
            services.portal.run(services.migrations.submit(JobRequest(JobKind.RUN, "development"), Origin()))
        checks = {check.name: check for check in services.portal.run(services.health.checks())}
    finally:
        services.close()

    assert refused.value.facts["backend"] == "postgresql"
    assert "s3cret" not in refused.value.detail + str(refused.value.next_steps) + str(refused.value.facts)
    assert not checks["postgresql"].ok and not checks["redis"].ok
    assert checks["postgresql"].needed and not checks["redis"].needed


def test_a_wrong_password_of_the_control_database_is_a_lasting_refusal(servers: Servers, folder: Path) -> None:
    dsn = changed(servers.new_database(), password="wr0ng-s3cret")
    with (
        pytest.raises(BackendUnusable, match="or its password") as refused,
        open_house(servers, folder, dsn),
    ):
        pass

    assert "s3cret" not in str(refused.value)


def test_connections_killed_in_the_pool_are_made_anew(servers: Servers, folder: Path) -> None:
    with open_house(servers, folder) as house:
        (folder / "1_one.sql").write_text(ONE)
        house.do()
        execute(
            servers.postgres.dsn(),
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE 'liftlock:%'",
        )

        assert eventually(lambda: _tried(house)) == {"one": "completed"}


def test_a_target_that_takes_long_to_answer_is_given_up_on_before_whoever_asks_gives_up(
    servers: Servers, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with open_house(servers, folder) as house:
        house.write("1_one.sql", ONE)
        house.do()
        assert targets.ANSWERED_WITHIN_S < ANSWER_TIMEOUT_S
        monkeypatch.setattr(targets, "ANSWERED_WITHIN_S", 0.2)
        for_a_while = "SET LOCAL idle_in_transaction_session_timeout = '4s'; LOCK TABLE liftlock.migrations"
        with held(house.dsn, for_a_while, "dba"):
            refused = house.http("GET", "/migrations")

        assert (refused.status_code, "did not answer in time" in refused.get_json()["detail"]) == (503, True)
        assert house.statuses() == {"one": "completed"}


def _tried(house: House) -> dict[str, str] | None:
    try:
        house.submit()
        return house.statuses()
    except BackendUnavailable:
        return None


def test_a_migration_may_take_longer_than_a_database_allows_its_applications(servers: Servers, folder: Path) -> None:
    target = servers.new_database()
    if servers.postgres.major < 17:  # there is no such limit
        return
    execute(target, f'ALTER DATABASE "{Dsn(target).database}" SET transaction_timeout = 200')
    with with_target(servers, folder, target) as house:
        house.write("1_one.sql", "-- migrate:up\nCREATE TABLE one (id int);\nSELECT pg_sleep(0.3);\n")
        house.write("2_alone.sql", "-- migrate:up\nCREATE INDEX CONCURRENTLY one_id ON one (id);\n")
        job = house.do()
    assert (job.state, job.attempt) == (JobState.SUCCEEDED, 1), job.message


def test_a_redis_that_takes_nothing_is_not_said_to_be_all_right(servers: Servers, folder: Path) -> None:
    full = Redis.from_url(servers.valkey.url)
    with with_target(servers, folder, servers.new_database()) as house:
        full.config_set("maxmemory", 1)
        try:
            answer = house.http("GET", "/health/ready").get_json()
            (found,) = look_at_redis(servers.valkey.url)
        finally:
            full.config_set("maxmemory", 0)
            full.close()
    (detail,) = (one["detail"] for one in answer["checks"] if one["name"] == "redis")
    assert answer["status"] == "degraded" and "answers, and takes nothing" in detail and "maxmemory" in detail
    assert not found.ok and "takes nothing" in found.says


def test_a_redis_that_refuses_our_password_is_said_to_be_there(servers: Servers, folder: Path) -> None:
    parts = urlsplit(servers.valkey.url)
    wrong = f"redis://:wr0ng-s3cret@{parts.hostname}:{parts.port}/0"
    with open_house(servers, folder, redis_url=wrong) as house:
        answer = house.http("GET", "/health/ready").get_json()
    (detail,) = (one["detail"] for one in answer["checks"] if one["name"] == "redis")
    assert answer["status"] == "degraded" and "refuses the user or the password" in detail and "s3cret" not in detail


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("redis://user:secret@cache:6379/0", "redis://cache:6379/0"),
        ("redis://cache/0?password=secret", "redis://cache/0"),
        ("rediss://user:1?secret@cache:6379/0", "rediss://…"),
        ("rediss://user:1/secret@cache:6379/0", "rediss://…"),
    ],
)
def test_the_place_of_a_redis_is_shown_without_what_lets_in(url: str, shown: str) -> None:
    assert health._place(url) == shown


def test_a_redis_that_is_not_there_is_named_with_its_place_and_the_way_out(servers: Servers, folder: Path) -> None:
    with open_house(servers, folder, redis_url="redis://ann:s3cret@127.0.0.1:1/3?password=s3cret") as house:
        answer = house.http("GET", "/health/ready").get_json()
    (detail,) = (one["detail"] for one in answer["checks"] if one["name"] == "redis")
    assert detail == (
        "redis://127.0.0.1:1/3 cannot be reached (ConnectionError); start Redis there, or correct REDIS_URL; "
        "jobs are accepted and wait until it is back"
    )


def test_what_a_server_lacks_is_not_put_right_in_the_file(servers: Servers, folder: Path) -> None:
    with with_target(servers, folder, servers.new_database()) as house:
        sort = "CREATE TABLE sorted AS SELECT g FROM generate_series(1, 20000) g ORDER BY md5(g::text)"
        little = "SET LOCAL work_mem = '64kB'; SET LOCAL temp_file_limit = '64kB'"
        house.write("2_sorted.sql", f"-- migrate:up\n{little};\n{sort};\n")
        job = house.do()
    assert job.error is not None and job.error.sqlstate == "53400"
    assert job.error.next_steps == ("raise that limit of the target's server, then POST /migrations/run again",)
