"""The files that a deployment starts from, checked by parsing them: where tests run there is no Docker engine."""

import hashlib
import re
import shlex
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from app.domain.access import Auth
from app.embedded.options import StackOptions, liftlock_programs
from app.settings import load_settings

ROOT = Path(__file__).resolve().parents[1]
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
OURS = ("api", "worker", "beat")
DOCKERFILE = (ROOT / "Dockerfile").read_text()
# Celery's own; it has to be set before Celery is imported.
OF_CELERY = {"REMAP_SIGTERM"}


class Asked(Mapping[str, str]):
    """An environment that remembers what it was asked for."""

    def __init__(self, values: dict[str, str]) -> None:
        self._values = values
        self.names: set[str] = set()

    def __getitem__(self, name: str) -> str:
        self.names.add(name)
        return self._values[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)


def launched() -> dict[str, tuple[tuple[str, ...], dict[str, str]]]:
    """What the launcher runs, by name: words and environment, without what is particular to one machine."""
    programs = liftlock_programs(StackOptions(data_dir=Path("data"), migrations=Path("migrations"), workers=2))
    return {program.name: (_portable(program.command), dict(program.environment)) for program in programs}


def procfile() -> dict[str, tuple[tuple[str, ...], dict[str, str]]]:
    lines = [line.partition(":") for line in (ROOT / "Procfile").read_text().splitlines()]
    return {name: _without_env(shlex.split(command)) for name, _, command in lines}


def composed(name: str) -> dict[str, str]:
    """The environment of a service as it is without any variable set on the machine."""
    environment: dict[str, str] = SERVICES[name].get("environment", {})
    return {key: re.sub(r"\$\{\w+:-([^}]*)\}", r"\1", value) for key, value in environment.items()}


def _portable(command: tuple[str, ...]) -> tuple[str, ...]:
    """`python -m x` is `x` where it has a command; our own modules have none."""
    return ("python", *command[1:]) if command[2].startswith("worker.") else command[2:]


def _without_env(words: list[str]) -> tuple[tuple[str, ...], dict[str, str]]:
    if words[0] != "env":
        return tuple(words), {}
    settings = [word for word in words[1:] if re.fullmatch(r"[A-Z_]+=\S*", word)]
    return tuple(words[1 + len(settings) :]), dict(setting.split("=", 1) for setting in settings)


def test_the_procfile_runs_what_the_launcher_runs() -> None:
    assert procfile() == launched()


@pytest.mark.parametrize("name", OURS)
def test_compose_runs_what_the_launcher_runs(name: str) -> None:
    command, environment = launched()[name]
    assert tuple(SERVICES[name]["command"]) == command
    assert environment.items() <= composed(name).items()


def test_compose_has_these_services_and_no_others() -> None:
    assert set(SERVICES) == {*OURS, "postgres", "valkey"}


def test_one_image_serves_api_worker_and_beat() -> None:
    assert {(SERVICES[name]["image"], SERVICES[name]["build"]) for name in OURS} == {("liftlock:local", ".")}


def test_two_workers_run() -> None:
    assert SERVICES["worker"]["deploy"]["replicas"] == 2


def test_the_api_is_published_on_loopback_and_nothing_else_is_published() -> None:
    assert {name: service["ports"] for name, service in SERVICES.items() if "ports" in service} == {
        "api": ["127.0.0.1:3000:3000"]
    }


def test_no_service_shares_the_machines_network() -> None:
    assert all("network_mode" not in service for service in SERVICES.values())


@pytest.mark.parametrize("name", OURS)
def test_the_settings_take_the_environment_of_each_service(name: str) -> None:
    environment = {key: value for key, value in composed(name).items() if key not in OF_CELERY}
    settings = load_settings(environment)
    assert (settings.database.database, str(settings.migrations)) == ("liftlock", "/migrations")


@pytest.mark.parametrize("name", OURS)
def test_the_settings_read_every_variable_that_is_named(name: str) -> None:
    asked = Asked(composed(name))
    load_settings(asked)
    assert set(composed(name)) - OF_CELERY <= asked.names


def test_the_api_listens_inside_its_container_because_loopback_alone_is_published() -> None:
    settings = load_settings(composed("api"))
    assert (settings.host, settings.port) == ("0.0.0.0", 3000)


def test_compose_asks_for_no_token_on_the_machine_alone_and_for_one_when_it_is_told_to() -> None:
    asked = {"LIFTLOCK_AUTH": "token", "LIFTLOCK_ADMIN_TOKEN": "t" * 32}
    bare, told = load_settings(composed("api")), load_settings(composed("api") | asked)
    assert (bare.auth, bare.admin_token) == (Auth.OFF, None)
    assert (told.auth, told.admin_token) == (Auth.TOKEN, "t" * 32)


def test_what_seals_secrets_of_webhooks_reaches_whoever_makes_or_sends_them() -> None:
    for name in ("api", "worker"):
        assert SERVICES[name]["environment"]["LIFTLOCK_SECRET_KEY"] == "${LIFTLOCK_SECRET_KEY:-}"
        assert load_settings(composed(name) | {"LIFTLOCK_SECRET_KEY": "k" * 32}).secret_keys == ("k" * 32,)


def test_the_admins_token_is_given_to_the_api_alone() -> None:
    assert [name for name in OURS if "LIFTLOCK_ADMIN_TOKEN" in composed(name)] == ["api"]


def test_the_passwords_of_the_servers_are_those_of_the_addresses() -> None:
    addresses = SERVICES["api"]["environment"]
    postgres, valkey = SERVICES["postgres"], SERVICES["valkey"]
    assert f":{postgres['environment']['POSTGRES_PASSWORD']}@postgres:5432/" in addresses["DATABASE_URL"]
    assert f":{valkey['command'][-1]}@valkey:6379/" in addresses["REDIS_URL"]
    assert valkey["environment"]["REDISCLI_AUTH"] == valkey["command"][-1]


def test_the_passwords_come_from_the_machines_environment() -> None:
    assert SERVICES["postgres"]["environment"]["POSTGRES_PASSWORD"] == "${POSTGRES_PASSWORD:-liftlock}"
    assert SERVICES["valkey"]["command"][-1] == "${VALKEY_PASSWORD:-liftlock}"


def test_valkey_keeps_what_is_queued() -> None:
    words = SERVICES["valkey"]["command"]
    options = dict(zip(words[1::2], words[2::2], strict=True))
    assert words[0] == "valkey-server"
    assert options["--appendonly"] == "yes"
    assert options["--appendfsync"] == "everysec"
    assert options["--maxmemory-policy"] == "noeviction"


def test_the_servers_keep_their_data_in_volumes() -> None:
    assert SERVICES["postgres"]["volumes"] == ["postgres:/var/lib/postgresql/data"]
    assert SERVICES["valkey"]["volumes"] == ["valkey:/data"]
    assert set(COMPOSE["volumes"]) == {"postgres", "valkey"}


def test_the_servers_are_of_a_fixed_major_version() -> None:
    assert SERVICES["postgres"]["image"] == "postgres:17"
    assert SERVICES["valkey"]["image"] == "valkey/valkey:9"


@pytest.mark.parametrize("name", ["api", "postgres", "valkey"])
def test_whoever_is_waited_for_says_whether_it_is_ready(name: str) -> None:
    check = SERVICES[name]["healthcheck"]
    assert check["test"][0] in ("CMD", "CMD-SHELL")
    assert check.keys() >= {"interval", "timeout", "retries"}


@pytest.mark.parametrize("name", OURS)
def test_our_processes_wait_until_the_servers_are_ready(name: str) -> None:
    assert SERVICES[name]["depends_on"] == {
        "postgres": {"condition": "service_healthy"},
        "valkey": {"condition": "service_healthy"},
    }


@pytest.mark.parametrize("name", SERVICES)
def test_every_service_comes_back_by_itself_and_is_given_time_to_stop(name: str) -> None:
    service = SERVICES[name]
    grace = "60s" if name in OURS else "30s"
    assert (service["restart"], service["stop_grace_period"]) == ("unless-stopped", grace)
    assert service["stop_signal"] == ("SIGINT" if name == "postgres" else "SIGTERM")


@pytest.mark.parametrize("name", OURS)
def test_migrations_are_mounted_for_reading_alone(name: str) -> None:
    assert SERVICES[name]["volumes"] == ["${LIFTLOCK_MIGRATIONS:-./migrations/samples}:/migrations:ro"]


def test_the_image_runs_as_nobody_in_particular() -> None:
    users = re.findall(r"^USER (\S+)$", DOCKERFILE, re.MULTILINE)
    assert users == ["liftlock"]
    assert DOCKERFILE.index("USER liftlock") > DOCKERFILE.rindex("RUN ")


def test_the_image_installs_pinned_packages_and_then_the_project_alone() -> None:
    assert "COPY requirements/base.txt /tmp/requirements.txt" in DOCKERFILE
    installs = re.findall(r"pip install ([^&\\\n]*)", DOCKERFILE)
    assert [install.split()[1:] for install in installs] == [
        ["--require-hashes", "-r", "/tmp/requirements.txt"],
        ["--no-deps", "/tmp/wheels/*.whl"],
    ]


def test_every_file_that_the_image_copies_is_let_through_to_it() -> None:
    ignored = (ROOT / ".dockerignore").read_text().splitlines()
    copied = {
        name for names in re.findall(r"^COPY (?!--from)(.+) \S+$", DOCKERFILE, re.MULTILINE) for name in names.split()
    }
    assert "*" in ignored
    assert {line[1:] for line in ignored if line.startswith("!")} == copied
    assert all((ROOT / name).exists() for name in copied)


def test_the_image_starts_the_api_unless_told_otherwise() -> None:
    assert DOCKERFILE.rstrip().endswith(f"CMD {_as_json(launched()['api'][0])}")


def test_the_threat_model_names_tests_that_are_there() -> None:
    text = (ROOT / "docs" / "security.md").read_text()
    named = re.findall(r"`((?:tests/)?[\w/]*test_\w+\.py)`", text)
    found = [one if one.startswith("tests/") else f"tests/api/{one}" for one in named]
    assert len(found) > 15 and all((ROOT / one).is_file() for one in found)


def test_the_licence_is_apache_2_0_to_the_letter() -> None:
    digest = hashlib.sha256((ROOT / "LICENSE").read_bytes()).hexdigest()
    assert digest == "cfc7749b96f63bd31c3c42b5c471bf756814053e847c10f3eb003417bc523d30"


def test_the_hooks_before_a_commit_are_local_and_run_what_lint_runs() -> None:
    (repository,) = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())["repos"]
    assert repository["repo"] == "local"
    assert {hook["language"] for hook in repository["hooks"]} == {"system"}
    assert [hook["entry"].split()[0] for hook in repository["hooks"]] == [
        ".venv/bin/ruff", ".venv/bin/ruff", ".venv/bin/mypy", ".venv/bin/lint-imports",
    ]  # fmt: skip


def _as_json(words: tuple[str, ...]) -> str:
    return "[" + ", ".join(f'"{word}"' for word in words) + "]"
