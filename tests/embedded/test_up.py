"""`liftlock up` as it is typed: what it takes from the environment, and what it refuses before anything starts."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from app.cli.local import standing as module
from app.cli.local.up import without_passwords
from app.cli.main import main
from app.embedded.options import StackInfo, StackOptions

DSN = "postgresql://me:hidden@db/shop"
UNSET = dict.fromkeys(("DATABASE_URL", "REDIS_URL", "LIFTLOCK_MIGRATIONS", "LIFTLOCK_PORT")) | {"LIFTLOCK_CONFIG": "-"}


def up(*words: str, **environ: str) -> Result:
    return CliRunner().invoke(main, ["up", *words], env=UNSET | environ)


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[StackOptions]:
    found: list[StackOptions] = []

    def run_stack(options: StackOptions, *, on_ready: Callable[[StackInfo], None] | None = None) -> int:
        found.append(options)
        print("Liftlock is ready")
        if on_ready is not None:
            on_ready(
                StackInfo(
                    "http://here", Path("d"), Path("d/logs"), {"api": 7}, "c:secret", "r:secret", {"dev": "t:secret"}
                )
            )
        return 0

    monkeypatch.setattr(module, "run_stack", run_stack)
    return found


def test_json_is_one_document_on_stdout_without_a_password(started: list[StackOptions]) -> None:
    ready = up("--json")
    assert (ready.exit_code, ready.stderr, len(started)) == (0, "Liftlock is ready\n", 1)
    assert json.loads(ready.stdout) == {
        "apiUrl": "http://here", "dataDir": "d", "logs": "d/logs", "stackFile": "d/stack.json",
        "environments": ["dev"], "pids": {"api": 7},
    }  # fmt: skip


@pytest.mark.parametrize("given", [["--database-url", DSN], [f"--database-url={DSN}"]])
def test_an_address_with_a_password_goes_from_the_command_line_into_a_variable(given: list[str]) -> None:
    words = ["python", "liftlock", "up", *given, "--redis-url", "redis://here/1", "--workers=2"]
    left = ["python", "liftlock", "up", "--redis-url", "redis://here/1", "--workers=2"]
    assert without_passwords(words) == (left, {"DATABASE_URL": DSN})
    assert without_passwords(left) == (left, {})


@pytest.mark.parametrize("flag", ["--database-url", "--redis-url"])
@pytest.mark.parametrize("empty", ["", " "])
def test_an_empty_address_is_a_slip(started: list[StackOptions], flag: str, empty: str) -> None:
    refused = up(flag, empty)
    assert (refused.exit_code, started) == (2, [])
    assert f"'{flag}'" in refused.output and "empty" in refused.output


@pytest.mark.parametrize("empty", ["", " "])
def test_an_empty_variable_is_not_set(started: list[StackOptions], empty: str) -> None:
    assert up(DATABASE_URL=empty, REDIS_URL=empty).exit_code == 0
    assert (started[0].database_url, started[0].redis_url) == (None, None)


def test_the_environment_names_what_flags_do_not(started: list[StackOptions], tmp_path: Path) -> None:
    given = {"DATABASE_URL": "postgresql://db/shop", "LIFTLOCK_MIGRATIONS": str(tmp_path)}
    assert up(**given).exit_code == 0
    assert up("--migrations", "/", "--database-url", "postgresql://other/shop", **given).exit_code == 0
    assert [(one.database_url, one.migrations) for one in started] == [
        ("postgresql://db/shop", tmp_path), ("postgresql://other/shop", Path("/")),
    ]  # fmt: skip


def test_a_folder_of_the_environment_that_is_not_there_is_refused(started: list[StackOptions]) -> None:
    refused = up(LIFTLOCK_MIGRATIONS="/not/there")
    assert (refused.exit_code, started) == (2, [])
    assert "LIFTLOCK_MIGRATIONS" in refused.output and "--migrations" not in refused.output
    assert "'--migrations'" in up("--migrations", "/not/there").output


def test_the_port_may_come_from_the_environment(started: list[StackOptions]) -> None:
    assert up(LIFTLOCK_PORT="3917").exit_code == 0
    assert up("--port", "3918", LIFTLOCK_PORT="3917").exit_code == 0
    assert [one.port for one in started] == [3917, 3918]
    refused = up(LIFTLOCK_PORT="high")
    assert refused.exit_code == 2 and "LIFTLOCK_PORT" in refused.output


@pytest.mark.parametrize("taken", ["", "lock", "logs"])
def test_a_data_folder_that_cannot_be_used_is_one_sentence(tmp_path: Path, taken: str) -> None:
    if not taken:
        (tmp_path / "file").touch()
        folder = tmp_path / "file" / "data"
    else:
        folder = tmp_path / "data"
        folder.mkdir()
        # a folder where a file belongs, and the other way round: root is refused these too
        (folder / taken).mkdir() if taken == "lock" else (folder / taken).touch()
    refused = up("--data-dir", str(folder), "--port", "39471",
                 DATABASE_URL="postgresql://db/shop", REDIS_URL="redis://redis/0")  # fmt: skip
    assert refused.exit_code == 1
    assert f"The data folder {folder} cannot be used" in refused.output
    assert "--data-dir DIR" in refused.output and "Traceback" not in refused.output
