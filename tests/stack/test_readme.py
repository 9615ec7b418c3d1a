"""Every command of the README, run as it is written, from top to bottom, against the stack it starts.

Only the port differs (the tests' own is free), and `make demo` and `liftlock up`, which stay up, are started as
the stack itself. `make` targets that would run this test again are checked with `make --just-print`; there is no
Docker engine where tests run, so `docker compose up` is left to the test that parses the file.
"""

import re
import shlex
import subprocess
from pathlib import Path
from typing import Any

import pytest

from app.adapters.sources.python import read_python
from app.adapters.sources.sql import read_sql
from app.domain.migration import Migration
from app.registry.environments import read_environments
from app.settings import load_settings
from tests.support.eventually import eventually
from tests.support.stack import LIFTLOCK, RunningStack, running_stack

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")

pytestmark = pytest.mark.stack


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)


def commands() -> list[str]:
    return [line for block in blocks("sh") for line in block.splitlines() if line.strip()]


def test_every_curl_of_the_readme_answers_as_promised(tmp_path: Path) -> None:
    with running_stack(tmp_path / "data", command="demo") as stack:
        eventually(lambda: "Ctrl-C stops everything; the data stays" in stack.output, within_s=60)
        curls = [command for command in commands() if command.startswith("curl")]

        assert len(curls) >= 13
        for command in curls:
            assert _status_of(command, stack) in ("200", "201", "202"), command
            _wait_until_idle(stack)
        _check_typed_commands(stack)
        _check_the_example_of_the_client(stack)


def _check_typed_commands(stack: RunningStack) -> None:
    """Each ends as its page says for a demo: done, with a difference, or with consent that is still lacking."""
    typed = [command for command in commands() if command.startswith(".venv/bin/liftlock") and " up " not in command]
    assert len(typed) >= 7
    for command in typed:
        done = _typed(shlex.split(command)[1:], stack)
        assert done.returncode in (0, 3, 7) and done.stdout and not done.stderr.startswith("✕"), (command, done)
    assert _typed(["status", "--url", "http://127.0.0.1:1", "--json"], stack).returncode == 9


def _typed(words: list[str], stack: RunningStack) -> "subprocess.CompletedProcess[str]":
    environ = {"PATH": "/usr/bin:/bin", "LIFTLOCK_URL": stack.url, "PYTHONPATH": str(ROOT), "LANG": "C.UTF-8"}
    return subprocess.run([LIFTLOCK, *words], capture_output=True, text=True, timeout=90, env=environ, check=False)


def _check_the_example_of_the_client(stack: RunningStack) -> None:
    page = (ROOT / "docs" / "client.md").read_text(encoding="utf-8")
    (example,) = re.findall(r"^```python\n(# test_migrations.py\n.*?)^```$", page, re.MULTILINE | re.DOTALL)
    found: dict[str, Any] = {}
    exec(example.replace("http://127.0.0.1:3000", stack.url), found)
    tests = [test for name, test in found.items() if name.startswith("test_")]
    assert len(tests) == 5
    for test in tests:
        test()


def _status_of(command: str, stack: RunningStack) -> str:
    words = shlex.split(command.replace("localhost:3000", f"localhost:{stack.port}"))
    options = ["--silent", "--show-error", "--output", "/dev/null", "--write-out", "%{http_code}"]
    answer = subprocess.run([*words, *options], capture_output=True, text=True, timeout=90, check=True)
    return answer.stdout


def _wait_until_idle(stack: RunningStack) -> None:
    # the demo has a session that keeps a step of staging waiting for a while
    eventually(lambda: all(job["finishedAt"] for job in stack.http.get("/jobs").json()), within_s=60)


def test_the_command_for_ones_own_migrations_starts(tmp_path: Path) -> None:
    (command,) = [command for command in commands() if "liftlock up" in command]
    words = shlex.split(command)[2:]
    changed = [word for word in words if word not in ("--port", "3000", "--data-dir", ".liftlock")]

    with running_stack(tmp_path / "data", *changed) as stack:
        assert len(stack.statuses()) >= 8


def test_every_make_target_of_the_readme_exists() -> None:
    targets = [command.split()[1] for command in commands() if command.startswith("make")]

    assert {"demo", "test", "test-fast", "lint", "bench"} <= set(targets)
    for target in targets:
        subprocess.run(["make", "--just-print", target], cwd=ROOT, check=True, capture_output=True, timeout=30)


def test_no_command_of_the_readme_is_left_unlooked_at() -> None:
    known = ("curl ", "make ", ".venv/bin/liftlock ", "docker compose up")

    assert [command for command in commands() if not command.startswith(known)] == []


def test_the_migrations_of_the_readme_are_migrations() -> None:
    (sql,), (python,) = blocks("sql"), blocks("python")

    assert isinstance(read_sql("0003_create_orders.sql", sql.encode(), sql), Migration)
    assert isinstance(read_python("0007.py", python.encode(), python), Migration)


def test_the_liftlock_toml_of_the_readme_is_understood() -> None:
    import tomllib

    (text,) = blocks("toml")
    variables = {name: "postgresql://host/" + name for name in re.findall(r"env:([A-Z_]+)", text)}

    environments, problems = read_environments(tomllib.loads(text), variables, "liftlock.toml")

    assert problems == []
    assert list(environments) == ["development", "staging", "production"]


def test_every_variable_of_the_readme_is_one_that_is_read() -> None:
    told = set(re.findall(r"`((?:LIFTLOCK_|AUTO_RUN_|DATABASE_URL|REDIS_URL)[A-Z_]*)`", README))

    class Noting(dict[str, str]):
        read: set[str]

        def get(self, key: str, default: str | None = None) -> str | None:  # type: ignore[override]
            self.read.add(key)
            return super().get(key, default)

    environ = Noting(DATABASE_URL="postgresql://host/db", REDIS_URL="redis://host/0", LIFTLOCK_CONFIG="-")
    environ.read = set()
    load_settings(environ)

    assert told <= environ.read
