"""Commands that need no server: new, lint, graph and doctor."""

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from app.adapters.sources.python import read_python
from app.cli.exits import Exit
from app.cli.local.new import next_version
from app.domain.census import Process, ProcessKind
from app.domain.environment import Environment
from app.domain.migration import Migration
from tests.api.stand import DSN, Stand, standing
from tests.cli.typed import Terminal, Worked

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


def write(folder: Path, name: str, text: str) -> None:
    folder.mkdir(exist_ok=True)
    (folder / name).write_text(text)


@pytest.fixture
def here(tmp_path: Path) -> Terminal:
    files = tmp_path / "migrations"
    write(
        files, "0001_users.sql", "-- migrate:up\nCREATE TABLE users (id bigint);\n-- migrate:down\nDROP TABLE users;\n"
    )
    write(files, "0002_names.sql", "-- dependencies: users\n-- migrate:up\nCREATE INDEX i ON users (id);\n")
    return Terminal(tmp_path)


@pytest.mark.parametrize(
    ("versions", "following"),
    [
        ([], "0001"),
        (["0001", "0011"], "0012"),
        (["9", "10"], "11"),
        (["1.9"], "1.10"),
        (["20250101000000"], "20260102030405"),
        (["20270101000000"], "20270101000001"),
        (["V"], "20260102030405"),
    ],
)
def test_the_next_version_follows_the_newest(versions: list[str], following: str) -> None:
    assert next_version(versions, NOW) == following


def test_a_new_migration_is_begun_with_what_it_needs(here: Terminal) -> None:
    said = here.type("new", "add notes", "--depends-on", "users", "--quiet")
    file = Path(said.stdout.strip())
    assert (said.exit_code, file.name) == (Exit.DONE, "0003_add_notes.sql")
    assert "-- dependencies: users\n\n-- migrate:up" in file.read_text()


def test_a_new_one_in_python_can_be_read(here: Terminal) -> None:
    document = here.document("new", "2nd fill", "--python", "--depends-on", "users")
    text = Path(document["file"]).read_bytes()
    read = read_python("0003.py", text, text.decode())
    assert isinstance(read, Migration) and (read.name, read.version) == ("2nd_fill", "0003")
    assert read.dependencies == ("users",)


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (("users",), "the name is taken by 0001_users.sql"),
        (("run",), "a word of the HTTP API"),
        (("x", "--depends-on", "lost"), "there is no migration 'lost'"),
        (("a/b",), "may not hold"),
    ],
)
def test_what_cannot_be_is_not_begun(here: Terminal, words: tuple[str, ...], why: str) -> None:
    said = here.type("new", *words)
    assert said.exit_code == Exit.USAGE and why in said.stderr
    assert len(list((here.folder / "migrations").iterdir())) == 2


def test_lint_tells_hazards_with_their_place_and_what_to_do(here: Terminal) -> None:
    said = here.type("lint")
    assert said.exit_code == Exit.REFUSED
    assert "! 0002_names.sql:3: BLOCKS_WRITES" in said.stdout
    assert "-- liftlock: allow BLOCKS_WRITES reason" in said.stdout


def test_lint_of_one_file_and_of_a_mild_protection_is_content(here: Terminal) -> None:
    assert here.type("lint", str(here.folder / "migrations" / "0001_users.sql")).exit_code == Exit.DONE
    assert here.type("lint", "--protection", "open").exit_code == Exit.DONE


def test_lint_tells_files_that_cannot_be_used(here: Terminal) -> None:
    write(here.folder / "migrations", "0003_lost.sql", "-- dependencies: nobody\n-- migrate:up\nSELECT 1;\n")
    document = json.loads(here.type("lint", "--json").stdout)
    assert [one["code"] for one in document["problems"]] == ["missing_dependency"]
    assert here.type("lint").exit_code == Exit.USAGE


@pytest.mark.parametrize("file", ["migrations/0003_gone.sql", "elsewhere/0001_users.sql"])
def test_a_file_that_lint_does_not_look_at_is_never_content(here: Terminal, file: str) -> None:
    write(here.folder / "elsewhere", "0001_users.sql", "-- migrate:up\nSELECT 1;\n")
    said = here.type("lint", "migrations/0001_users.sql", file)
    assert (said.exit_code, said.stdout) == (Exit.USAGE, "")
    assert file in said.stderr


def test_graph_draws_the_files_alone(here: Terminal) -> None:
    assert here.type("graph").stdout == "╭─● 0001  users\n╰─● 0002  names\n"
    assert here.type("graph", "--ascii").stdout.isascii()
    output = here.folder / "graph.svg"
    assert here.type("graph", "--format", "svg", "--output", str(output)).exit_code == Exit.DONE
    assert output.read_text().startswith("<svg ")


def test_without_a_folder_the_origin_of_its_name_is_said(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text('[tool.liftlock]\nmigrations = "db"\n')
    said = Terminal(tmp_path).type("lint")
    assert said.exit_code == Exit.USAGE
    assert "there is no folder" in said.stderr and "pyproject.toml [tool.liftlock], migrations" in said.stderr


def test_doctor_goes_through_everything_and_finds_nothing_wrong(here: Terminal, stand: Stand) -> None:
    here.http = Worked(stand)
    stand.run(stand.muster.seen(Process("host:7", ProcessKind.WORKER, "1")))
    said = here.type("doctor")
    assert "✓ service: Liftlock" in said.stdout and "✓ environment production" in said.stdout
    assert "✓ migrations: 2 in" in said.stdout and "· DATABASE_URL" in said.stdout
    assert said.exit_code == Exit.DONE, said.stdout


def test_doctor_says_what_is_wrong_and_the_fix(tmp_path: Path) -> None:
    nobody = "postgresql://me:hush@127.0.0.1:1/shop"
    terminal = Terminal(
        tmp_path,
        environ={
            "LIFTLOCK_URL": "http://127.0.0.1:1",
            "LIFTLOCK_MIGRATIONS": "gone",
            "DATABASE_URL": nobody,
            "REDIS_URL": "redis://127.0.0.1:1/0",
        },
    )
    found = {one["about"]: one for one in terminal.document("doctor")}
    assert {name for name, one in found.items() if one["ok"] is False} == {
        "service",
        "migrations",
        "DATABASE_URL",
        "REDIS_URL",
    }
    assert all(found[name]["fix"] for name in ("service", "migrations", "DATABASE_URL", "REDIS_URL"))
    assert "nothing listens there" in found["DATABASE_URL"]["says"]
    said = terminal.type("doctor")
    assert said.exit_code == Exit.UNREACHABLE and "hush" not in said.output


def test_doctor_finds_addresses_and_files_that_a_service_would_not_start_with(tmp_path: Path) -> None:
    wrong = {"DATABASE_URL": "postgresql://me:hush@[::1", "REDIS_URL": "redis://h:abc", "LIFTLOCK_CONFIG": "gone.toml"}
    terminal = Terminal(tmp_path, environ={"LIFTLOCK_URL": "http://127.0.0.1:1", **wrong})
    found = [one for one in terminal.document("doctor") if one["ok"] is False]
    assert {"DATABASE_URL", "REDIS_URL", "configuration"} <= {one["about"] for one in found}
    assert any("gone.toml, and there is no such file" in one["says"] for one in found)
    assert "hush" not in str(found)


def test_doctor_knows_that_nobody_would_work(here: Terminal) -> None:
    with standing(applied=(), changed_settings={"read_only": True}) as stand:
        here.http = Worked(stand)
        idle = {one["about"]: one for one in here.document("doctor")}
    assert idle["workers"]["ok"] is False and "celery --app worker.celery" in idle["workers"]["fix"]
    assert idle["read-only"]["says"] == "this service makes no changes (LIFTLOCK_READ_ONLY)"


def test_doctor_finds_that_nothing_begins_by_itself(here: Terminal, stand: Stand) -> None:
    here.http = Worked(stand)
    stand.clock.advance(3_600)
    (late,) = [one for one in here.document("doctor") if one["about"] == "schedules"]
    assert late["ok"] is False and "beat does not run" in late["says"] and "worker.beat" in late["fix"]


def test_doctor_finds_whom_nobody_can_tell(here: Terminal) -> None:
    named = {
        name: Environment(name, DSN, notify=told)
        for name, told in (("development", None), ("staging", ()), ("production", ("on-call", "chat")))
    }
    with standing(changed_settings={"environments": named}) as stand:
        here.http = Worked(stand)
        assert stand.post("/webhooks", json={"name": "chat", "url": "https://example.com/x"}).status_code == 201
        found = [one for one in here.document("doctor") if "`notify`" in one["says"]]
    assert [(one["about"], one["says"], one["fix"]) for one in found] == [
        (
            "environment production",
            "its `notify` names on-call, and no webhook is called that",
            "liftlock webhook add on-call URL, or correct `notify`",
        )
    ]


def test_doctor_reads_the_environments_that_a_service_started_here_would_have(tmp_path: Path) -> None:
    write(
        tmp_path,
        "liftlock.toml",
        '[environments.development]\nurl = "env:NOT_SET_HERE"\n\n'
        '[environments.staging]\nurl = "file:/run/secrets/not-here"\nprotecton = "locked"\nrequires = ["qa"]\n',
    )
    found = Terminal(tmp_path, environ={"LIFTLOCK_URL": "http://127.0.0.1:1"}).document("doctor")
    said = [one["says"] for one in found if one["about"] == "liftlock.toml"]
    assert len(said) == 2
    assert any("liftlock.toml:6" in one and "protecton" in one for one in said)
    assert any("liftlock.toml:7" in one and "qa" in one for one in said)


def test_doctor_knows_an_address_that_is_none_for_postgresql(tmp_path: Path) -> None:
    terminal = Terminal(
        tmp_path, environ={"LIFTLOCK_URL": "http://127.0.0.1:1", "DATABASE_URL": "mysql://me:hush@db/x"}
    )
    (found,) = (one for one in terminal.document("doctor") if one["about"] == "DATABASE_URL")
    assert found["fix"] == "postgresql://user@host:5432/database" and "hush" not in str(found)


def test_doctor_finds_a_token_file_that_others_can_read(tmp_path: Path) -> None:
    home = tmp_path / "home"
    write(home, "tokens.json", "{}")
    (home / "tokens.json").chmod(0o644)
    found = {
        one["about"]: one
        for one in Terminal(tmp_path, environ={"LIFTLOCK_URL": "http://127.0.0.1:1"}).document("doctor")
    }
    assert found["token file"]["fix"].startswith("chmod 600 ")


def test_doctor_knows_an_old_server_a_standby_and_a_lack_of_rights() -> None:
    from app.cli.local.servers import _judged, _version
    from app.domain.environment import Dsn

    about = {
        "database": "shop", "role": "me", "now": datetime(2020, 1, 1, tzinfo=UTC), "standby": True,
        "read_only": False, "may_create": False, "installed": False, "may_use": True,
    }  # fmt: skip
    found = {one.about: one for one in (*_judged(Dsn("postgresql://me@db/shop"), about), *_version(12))}
    assert {name for name, one in found.items() if one.ok is False} == {"primary", "rights", "clock", "DATABASE_URL"}
    assert found["rights"].fix == 'GRANT CREATE ON DATABASE "shop" TO "me"'
    given = {**about, "standby": False, "read_only": True, "installed": True, "may_use": False}
    locked = {one.about: one for one in _judged(Dsn("postgresql://me@db/shop"), given)}
    assert locked["primary"].fix == 'ALTER ROLE "me" SET default_transaction_read_only = off'
    assert "deploy/roles.sql" in (locked["rights"].fix or "")


def test_the_demo_works_on_a_copy_of_the_samples_and_keeps_what_was_written_there(tmp_path: Path) -> None:
    from app.cli.local.demo import own_samples
    from app.cli.local.up import PACKAGED_SAMPLES

    own = own_samples(tmp_path)
    names = {one.name for one in PACKAGED_SAMPLES.iterdir() if one.is_file()}
    (own / "0012_revert.sql").write_text("written by it")
    (own / min(names)).write_text("as it was run here")
    assert own_samples(tmp_path) == own == tmp_path / "migrations"
    assert {one.name for one in own.iterdir()} == names | {"0012_revert.sql"}
    assert (own / min(names)).read_text() == "as it was run here"
