"""Settings, read once from the environment and from liftlock.toml; every wrong one is named at once."""

import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import urlsplit

from app.access_settings import DEFAULT_RATE, admin_token_of, auth_of, networks_of, oidc_of, rate_of, secret_keys_of
from app.domain.access import Auth
from app.domain.addresses import Network
from app.domain.environment import Dsn, Environment, SchemaCheck, is_postgres_url
from app.domain.errors import ConfigurationInvalid
from app.domain.oidc import Oidc
from app.domain.rate import Rate
from app.failpoints import Failpoint, parse
from app.registry.environments import read_environments
from app.variables import Variables

DEFAULT_PORT = 3000
_TRACED = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
NO_CONFIG = "-"


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
    traces: bool = False
    auth: Auth = Auth.OFF
    admin_token: str | None = field(default=None, repr=False)
    oidc: Oidc | None = None
    rate: Rate | None = DEFAULT_RATE
    secret_keys: tuple[str, ...] = field(default=(), repr=False)
    webhook_allow: tuple[Network, ...] = ()
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
    reader = Variables(os.environ if environ is None else environ)
    settings = _read(reader)
    if reader.problems or settings is None:
        listed = "\n".join(f"  {problem}" for problem in reader.problems)
        raise ConfigurationInvalid(f"Liftlock cannot start with this configuration:\n{listed}")
    return settings


def load_for_installing() -> Settings:
    """The control database, limits and the log, whatever else is set or not. To make Liftlock's own tables takes
    neither Redis nor a target, and who does it is given no address of these. Raises as `load_settings`."""
    given = {name: value for name, value in os.environ.items() if name in _TO_INSTALL or name.endswith("_MS")}
    return load_settings({**given, "REDIS_URL": "redis://localhost", "LIFTLOCK_CONFIG": "-"})


def _read(reader: Variables) -> Settings | None:
    database = reader.parsed("DATABASE_URL", _dsn, _DSN_SHAPE)
    redis_url = reader.parsed("REDIS_URL", _redis_url, "redis://host:6379/0")
    host = reader.text("LIFTLOCK_HOST", "127.0.0.1")
    auth = auth_of(reader, host)
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
    values, admin_token = _plain_values(reader), admin_token_of(reader)
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


def _traces(reader: Variables) -> bool:
    """Whether OpenTelemetry's own variables say where spans go. They need the extra."""
    asked = any(reader.environ.get(name) for name in _TRACED)
    if asked and find_spec("opentelemetry.exporter") is None:
        reader.problems.append("OTEL_EXPORTER_OTLP_ENDPOINT needs an extra: pip install 'liftlock[otel]'")
    return asked


def _plain_values(reader: Variables) -> Settings:
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
        oidc=oidc_of(reader),
        rate=rate_of(reader),
        secret_keys=secret_keys_of(reader),
        webhook_allow=networks_of(reader, "LIFTLOCK_WEBHOOK_ALLOW"),
        traces=_traces(reader),
        metrics_host=reader.text("LIFTLOCK_METRICS_HOST", "127.0.0.1"),
        metrics_port=reader.number("LIFTLOCK_METRICS_PORT", 0, 0, 65_535),
        max_file_bytes=reader.number("LIFTLOCK_MAX_FILE_MB", 16, 1, 1024) * 1024 * 1024,
        keep_bytes=reader.number("LIFTLOCK_PRESERVE_MAX_MB", 10 * 1024, 0, 1024**3) * 1024 * 1024,
        keep_days=reader.number("LIFTLOCK_PRESERVE_DAYS", 30, 1, 3650),
        lock_tries=reader.number("LIFTLOCK_LOCK_TRIES", 10, 1, 1000),
        log_level=reader.one_of("LIFTLOCK_LOG_LEVEL", "INFO", ("DEBUG", "INFO", "WARNING", "ERROR")),
        shortcut=not reader.flag("LIFTLOCK_NO_SHORTCUT"),
    )


def _environments(reader: Variables, database: Dsn | None) -> Mapping[str, Environment]:
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


_TO_INSTALL = frozenset({"DATABASE_URL", "LIFTLOCK_LOCK_TRIES", "LIFTLOCK_LOG_LEVEL"})
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
