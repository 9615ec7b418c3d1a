"""How fast the hazards of many files are found: by the linter, by our own rules, by both."""

import asyncio
import time
from collections.abc import Callable
from pathlib import Path

from app.adapters.lint import SquawkLinter
from app.adapters.sources.sql import read_sql
from app.domain.examination import examine
from app.domain.lexer import lex
from app.domain.lint import Linted
from app.domain.migration import Migration, SqlScript
from app.domain.step import Step, step_up
from app.domain.words import stated_in
from bench import history
from bench.figures import Benchmark, Row, Samples, Scale, Section, value_at_most
from bench.stack import work_folder

FILES = 500
MIGRATIONS = 1_000
MOST_MS = 500.0


def measure(scale: Scale) -> Section:
    rounds = scale.some(full=11, quick=5)
    with work_folder() as work:
        history.write_small_schema(work / "migrations", MIGRATIONS)
        every = [step_up(read_migration(path)) for path in sorted((work / "migrations").iterdir())]
    steps = every[:FILES]
    both = _repeated(rounds, lambda: _both(steps))
    return Section(
        (
            Row(
                f"{FILES} files, linter and our rules",
                both,
                targets=(value_at_most(both.median, MOST_MS, "ms"),),
            ),
            Row(f"{FILES} files, linter alone", _repeated(rounds, lambda: _linted(steps))),
            Row(f"{FILES} files, linter, known already", _known(steps, rounds)),
            Row(f"{MIGRATIONS:,} migrations, our rules, first time", _repeated(rounds, lambda: examine(every))),
            Row(f"{MIGRATIONS:,} migrations, our rules, read before", _repeated(rounds, lambda: examine(every), _keep)),
            Row(f"{MIGRATIONS:,} migrations, each on a table in use", _repeated(rounds, lambda: _in_use(every))),
        ),
        (
            "Tables with an index, and columns added to them. Each round starts without a verdict "
            "that is kept; files are parsed before, as they are when they are read. In use: examined one by one, so "
            "that no table counts as made by the plan.",
        ),
    )


def read_migration(path: Path) -> Migration:
    raw = path.read_bytes()
    migration = read_sql(path.name, raw, raw.decode())
    assert isinstance(migration, Migration), migration
    return migration


def _forget() -> None:
    """Nothing of the scripts is known but what reading the files has parsed."""
    lex.cache_clear()
    stated_in.cache_clear()


def _keep() -> None:
    """What was read before is still there."""


def _repeated(rounds: int, once: Callable[[], object], before: Callable[[], None] = _forget) -> Samples:
    once()
    return Samples(tuple(_timed(once, before) for _ in range(rounds)), "ms")


def _timed(once: Callable[[], object], before: Callable[[], None]) -> float:
    before()
    began = time.perf_counter()
    once()
    return (time.perf_counter() - began) * 1000


def _both(steps: list[Step]) -> None:
    examine(steps, lint=_linted(steps).by_script(_scripts(steps)))


def _linted(steps: list[Step]) -> Linted:
    linted = asyncio.run(SquawkLinter().lint(_scripts(steps)))
    assert linted.notice is None, linted.notice
    return linted


def _known(steps: list[Step], rounds: int) -> Samples:
    linter, scripts = SquawkLinter(), _scripts(steps)
    asyncio.run(linter.lint(scripts))
    return _repeated(rounds, lambda: linter.known(scripts))


def _in_use(steps: list[Step]) -> None:
    for step in steps:
        examine([step])


def _scripts(steps: list[Step]) -> list[SqlScript]:
    return [step.body for step in steps if isinstance(step.body, SqlScript)]


BENCHMARK = Benchmark("lint", "Finding hazards", measure)
