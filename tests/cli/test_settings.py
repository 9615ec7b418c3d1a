"""What the command line is told, and which of several words counts."""

import stat
from pathlib import Path

import pytest

from app.cli.dotenv import read_dotenv
from app.cli.settings import Place, SettingsBroken, load, store_token, stored_tokens, wants_colour
from app.registry.environments import read_environments
from tests.cli.typed import Terminal

SOURCES = ("flag", "variable", "dotenv", "pyproject", "liftlock", "user", "default")


def place(folder: Path, *sources: str) -> tuple[Place, dict[str, str | None]]:
    """Each of these sources says its own name."""
    home = folder / "home"
    home.mkdir()
    if "dotenv" in sources:
        (folder / ".env").write_text("LIFTLOCK_URL=http://dotenv\n")
    if "pyproject" in sources:
        (folder / "pyproject.toml").write_text('[tool.liftlock]\nurl = "http://pyproject"\n')
    if "liftlock" in sources:
        (folder / "liftlock.toml").write_text('[cli]\nurl = "http://liftlock"\n[environments.a]\nurl = "x"\n')
    if "user" in sources:
        (home / "config.toml").write_text('url = "http://user"\n')
    environ = {"LIFTLOCK_URL": "http://variable"} if "variable" in sources else {}
    return Place(environ, folder, home), {"url": "http://flag" if "flag" in sources else None}


@pytest.mark.parametrize("highest", range(len(SOURCES)))
def test_the_highest_that_says_it_counts_and_its_origin_is_known(tmp_path: Path, highest: int) -> None:
    where, flags = place(tmp_path, *SOURCES[highest:])
    found = load(where, flags).found["url"]
    name = SOURCES[highest]
    assert found.value == ("http://127.0.0.1:3000" if name == "default" else f"http://{name}")
    said = {"dotenv": ".env", "pyproject": "pyproject.toml [tool.liftlock]", "liftlock": "liftlock.toml [cli]"}
    assert said.get(name, "config.toml" if name == "user" else name) in found.origin


@pytest.mark.parametrize("name", ["token", "database_url"])
def test_a_secret_in_a_file_that_is_shared_is_refused(tmp_path: Path, name: str) -> None:
    where, flags = place(tmp_path)
    (tmp_path / "pyproject.toml").write_text(f'[tool.liftlock]\n{name} = "hush"\n')
    with pytest.raises(SettingsBroken, match="is a secret") as raised:
        load(where, flags)
    assert "hush" not in str(raised.value)


def test_a_key_that_is_not_known_is_said(tmp_path: Path) -> None:
    where, flags = place(tmp_path)
    (tmp_path / "liftlock.toml").write_text('[cli]\nurll = "x"\n')
    with pytest.raises(SettingsBroken, match="unknown key 'urll'; it takes url, environment"):
        load(where, flags)


def test_the_service_leaves_the_command_lines_table_alone() -> None:
    table = {"cli": {"url": "x"}, "environments": {"development": {"url": "postgresql://db/shop"}}}
    assert read_environments(table, {}, "liftlock.toml")[1] == []


def test_a_token_is_kept_for_its_service_where_only_its_owner_can_read_it(tmp_path: Path) -> None:
    where, _ = place(tmp_path)
    file = store_token(where, "http://a", "ll_a")
    store_token(where, "http://b", "ll_b")
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert load(where, {"url": "http://a"})["token"] == "ll_a"
    assert load(where, {"url": "http://c"})["token"] is None
    store_token(where, "http://a", None)
    assert stored_tokens(where) == {"http://b": "ll_b"}


def test_dotenv_is_read_as_shells_write_it(tmp_path: Path) -> None:
    file = tmp_path / ".env"
    file.write_text(
        '# a comment\nA=1\nexport B = two words # and why\nC=\'as $it #is\'\nD="a\\nb \\"c\\""\nE=\nnot one\nF=x#y\n'
    )
    assert read_dotenv(file) == {
        "A": "1", "B": "two words", "C": "as $it #is", "D": 'a\nb "c"', "E": "", "F": "x#y",
    }  # fmt: skip
    assert read_dotenv(tmp_path / "none") == {}


def test_a_line_of_another_program_in_another_encoding_hides_nothing(tmp_path: Path) -> None:
    file = tmp_path / ".env"
    file.write_bytes(b"NOTE=caf\xe9\nLIFTLOCK_URL=http://here\n")
    assert read_dotenv(file)["LIFTLOCK_URL"] == "http://here"


def test_config_show_tells_values_and_origins_but_no_secret(tmp_path: Path) -> None:
    terminal = Terminal(tmp_path, environ={"LIFTLOCK_TOKEN": "ll_hush", "LIFTLOCK_ENVIRONMENT": "staging"})
    said = terminal.type("config", "show", "--origin")
    assert said.exit_code == 0 and "ll_hush" not in said.stdout
    assert "variable LIFTLOCK_ENVIRONMENT" in said.stdout and "variable LIFTLOCK_TOKEN" in said.stdout
    assert terminal.document("config", "show")["token"] == {"value": "(set)", "origin": "variable LIFTLOCK_TOKEN"}


@pytest.mark.parametrize(
    "environ",
    [
        {"LIFTLOCK_TOKEN": "ll_hush\n"},
        {"LIFTLOCK_TOKEN": "ll_hush\u00fc"},
        {"LIFTLOCK_URL": "http://me:ll_hush@localhost:3000"},
    ],
)
def test_what_no_request_can_be_sent_with_is_refused_and_not_shown(tmp_path: Path, environ: dict[str, str]) -> None:
    for words in (("status",), ("status", "--json"), ("doctor",), ("config", "show", "--origin")):
        said = Terminal(tmp_path, environ=environ).type(*words)
        assert "hush" not in said.stdout + said.stderr
        assert said.exit_code == 2 or words[0] != "status"


def test_a_broken_file_is_three_lines(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text("[tool.liftlock\n")
    said = Terminal(tmp_path).type("status")
    assert (said.exit_code, len(said.stderr.splitlines())) == (2, 3)
    assert "pyproject.toml cannot be read" in said.stderr


@pytest.mark.parametrize(
    ("environ", "wanted"), [({}, True), ({"NO_COLOR": "1"}, False), ({"NO_COLOR": ""}, True), ({"TERM": "dumb"}, False)]
)
def test_colours_are_left_out_where_nobody_wants_them(
    environ: dict[str, str], wanted: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("NO_COLOR", "TERM"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    assert wants_colour() is wanted


def test_certificates_that_cannot_be_read_are_three_lines(tmp_path: Path) -> None:
    terminal = Terminal(
        tmp_path, environ={"LIFTLOCK_URL": "https://liftlock.test", "LIFTLOCK_CA_FILE": "/not/there.pem"}
    )
    said = terminal.type("status")
    assert (said.exit_code, len(said.stderr.splitlines())) == (2, 3)
    assert "/not/there.pem" in said.stderr and "variable LIFTLOCK_CA_FILE" in said.stderr
