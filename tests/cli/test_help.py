"""Help: every command has an example, and shells get their completion."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from app.cli.main import COMMANDS, SECTIONS, main
from tests.cli.typed import Terminal

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "cli.md").read_text(encoding="utf-8")


def every(command: click.Command, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    yield path
    if isinstance(command, click.Group):
        context = click.Context(command)
        for name in command.list_commands(context):
            found = command.get_command(context, name)
            assert found is not None
            yield from every(found, (*path, name))


PATHS = [path for path in every(main) if path]


@pytest.mark.parametrize("path", PATHS, ids=" ".join)
def test_every_command_shows_an_example_and_says_what_it_does(path: tuple[str, ...], tmp_path: Path) -> None:
    said = Terminal(tmp_path).type(*path, "--help")
    usage, _, examples = said.stdout.partition("Examples:")
    assert said.exit_code == 0
    assert f"liftlock {path[0]}" in examples
    assert len([line for line in usage.splitlines() if line.strip()]) > 2


def test_the_overview_names_every_command(tmp_path: Path) -> None:
    said = Terminal(tmp_path).type("--help").stdout
    assert all(f"  {name}" in said for name in COMMANDS)
    assert all(f"{title}:" in said for title in SECTIONS)


def test_the_page_names_every_command() -> None:
    assert [" ".join(path) for path in PATHS if f"`liftlock {' '.join(path)}" not in PAGE] == []


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_each_shell_gets_its_completion(shell: str, tmp_path: Path) -> None:
    said = Terminal(tmp_path).type("completion", shell)
    assert said.exit_code == 0 and f"_LIFTLOCK_COMPLETE={shell}_complete" in said.stdout


def test_completion_knows_commands_and_options(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("_LIFTLOCK_COMPLETE", "bash_complete")
    asked = {"liftlock ro": "rollback", "liftlock jobs ca": "cancel", "liftlock run --allow": "--allow-hazards"}
    for words, found in asked.items():
        monkeypatch.setenv("COMP_WORDS", words)
        monkeypatch.setenv("COMP_CWORD", str(len(words.split()) - 1))
        assert f"plain,{found}" in Terminal(tmp_path).type().stdout


def test_completion_knows_the_environments_of_this_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("_LIFTLOCK_COMPLETE", "bash_complete")
    monkeypatch.setenv("COMP_WORDS", "liftlock run sta")
    monkeypatch.setenv("COMP_CWORD", "2")
    assert "staging" not in Terminal(tmp_path).type().stdout
    (tmp_path / "liftlock.toml").write_text("[environments.staging]\n[environments.production]\n")
    assert Terminal(tmp_path).type().stdout.split() == ["plain,staging"]


def test_help_comes_at_once_because_it_imports_nothing_that_is_slow() -> None:
    asked = "import sys\nfrom app.cli.main import main\nmain(['--help'], standalone_mode=False)\nprint(*sys.modules)"
    said = subprocess.run([sys.executable, "-c", asked], cwd=ROOT, capture_output=True, text=True, check=True)
    loaded = {name.partition(".")[0] for name in said.stdout.splitlines()[-1].split()}
    assert loaded & {"httpx", "rich", "flask", "asyncpg", "sqlalchemy", "pydantic", "celery", "redis"} == set()
    assert "click" in loaded
