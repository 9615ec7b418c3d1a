"""Whoever reads the output may stop, as `head` does: a command ends then, and says nothing about it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from app.cli.exits import Exit
from app.cli.main import main
from app.cli.session import Given
from tests.cli.typed import Terminal


@pytest.mark.parametrize(
    "typed",
    [
        ("jobs",),
        ("status",),
        ("plan", "development", "--sql"),
        ("env", "--json"),
        ("jobs", "show", "unknown", "--json"),
        ("jobs", "show", "unknown"),
        ("jobs", "--help"),
        ("--version",),
        ("completion", "bash"),
        ("nonsense",),
    ],
)
def test_a_command_whose_reader_has_gone_ends_as_others_do(
    terminal: Terminal, monkeypatch: pytest.MonkeyPatch, typed: tuple[str, ...]
) -> None:
    for stream in ("stdout", "stderr"):
        reading, writing = os.pipe()
        os.close(reading)
        monkeypatch.setattr(sys, stream, os.fdopen(writing, "w", encoding="utf-8"))

    with pytest.raises(SystemExit) as ended:
        main.main(list(typed), "liftlock", obj=Given(terminal.http, terminal.place))

    assert ended.value.code == Exit.UNREAD
    # what is left of it goes nowhere, so that nothing is said of it at exit
    print("more", flush=True)
    print("more", file=sys.stderr, flush=True)


def test_nothing_is_said_of_it(tmp_path: Path) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    said = subprocess.run(
        [sys.executable, "-m", "app.cli.main", "config", "show"],
        stdout=writing,
        stderr=subprocess.PIPE,
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).resolve().parents[2])},
        check=False,
    )
    os.close(writing)
    assert (said.returncode, said.stderr) == (Exit.UNREAD, b"")


@pytest.mark.parametrize("stream", ["stdout", "stderr"])
def test_a_command_that_has_no_output_at_all_ends_as_others_do(
    terminal: Terminal, monkeypatch: pytest.MonkeyPatch, stream: str
) -> None:
    monkeypatch.setattr(sys, stream, None)  # as Python does it after `>&-`

    with pytest.raises(SystemExit) as ended:
        main.main(["jobs"], "liftlock", obj=Given(terminal.http, terminal.place))

    assert ended.value.code == Exit.DONE
