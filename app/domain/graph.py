"""Dependency order: total and deterministic, or every reason why there is none."""

import heapq
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache

from app.domain.migration import Catalog, Migration, VersionKey
from app.domain.problem import Problem


@dataclass(frozen=True, slots=True)
class Arrangement:
    """Files in the order they run, and every reason why they cannot; what is on a cycle, or behind one, is left out."""

    ordered: tuple[Migration, ...]
    problems: tuple[Problem, ...]


@lru_cache(maxsize=8)
def arrange(catalog: Catalog) -> Arrangement:
    """Kept for as long as the same catalog is asked about: files change seldom, and questions come often."""
    return Arrangement(tuple(in_order(catalog.migrations)), problems(catalog.migrations))


def in_order(migrations: Sequence[Migration]) -> list[Migration]:
    """Dependencies first, then version (numeric-aware), then name. The graph must be sound: see `problems`."""
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


def needed_by(needs: Iterable[tuple[str, Sequence[str]]]) -> dict[str, list[str]]:
    """From names with their dependencies: for each dependency, the names that need it."""
    found: dict[str, list[str]] = defaultdict(list)
    for name, dependencies in needs:
        for dependency in dict.fromkeys(dependencies):
            found[dependency].append(name)
    return dict(found)


def _walk(migrations: Sequence[Migration]) -> tuple[list[Migration], set[str]]:
    """The order, and the names that no order can hold.

    Sorted by version and name, most histories are in order already; otherwise the smallest that is ready goes
    next (Kahn's algorithm over a heap of places in that sorting), which gives the same when they are.
    """
    ranked = sorted({migration.name: migration for migration in migrations}.values(), key=_sort_key)
    place: dict[str, int] = {migration.name: i for i, migration in enumerate(ranked)}
    if all(place.get(needed, -1) < i for i, one in enumerate(ranked) for needed in one.dependencies):
        return ranked, set()
    return _sorted_by_need(ranked, place)


def _sorted_by_need(ranked: Sequence[Migration], place: dict[str, int]) -> tuple[list[Migration], set[str]]:
    waiting: dict[int, int] = {}
    unblocks: dict[int, list[int]] = defaultdict(list)
    for i, migration in enumerate(ranked):
        needed = {place[name] for name in migration.dependencies if name in place}
        if needed:
            waiting[i] = len(needed)
        for dependency in needed:
            unblocks[dependency].append(i)
    ready = [i for i in range(len(ranked)) if i not in waiting]
    ordered: list[Migration] = []
    while ready:
        i = heapq.heappop(ready)
        ordered.append(ranked[i])
        for blocked in unblocks.get(i, ()):
            waiting[blocked] -= 1
            if waiting[blocked] == 0:
                del waiting[blocked]
                heapq.heappush(ready, blocked)
    return ordered, {ranked[i].name for i in waiting}


def _sort_key(migration: Migration) -> tuple[VersionKey, str]:
    return migration.sort_key


def _duplicates(migrations: Sequence[Migration]) -> Iterable[Problem]:
    by_name = _shared(migrations, lambda migration: migration.name)
    by_version = _shared(migrations, lambda migration: migration.version)
    for name, twins in by_name:
        yield _collision("duplicate_name", f"the name {name!r} is used by", twins)
    for version, twins in by_version:
        if len({twin.name for twin in twins}) > 1:
            yield _collision("version_collision", f"version {version} is used by", twins)


def _shared(
    migrations: Sequence[Migration], of: Callable[[Migration], str]
) -> Iterable[tuple[str, Sequence[Migration]]]:
    """What more than one migration bears, with its bearers."""
    values = [of(migration) for migration in migrations]
    shared = {value for value, count in Counter(values).items() if count > 1} if len(set(values)) < len(values) else ()
    for value in sorted(shared):
        yield value, [migration for migration, own in zip(migrations, values, strict=True) if own == value]


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
    missing = [(one, needed) for one in migrations for needed in one.dependencies if needed not in names]
    meant = {other: one.name for one in migrations for other in _also_known_as(one)} if missing else {}
    for migration, needed in missing:
        advice = f"write the name: {meant[needed]}" if needed in meant else "add that migration or correct the name"
        yield Problem(
            "missing_dependency",
            f"{migration.name} depends on {needed}, which no file defines; {advice}",
            migration=migration.name,
            file=migration.file,
        )


def _also_known_as(migration: Migration) -> tuple[str, str, str]:
    return migration.version, migration.file, migration.file.rpartition(".")[0]


def cycle_of(migrations: Sequence[Migration]) -> Sequence[Migration]:
    """Those that wait for each other, each for the one behind it; none where there is no cycle, one of several."""
    _, blocked = _walk(migrations)
    if not blocked:
        return ()
    known: dict[str, Migration] = {migration.name: migration for migration in migrations}
    return [known[name] for name in _one_cycle(known, blocked)]


def _cycles(migrations: Sequence[Migration]) -> Iterable[Problem]:
    cycle = cycle_of(migrations)
    if not cycle:
        return
    names = [one.name for one in (*cycle, cycle[0])]
    yield Problem(
        "cycle",
        f"these migrations wait for each other: {' → '.join(names)}; remove one of the dependencies",
        migration=cycle[0].name,
        file=cycle[0].file,
    )


def _one_cycle(known: dict[str, Migration], blocked: set[str]) -> list[str]:
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
