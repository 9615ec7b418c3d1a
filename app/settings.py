"""Settings, read once from the environment and from liftlock.toml; every wrong one is named at once."""

import os
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TypeVar
from urllib.parse import urlsplit

from app.domain.access import Auth
from app.domain.environment import Dsn, Environment, SchemaCheck, is_postgres_url
from app.domain.errors import ConfigurationInvalid
from app.failpoints import Failpoint, parse
from app.registry.environments import read_environments

T = TypeVar("T")

DEFAULT_PORT = 3000
NO_CONFIG = "-"
LEAST_ADMIN_TOKEN = 32
LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})
TRUE = frozenset({"1", "true", "yes", "on"})
FALSE = frozenset({"0", "false", "no", "off", ""})


@dataclass(frozen=True, slots=True)
class Timing:
    """All in ms. The lease's and the sweeper's defaults are those of the model-checked protocol."""

    lease_ttl_ms: int = 30_000
    beat_every_ms: int = 10_000
    sweep_every_ms: int = 5_000
    look_every_ms: int = 500
    lock_timeout_ms: int = 2_000
    data_lock_timeout_ms: int = 30_000
    statement_timeout_ms: int = 3_600_000
    idle_timeout_ms: int = 600_000
    alone_lock_timeout_ms: int = 600_000
    alone_statement_timeout_ms: int = 86_400_000
    fence_timeout_ms: int = 5_000
    lock_retry_base_ms: int = 1_000
    lock_retry_cap_ms: int = 60_000
    give_back_ms: int = 5_000
    target_patience_ms: int = 3_600_000
    verify_timeout_ms: int = 1_800_000


@dataclass(frozen=True, slots=True)
class Settings:
    """What a process of Liftlock knows of its surroundings."""

    database: Dsn
    redis_url: str = field(repr=False)
    environments: Mapping[str, Environment]
    default_environment: str
    migrations: Path
    host: str = "127.0.0.1"
    port: int = DEFAULT_PORT
    allowed_hosts: frozenset[str] = frozenset()
    auto_run: bool = False
    read_only: bool = False
    metrics_host: str = "127.0.0.1"
    metrics_port: int = 0
    auth: Auth = Auth.OFF
    admin_token: str | None = field(default=None, repr=False)
    max_file_bytes: int = 16 * 1024 * 1024
    keep_bytes: int = 10 * 1024**3
    keep_days: int = 30
    lock_tries: int = 10
    log_level: str = "INFO"
    shortcut: bool = True
    api_processes: int = 2
    timing: Timing = Timing()
    failpoints: tuple[Failpoint, ...] = ()
    failpoints_folder: Path = Path("failpoints")
    environ: Mapping[str, str] = field(default_factory=dict, repr=False, compare=False)


def load_settings(environ: Mapping[str, str] | None = None) -> Settings:
    """Raises ConfigurationInvalid with every wrong variable, what it takes and what it was given."""
    reader = _Reader(os.environ if environ is None else environ)
    settings = _read(reader)
    if reader.problems or settings is None:
        listed = "\n".join(f"  {problem}" for problem in reader.problems)
        raise ConfigurationInvalid(f"Liftlock cannot start with this configuration:\n{listed}")
    return settings


def _read(reader: "_Reader") -> Settings | None:
    database = reader.parsed("DATABASE_URL", _dsn, _DSN_SHAPE)
    redis_url = reader.parsed("REDIS_URL", _redis_url, "redis://host:6379/0")
    host = reader.text("LIFTLOCK_HOST", "127.0.0.1")
    auth = _auth(reader, host)
    environments = _environments(reader, database)
    defaults = Timing()
    timing = Timing(
        **{
            name: reader.number(f"LIFTLOCK_{name.upper()}", getattr(defaults, name), 1, 86_400_000)
            for name in Timing.__slots__
        }
    )
    if timing.beat_every_ms * 2 > timing.lease_ttl_ms:
        reader.problems.append(
            f"LIFTLOCK_BEAT_EVERY_MS={timing.beat_every_ms}: takes at most half of LIFTLOCK_LEASE_TTL_MS "
            f"({timing.lease_ttl_ms}), or living jobs would be taken for dead"
        )
    points, problem = parse(reader.text("LIFTLOCK_FAILPOINTS", ""))
    if problem:
        reader.problems.append(f"LIFTLOCK_FAILPOINTS: {problem}")
    default_environment = reader.text("LIFTLOCK_ENVIRONMENT", "")
    if default_environment and environments and default_environment not in environments:
        known = ", ".join(environments) or "none"
        reader.problems.append(f"LIFTLOCK_ENVIRONMENT={default_environment}: takes one of {known}")
    values, admin_token = _plain_values(reader), _admin_token(reader)
    if database is None or redis_url is None or reader.problems:
        return None
    return replace(
        values,
        database=database,
        redis_url=redis_url,
        host=host,
        auth=auth,
        admin_token=admin_token,
        environments=environments,
        default_environment=default_environment or next(iter(environments)),
        timing=timing,
        environ=reader.environ,
        failpoints=points,
        failpoints_folder=Path(reader.text("LIFTLOCK_FAILPOINTS_DIR", "failpoints")),
    )


def _auth(reader: "_Reader", host: str) -> Auth:
    """Who is not on this machine has to say who they are."""
    published_on_loopback = reader.flag("LIFTLOCK_PUBLISHED_ON_LOOPBACK")
    default = Auth.OFF if host in LOOPBACK else Auth.TOKEN
    auth = Auth(reader.one_of("LIFTLOCK_AUTH", default.value, tuple(one.value for one in Auth)))
    if auth is Auth.OFF and host not in LOOPBACK and not published_on_loopback:
        reader.problems.append(
            f"LIFTLOCK_HOST={host} with LIFTLOCK_AUTH=off: anybody who reaches this address could change your "
            f"databases; use LIFTLOCK_AUTH=token, or 127.0.0.1, or, where something in front publishes it on loopback "
            f"only, set LIFTLOCK_PUBLISHED_ON_LOOPBACK=1"
        )
    return auth


def _admin_token(reader: "_Reader") -> str | None:
    """Itself, or `file:PATH`. It is never shown, also where it is wrong."""
    given = reader.text("LIFTLOCK_ADMIN_TOKEN", "")
    if given.startswith("file:"):
        path = Path(given.removeprefix("file:"))
        try:
            given = path.read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError):
            reader.problems.append(f"LIFTLOCK_ADMIN_TOKEN=file:{path}: this file cannot be read")
            return None
    elif not given:
        return None
    if len(given) < LEAST_ADMIN_TOKEN or not given.isascii() or not given.isprintable() or " " in given:
        reader.problems.append(
            f"LIFTLOCK_ADMIN_TOKEN is not taken: it needs at least {LEAST_ADMIN_TOKEN} visible ASCII characters "
            f"without blanks; `openssl rand -hex 32` makes one"
        )
        return None
    return given


def _plain_values(reader: "_Reader") -> Settings:
    """Everything that one variable alone decides."""
    listed = reader.text("LIFTLOCK_ALLOWED_HOSTS", "").split(",")
    return Settings(
        database=Dsn(""),
        redis_url="",
        environments={},
        default_environment="",
        migrations=Path(reader.text("LIFTLOCK_MIGRATIONS", "migrations")).absolute(),
        port=reader.number("LIFTLOCK_PORT", DEFAULT_PORT, 1, 65_535),
        api_processes=reader.number("LIFTLOCK_API_PROCESSES", 2, 1, 64),
        allowed_hosts=frozenset(one.strip().lower() for one in listed if one.strip()),
        auto_run=reader.flag("AUTO_RUN_MIGRATIONS"),
        read_only=reader.flag("LIFTLOCK_READ_ONLY"),
        metrics_host=reader.text("LIFTLOCK_METRICS_HOST", "127.0.0.1"),
        metrics_port=reader.number("LIFTLOCK_METRICS_PORT", 0, 0, 65_535),
        max_file_bytes=reader.number("LIFTLOCK_MAX_FILE_MB", 16, 1, 1024) * 1024 * 1024,
        keep_bytes=reader.number("LIFTLOCK_PRESERVE_MAX_MB", 10 * 1024, 0, 1024**3) * 1024 * 1024,
        keep_days=reader.number("LIFTLOCK_PRESERVE_DAYS", 30, 1, 3650),
        lock_tries=reader.number("LIFTLOCK_LOCK_TRIES", 10, 1, 1000),
        log_level=reader.one_of("LIFTLOCK_LOG_LEVEL", "INFO", ("DEBUG", "INFO", "WARNING", "ERROR")),
        shortcut=not reader.flag("LIFTLOCK_NO_SHORTCUT"),
    )


def _environments(reader: "_Reader", database: Dsn | None) -> Mapping[str, Environment]:
    """From liftlock.toml, or the file that LIFTLOCK_CONFIG names (`-`: none).

    Without a file, `development` is the control database itself.
    """
    named = reader.text("LIFTLOCK_CONFIG", "")
    path = Path(named or "liftlock.toml")
    if named == NO_CONFIG or not path.exists():
        if named not in ("", NO_CONFIG):
            reader.problems.append(f"LIFTLOCK_CONFIG={named}: there is no such file; - means none")
        choices = tuple(one.name for one in SchemaCheck)
        check = SchemaCheck[reader.one_of("LIFTLOCK_SCHEMA_CHECK", SchemaCheck.JOB.name, choices)]
        return {"development": Environment("development", database, schema_check=check)} if database else {}
    try:
        # some editors begin a file with a mark of its encoding
        written = path.read_text(encoding="utf-8-sig")
        document = tomllib.loads(written)
    except (OSError, ValueError) as error:
        # also a number of thousands of digits, which the parser does not call its own error
        reader.problems.append(f"{path}: {error}")
        return {}
    except RecursionError:
        reader.problems.append(f"{path}: it is nested too deeply to be read")
        return {}
    environments, problems = read_environments(document, reader.environ, path.name, written)
    reader.problems.extend(problems)
    return environments


class _Reader:
    """Reads variables and collects what is wrong with them."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self.environ = environ
        self.problems: list[str] = []

    def text(self, name: str, default: str) -> str:
        return self.environ.get(name) or default

    def parsed(self, name: str, parse: Callable[[str], T | None], shape: str) -> T | None:
        given = self.environ.get(name)
        if not given:
            self.problems.append(f"{name} is not set; it takes {shape}")
            return None
        value = parse(given)
        if value is None:
            # the value may hold a password: it is not shown
            self.problems.append(f"{name} is not understood; it takes {shape}")
        return value

    def number(self, name: str, default: int, least: int, most: int) -> int:
        given = self.environ.get(name)
        if not given:
            return default
        try:
            value = int(given)
        except ValueError:
            value = least - 1
        if not least <= value <= most:
            self.problems.append(f"{name}={given}: takes a whole number from {least} to {most}")
            return default
        return value

    def flag(self, name: str) -> bool:
        given = self.environ.get(name, "").strip().lower()
        if given not in TRUE | FALSE:
            self.problems.append(f"{name}={given}: takes true or false")
        return given in TRUE

    def one_of(self, name: str, default: str, choices: tuple[str, ...]) -> str:
        """In whatever case it is written."""
        given = self.text(name, default)
        taken = next((one for one in choices if one.upper() == given.upper()), None)
        if taken is None:
            self.problems.append(f"{name}={given}: takes one of {', '.join(choices)}")
            return default
        return taken


_DSN_SHAPE = "postgresql://user:password@host:5432/database"


def _dsn(text: str) -> Dsn | None:
    return Dsn(text) if is_postgres_url(text) else None


def _redis_url(text: str) -> str | None:
    try:
        parts = urlsplit(text)
        _ = parts.port
    except ValueError:
        return None
    if parts.scheme not in ("redis", "rediss"):
        return None
    database = parts.path.strip("/")
    return text if not database or database.isdecimal() else None
