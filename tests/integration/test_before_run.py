"""A command that has to succeed before a run: real ones, on a real database."""

import asyncio
import sys
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from app.adapters.commands import SystemCommands, target_variables
from app.domain.environment import Dsn, Environment
from app.domain.job import JobState, Origin
from app.domain.windows import Window, Windows
from app.ports import CommandEnd
from tests.support.eventually import eventually
from tests.support.house import open_house, working
from tests.support.servers import Servers, fetch

TARGET = Dsn("postgresql://ann:s3%20cret@db.example:6432/shop%20two?sslmode=require")
ONE = "-- migrate:up\nCREATE TABLE users (id int);\n-- migrate:down\nDROP TABLE users;\n"


def python(code: str) -> tuple[str, ...]:
    return (sys.executable, "-c", code)


def run(command: tuple[str, ...], timeout_s: float = 20, is_halted: Callable[[], bool] = lambda: False) -> CommandEnd:
    return asyncio.run(SystemCommands({"FROM": "outside"}).run(command, TARGET, timeout_s, is_halted))


def test_a_command_has_its_target_in_variables_and_its_password_nowhere_else() -> None:
    assert target_variables(TARGET) == {
        "PGHOST": "db.example", "PGPORT": "6432", "PGUSER": "ann", "PGPASSWORD": "s3 cret", "PGDATABASE": "shop two",
        "PGSSLMODE": "require",
    }  # fmt: skip
    end = run(python("import os; print(os.environ['PGUSER'], os.environ['FROM'], os.environ['PGPASSWORD'])"))
    assert (end.exit_code, end.output, end.problem) == (0, "ann outside •••", None)


def test_a_command_sees_nothing_of_liftlocks_own_secrets() -> None:
    environ = {"PATH": "/bin", "DATABASE_URL": "control", "REDIS_URL": "queue", "LIFTLOCK_ADMIN_TOKEN": "secret"}
    command = python("import os; print(sorted(set(os.environ) - {'LC_CTYPE'}))")
    end = asyncio.run(SystemCommands(environ).run(command, Dsn("postgresql://db/shop"), 20, lambda: False))
    assert end.output == "['PATH', 'PGDATABASE', 'PGHOST', 'PGPORT']"


def test_several_hosts_and_a_socket_are_passed_on_as_libpq_has_them() -> None:
    two = target_variables(Dsn("postgresql://a:1,b/shop"))
    assert two == {"PGHOST": "a,b", "PGPORT": "1,5432", "PGDATABASE": "shop"}
    assert target_variables(Dsn("postgresql:///shop?host=/run/pg")) == {"PGHOST": "/run/pg", "PGDATABASE": "shop"}


def test_of_what_a_command_says_the_end_is_kept() -> None:
    end = run(python("import sys; print('x' * 100_000); print('the last word', file=sys.stderr); sys.exit(3)"))
    assert end.exit_code == 3
    assert end.output.endswith("the last word") and len(end.output) <= 4_000


def test_a_password_is_hidden_also_as_addresses_write_it_and_where_the_end_begins() -> None:
    url = run(python("print('postgresql://ann:s3%20cret@db.example/shop')"))
    assert url.output == "postgresql://ann:•••@db.example/shop"
    for more in range(3_995, 4_003):
        end = run(python(f"import os; print(os.environ['PGPASSWORD'] + 'x' * {more})"))
        assert set(end.output) <= {"x", "•", "�"} and len(end.output) <= 4_000


def test_the_passwords_of_other_targets_that_it_inherits_are_hidden_too() -> None:
    environ = {"STAGING_URL": "postgresql://bob:g%40rden@db/staging", "ODD": "http://[", "PLAIN": "g"}
    command = python("import os; print(os.environ['STAGING_URL'], 'g@rden', os.environ['ODD'], os.environ['PLAIN'])")
    end = asyncio.run(SystemCommands(environ).run(command, TARGET, 20, lambda: False))
    assert end.output == "postgresql://bob:•••@db/staging ••• http://[ g"


@pytest.mark.parametrize("command", [("/no/such/program",), ("/etc/passwd",), ("",)])
def test_a_command_that_cannot_be_started_says_why(command: tuple[str, ...]) -> None:
    end = run(command)
    assert end.exit_code is None and "cannot be started" in (end.problem or "")


def test_a_command_that_takes_too_long_is_ended_with_all_it_has_started(tmp_path: Path) -> None:
    mark = tmp_path / "pid"
    code = (
        "import pathlib, subprocess, sys, time\n"
        "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'])\n"
        f"pathlib.Path({str(mark)!r}).write_text(str(child.pid))\n"
        "time.sleep(600)"
    )
    end = run(python(code), is_halted=lambda: mark.exists() and mark.read_text() != "")
    assert end.problem == "it was ended: somebody asked for that"
    child = Path(f"/proc/{mark.read_text()}/stat")
    eventually(lambda: not child.exists() or child.read_text().rpartition(")")[2].split()[0] == "Z")
    assert run(python("import time; time.sleep(600)"), 0.2).problem == "it took longer than 0 s"


def prepared(house_of: Environment, command: tuple[str, ...]) -> dict[str, Environment]:
    return {"development": replace(house_of, before_run=command)}


@pytest.fixture
def development(servers: Servers) -> Environment:
    return Environment("development", Dsn(servers.new_database()))


def tables(environment: Environment) -> list[str]:
    rows = fetch(environment.dsn.secret, "SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
    return [row["tablename"] for row in rows]


def test_what_it_says_is_on_the_job_and_the_run_goes_on(
    servers: Servers, folder: Path, development: Environment
) -> None:
    (folder / "1_users.sql").write_text(ONE)
    environments = prepared(development, python("print('saved 12 tables')"))
    with open_house(servers, folder, environments=environments) as house:
        job = house.do()
        assert (job.state, tables(development)) == (JobState.SUCCEEDED, ["users"])
        assert any(notice.startswith("before the run: ") and "saved 12 tables" in notice for notice in job.notices)
        assert house.do().reason == "nothing_to_do"


def test_its_failure_refuses_the_run(servers: Servers, folder: Path, development: Environment) -> None:
    (folder / "1_users.sql").write_text(ONE)
    environments = prepared(development, python("print('the disk is full'); raise SystemExit(9)"))
    with open_house(servers, folder, environments=environments) as house:
        job = house.do()
        assert (job.state, job.reason) == (JobState.FAILED, "before_run_failed")
        assert job.error is not None and job.error.detail == "the disk is full"
        assert "it ended with exit code 9" in job.error.message
        assert job.error.left_behind == "nothing: the run was refused before its first step"
        assert tables(development) == []


def test_a_job_is_cancelled_while_it_runs(servers: Servers, folder: Path, development: Environment) -> None:
    (folder / "1_users.sql").write_text(ONE)
    environments = prepared(development, python("import time; time.sleep(600)"))
    with open_house(servers, folder, environments=environments) as house:
        job_id = house.submit().job.id
        with working(house, job_id):
            eventually(lambda: "before the first step" in house.job(job_id).message)
            house.run_async(house.services.migrations.cancel(job_id, Origin()))
        assert (house.job(job_id).state, tables(development)) == (JobState.CANCELLED, [])


def test_a_window_that_has_closed_meanwhile_refuses_the_run(
    servers: Servers, folder: Path, development: Environment
) -> None:
    (folder / "1_users.sql").write_text(ONE)
    now = datetime.now(UTC).replace(second=0, microsecond=0)
    lasting = datetime.now(UTC) - now + timedelta(seconds=5)
    window = Window(f"{now.minute} {now.hour} * * *", lasting)
    late = python(f"import time; time.sleep({(now + lasting).timestamp()} + 0.1 - time.time())")
    environments = prepared(replace(development, windows=Windows(allow=(window,))), late)
    with open_house(servers, folder, environments=environments) as house:
        job = house.do()
        assert (job.state, job.reason, tables(development)) == (JobState.FAILED, "outside_window", [])


def test_its_arguments_are_shown_to_nobody(servers: Servers, folder: Path, development: Environment) -> None:
    (folder / "1_users.sql").write_text(ONE)
    environments = prepared(development, (*python("print('saved')"), "postgresql://ann:s3cret@db/shop"))
    with open_house(servers, folder, environments=environments) as house:
        job = house.do()
        assert job.state is JobState.SUCCEEDED
        assert "s3cret" not in house.http("GET", f"/jobs/{job.id}").get_data(as_text=True)
