"""What the launcher is told, and what it tells: plain values."""

import os
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

HOST = "127.0.0.1"
SECRET_KEY = "secret-key"  # noqa: S105 - the name of a file
# Workers have nothing to tell one another: what they share is in the control database.
_ALONE = ("--without-gossip", "--without-mingle", "--without-heartbeat")


class StackRefused(Exception):
    """The stack was not started, and the text says what to type instead."""


@dataclass(frozen=True, slots=True)
class Program:
    """One process of Liftlock's own: its name (api, worker, beat) and its command line."""

    name: str
    command: tuple[str, ...]
    environment: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class StackOptions:
    """A target's value is a DSN, or the name of a database in the embedded PostgreSQL, created if missing."""

    data_dir: Path
    migrations: Path
    port: int = 3000
    database_url: str | None = field(default=None, repr=False)
    redis_url: str | None = field(default=None, repr=False)
    workers: int = 2
    targets: Mapping[str, str] | None = field(default=None, repr=False)
    environment: Mapping[str, str] = field(default_factory=dict, repr=False)
    programs: Callable[["StackOptions"], tuple[Program, ...]] | None = None

    @property
    def api_url(self) -> str:
        return f"http://{HOST}:{self.port}"


@dataclass(frozen=True, slots=True)
class StackInfo:
    """A running stack. The DSNs carry passwords."""

    api_url: str
    data_dir: Path
    logs: Path
    pids: Mapping[str, int | None]
    control_url: str = field(repr=False)
    redis_url: str = field(repr=False)
    targets: Mapping[str, str] = field(repr=False)


def liftlock_programs(options: StackOptions) -> tuple[Program, ...]:
    """Every command line of Liftlock, in the order they start."""
    python = sys.executable
    worker = (python, "-m", "celery", "--app", "worker.celery", "worker")
    return (
        Program("api", (python, "-m", "gunicorn", "--config", "python:app.serving", "app:create_app()")),
        Program(
            "worker",
            (*worker, "--concurrency", str(options.workers), "--loglevel", "WARNING", *_ALONE),
            # TERM means: finish within the soft limit. What does not end in time is taken over by another
            # attempt when its lease lapses.
            {"REMAP_SIGTERM": "SIGQUIT"},
        ),
        Program("beat", (python, "-m", "worker.beat")),
    )


def program_environment(
    options: StackOptions, control_url: str, redis_url: str, targets: Mapping[str, str]
) -> dict[str, str]:
    """The caller's environment with ours over it; the programs of this virtual environment come first.

    The targets stand in variables of their own, for a liftlock.toml to name: `LIFTLOCK_TARGET_STAGING`.
    """
    path = options.environment.get("PATH", os.defpath)
    return {
        # as the caller may have it otherwise: what seals the secrets of webhooks
        "LIFTLOCK_SECRET_KEY": f"file:{options.data_dir.absolute() / SECRET_KEY}",
        # one machine has everything to itself: a second one would only take memory, and turns of the processors
        "LIFTLOCK_API_PROCESSES": "1",
        **options.environment,
        **{f"LIFTLOCK_TARGET_{name.upper()}": dsn for name, dsn in targets.items()},
        "DATABASE_URL": control_url,
        "REDIS_URL": redis_url,
        "LIFTLOCK_HOST": HOST,
        "LIFTLOCK_PORT": str(options.port),
        "LIFTLOCK_MIGRATIONS": str(options.migrations.absolute()),
        "LIFTLOCK_DATA_DIR": str(options.data_dir.absolute()),
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{path}",
        "PYTHONUNBUFFERED": "1",
    }
