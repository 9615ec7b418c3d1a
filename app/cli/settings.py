"""What the command line is told, and where: flag, LIFTLOCK_*, .env, the project's file, the user's file, default.

The service has settings of its own (`app.settings`); these say where it is and who asks. Each value knows its origin.
"""

import json
import os
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from app.cli.dotenv import read_dotenv

DEFAULT_URL = "http://127.0.0.1:3000"
PROJECT_FILE, PACKAGE_FILE = "liftlock.toml", "pyproject.toml"
PRIVATE = 0o600


@dataclass(frozen=True, slots=True)
class Known:
    """`variables`: of the process or of .env, the first that is set counts. `secret`: in no file that is shared."""

    name: str
    variables: tuple[str, ...]
    says: str
    default: str | None = None
    secret: bool = False


SETTINGS = (
    Known("url", ("LIFTLOCK_URL",), "the service", DEFAULT_URL),
    Known("environment", ("LIFTLOCK_ENVIRONMENT",), "which one is meant where none is named"),
    Known("migrations", ("LIFTLOCK_MIGRATIONS",), "the folder of new, lint and graph", "migrations"),
    Known("token", ("LIFTLOCK_TOKEN",), "who asks", secret=True),
    Known("ca_file", ("LIFTLOCK_CA_FILE", "SSL_CERT_FILE"), "certificates to trust instead of the public ones"),
    Known("database_url", ("DATABASE_URL",), "the database that doctor looks at", secret=True),
    Known("redis_url", ("REDIS_URL",), "the Redis or Valkey that doctor looks at", secret=True),
)


@dataclass(frozen=True, slots=True)
class Found:
    """`origin`: where it stands, as a person would look for it."""

    value: str | None
    origin: str


class SettingsBroken(Exception):
    """A file of settings that cannot be read, or holds what it must not."""


@dataclass(frozen=True, slots=True)
class CliSettings:
    found: Mapping[str, Found]

    def __getitem__(self, name: str) -> str | None:
        return self.found[name].value

    @property
    def url(self) -> str:
        return (self["url"] or DEFAULT_URL).rstrip("/")


@dataclass(frozen=True, slots=True)
class Place:
    """Where the command line is started: `folder` is the project's, `home` the user's own for Liftlock."""

    environ: Mapping[str, str]
    folder: Path
    home: Path

    @classmethod
    def here(cls) -> "Place":
        base = os.environ.get("XDG_CONFIG_HOME") or "~/.config"
        return cls(os.environ, Path.cwd(), Path(base).expanduser() / "liftlock")

    @property
    def config_file(self) -> Path:
        return self.home / "config.toml"

    @property
    def tokens_file(self) -> Path:
        return self.home / "tokens.json"


def wants_colour() -> bool:
    """As https://no-color.org has it; and a dumb terminal knows none."""
    return not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def load(place: Place, flags: Mapping[str, str | None]) -> CliSettings:
    """Raises SettingsBroken."""
    layers = list(_layers(place, flags))
    found = {known.name: _first(known, layers) for known in SETTINGS}
    if found["token"].value is None:
        found["token"] = _stored_token(place, found["url"].value or DEFAULT_URL)
    _refuse_password(found["url"])
    if found["database_url"].value is None and any(place.environ.get(one) for one in ("PGHOST", "PGDATABASE")):
        found["database_url"] = Found("postgresql://", "PGHOST, PGDATABASE and their like")
    return CliSettings(found)


def _refuse_password(url: Found) -> None:
    """The address is shown wherever something is said of the service. Raises SettingsBroken."""
    if "@" in (url.value or "").partition("//")[2].partition("/")[0]:
        raise SettingsBroken(
            f"url ({url.origin}) holds a user or a password, which would replace the token; leave that out"
        )


def stored_tokens(place: Place) -> dict[str, str]:
    """By the address of the service. Raises SettingsBroken."""
    try:
        read = json.loads(place.tokens_file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise SettingsBroken(f"{place.tokens_file} cannot be read: {error}") from None
    return {str(url): str(token) for url, token in read.items()} if isinstance(read, dict) else {}


def store_token(place: Place, url: str, token: str | None) -> Path:
    """For this address, or forget it; the file is the user's alone from the moment it is there."""
    tokens = stored_tokens(place)
    tokens.pop(url, None)
    if token is not None:
        tokens[url] = token
    place.home.mkdir(parents=True, exist_ok=True, mode=0o700)
    fresh = place.tokens_file.with_suffix(".new")
    fresh.unlink(missing_ok=True)
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, PRIVATE), "w", encoding="utf-8") as opened:
        json.dump(tokens, opened, indent=1)
    fresh.replace(place.tokens_file)
    return place.tokens_file


Layer = tuple[Mapping[str, str], str]
"""Values by name, and their origin; `{}` in the origin stands for what they are called there."""


def _layers(place: Place, flags: Mapping[str, str | None]) -> Iterator[Layer]:
    yield {name: value for name, value in flags.items() if value is not None}, "flag --{}"
    yield _variables(place.environ), "variable {}"
    dotenv = place.folder / ".env"
    yield _variables(read_dotenv(dotenv)), f"{dotenv}, {{}}"
    yield _table(place.folder / PACKAGE_FILE, ("tool", "liftlock")), f"{PACKAGE_FILE} [tool.liftlock], {{}}"
    yield _table(place.folder / PROJECT_FILE, ("cli",)), f"{PROJECT_FILE} [cli], {{}}"
    yield _table(place.config_file, (), shared=False), f"{place.config_file}, {{}}"


def _variables(environ: Mapping[str, str]) -> dict[str, str]:
    """Under their own names, so that `_first` can say which one it was."""
    return {name: environ[name] for known in SETTINGS for name in known.variables if environ.get(name)}


def _first(known: Known, layers: list[Layer]) -> Found:
    for values, origin in layers:
        for name in (known.name, *known.variables):
            if values.get(name):
                return Found(values[name], origin.format(name))
    return Found(known.default, "default")


def _table(file: Path, path: tuple[str, ...], *, shared: bool = True) -> dict[str, str]:
    """Raises SettingsBroken; what is not ours in the file does not matter."""
    try:
        table: object = tomllib.loads(file.read_text(encoding="utf-8-sig"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise SettingsBroken(f"{file} cannot be read: {error}") from None
    for key in path:
        table = table.get(key, {}) if isinstance(table, dict) else {}
    if not isinstance(table, dict):
        return {}
    names = [known.name for known in SETTINGS]
    for name in table:
        if name not in names:
            raise SettingsBroken(f"{file}: unknown key {name!r}; it takes {', '.join(names)}")
    for known in SETTINGS:
        if shared and known.secret and known.name in table:
            raise SettingsBroken(
                f"{file}: {known.name} is a secret and must not stand in a file that is shared; "
                f"use {known.variables[0]}, .env or `liftlock login`"
            )
    return {name: str(value) for name, value in table.items()}


def _stored_token(place: Place, url: str) -> Found:
    token = stored_tokens(place).get(url.rstrip("/"))
    return Found(token, "default" if token is None else str(place.tokens_file))
