"""What the figures were taken on."""

import os
import platform
import subprocess
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from app.embedded.binaries import ServerMissing, find_postgres, find_valkey

_PACKAGES = ("asyncpg", "celery", "flask", "gunicorn", "sqlalchemy", "redis", "alembic", "psycopg")


def load() -> str:
    return ", ".join(f"{value:.2f}" for value in os.getloadavg())


def facts(command: str, load_before: str) -> dict[str, str]:
    return {
        "Command": f"`{command}`",
        "Date": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "Machine": f"{os.cpu_count()} cores ({_cpu()}), {_memory_gb()}, {platform.system()} {platform.release()}",
        "Load before and after (1, 5, 15 min)": f"{load_before} and {load()}",
        "Python": platform.python_version(),
        "Servers": ", ".join(_servers()),
        "Packages": ", ".join(_packages()),
    }


def _cpu() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.machine())


def _memory_gb() -> str:
    return f"{os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES') / 1e9:.0f} GB"


def _servers() -> list[str]:
    try:
        programs = (find_postgres(os.environ).bindir / "postgres", find_valkey(os.environ).path)
    except ServerMissing:
        return []
    return [" ".join(_said(program).split()[:3]) for program in programs]


def _said(program: Path) -> str:
    return subprocess.run((str(program), "--version"), check=True, capture_output=True, text=True).stdout


def _packages() -> list[str]:
    found = []
    for name in _PACKAGES:
        try:
            found.append(f"{name} {version(name)}")
        except PackageNotFoundError:
            continue
    return found
