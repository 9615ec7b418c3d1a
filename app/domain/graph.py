"""Dependency order: total and deterministic, or every reason why there is none."""

import heapq
from collections import defaultdict
from collections.abc import Iterable, Sequence

from app.domain.migration import Migration
from app.domain.problem import Problem


def in_order(migrations: Sequence[Migration]) -> list[Migration]:
    """Dependencies first, then version (numeric-aware), then name. The graph must be sound: see `problems`.

    Migrations on a cycle, or behind one, are left out.
    """
    ordered, _ = _walk(migrations)
    return ordered


def problems(migrations: Sequence[Migration]) -> tuple[Problem, ...]:
    """Every name or version borne twice, every missing dependency, and the cycle if there is one."""
    return (*_duplicates(migrations), *_missing(migrations), *_cycles(migrations))


def dependents(migrations: Iterable[Migration], names: set[str]) -> dict[str, list[str]]:
    """For each of `names`, the migrations that name it as a dependency."""
    found: dict[str, list[str]] = defaultdict(list)
    for migration in migrations:
        for dependency in migration.dependencies:
            if dependency in names:
                found[dependency].append(migration.name)
    return dict(found)


def _walk(migrations: Sequence[Migration]) -> tuple[list[Migration], dict[str, int]]:
    """Kahn's algorithm over a heap; returns the order and what stayed blocked with its open count."""
    known: dict[str, Migration] = {migration.name: migration for migration in migrations}
    waiting: dict[str, int] = {}
    unblocks: dict[str, list[str]] = defaultdict(list)
    ready: list[tuple[object, str]] = []
    for name, migration in known.items():
        needed = {d for d in migration.dependencies if d in known}
        if not needed:
            ready.append((migration.sort_key, name))
            continue
        waiting[name] = len(needed)
        for dependency in needed:
            unblocks[dependency].append(name)
    heapq.heapify(ready)
    ordered: list[Migration] = []
    while ready:
        _, name = heapq.heappop(ready)
        ordered.append(known[name])
        for blocked in unblocks.get(name, ()):
            waiting[blocked] -= 1
            if waiting[blocked] == 0:
                del waiting[blocked]
                heapq.heappush(ready, (known[blocked].sort_key, blocked))
    return ordered, waiting


def _duplicates(migrations: Sequence[Migration]) -> Iterable[Problem]:
    by_name: dict[str, list[Migration]] = defaultdict(list)
    by_version: dict[str, list[Migration]] = defaultdict(list)
    for migration in migrations:
        by_name[migration.name].append(migration)
        by_version[migration.version].append(migration)
    for name, twins in sorted(by_name.items()):
        if len(twins) > 1:
            yield _collision("duplicate_name", f"the name {name!r} is used by", twins)
    for version, twins in sorted(by_version.items()):
        if len({twin.name for twin in twins}) > 1:
            yield _collision("version_collision", f"version {version} is used by", twins)


def _collision(code: str, what: str, twins: Sequence[Migration]) -> Problem:
    files = sorted(twin.file for twin in twins)
    return Problem(
        code,
        f"{what} {' and '.join(files)}; change all but one of them",
        migration=twins[0].name,
        file=files[-1],
    )


def _missing(migrations: Sequence[Migration]) -> Iterable[Problem]:
    names = {migration.name for migration in migrations}
    for migration in migrations:
        for dependency in migration.dependencies:
            if dependency not in names:
                yield Problem(
                    "missing_dependency",
                    f"{migration.name} depends on {dependency}, which no file defines; "
                    f"add that migration or correct the name",
                    migration=migration.name,
                    file=migration.file,
                )


def _cycles(migrations: Sequence[Migration]) -> Iterable[Problem]:
    _, blocked = _walk(migrations)
    if not blocked:
        return
    known: dict[str, Migration] = {migration.name: migration for migration in migrations}
    cycle = _one_cycle(known, blocked)
    yield Problem(
        "cycle",
        f"these migrations wait for each other: {' → '.join([*cycle, cycle[0]])}; remove one of the dependencies",
        migration=cycle[0],
        file=known[cycle[0]].file,
    )


def _one_cycle(known: dict[str, Migration], blocked: dict[str, int]) -> list[str]:
    """Follow blocked dependencies from the smallest blocked name until one comes round again."""
    name = min(blocked)
    seen: dict[str, int] = {}
    path: list[str] = []
    while name not in seen:
        seen[name] = len(path)
        path.append(name)
        name = min(d for d in known[name].dependencies if d in blocked)
    cycle = path[seen[name] :]
    first = cycle.index(min(cycle))
    return cycle[first:] + cycle[:first]
