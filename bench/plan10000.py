"""Planning over 10,000 migrations, and reading their files, in this process."""

import asyncio
import hashlib
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

from app.adapters.sources.folder import FolderSource
from app.domain.environment import OutOfOrder
from app.domain.ledger import History, LedgerEntry, Status, ledger_id
from app.domain.migration import Catalog, Checksum, Migration, MigrationName, SqlScript
from app.domain.plan import plan_run
from bench import history
from bench.figures import Benchmark, Row, Samples, Scale, Section, value_at_most
from bench.stack import work_folder

MOST_MS = 100.0
MAX_FILE_BYTES = 16 * 1024 * 1024
_MOMENT = datetime(2026, 1, 1, tzinfo=UTC)


def measure(scale: Scale) -> Section:
    count, rounds = scale.some(full=10_000, quick=1_000), scale.some(full=7, quick=3)
    catalog = Catalog(tuple(_migration(number) for number in range(count)))
    entries = [_entry(migration, place) for place, migration in enumerate(catalog.migrations)]
    pending = _repeated(rounds, lambda: _planning(catalog, History()))
    applied = _repeated(rounds, lambda: _planning(catalog, History.of(entries)))
    with work_folder() as work:
        history.write_small_schema(work / "migrations", count)
        cold = Samples(tuple(_first_reading(work / "migrations") for _ in range(3)), "ms")
        source = FolderSource(work / "migrations", MAX_FILE_BYTES)
        asyncio.run(source.read())
        warm = _repeated(rounds, lambda: _reading(source))
    return Section(
        (
            Row("plan, nothing applied", pending, targets=(value_at_most(pending.median, MOST_MS, "ms"),)),
            Row("plan, all applied", applied, targets=(value_at_most(applied.median, MOST_MS, "ms"),)),
            Row("read the files, first time", cold),
            Row("read the files, nothing changed", warm),
        ),
        (
            f"{count:,} migrations, every third depends on the one before it. Planning: values in, values out, "
            f"the history fresh each time. Reading: parsing and both checksums the first time, then one stat a file.",
        ),
    )


def _repeated(rounds: int, once: Callable[[], float]) -> Samples:
    once()
    return Samples(tuple(once() for _ in range(rounds)), "ms")


def _planning(catalog: Catalog, applied: History) -> float:
    began = time.perf_counter()
    plan_run(catalog, applied, OutOfOrder.WARN)
    return (time.perf_counter() - began) * 1000


def _first_reading(folder: Path) -> float:
    return _reading(FolderSource(folder, MAX_FILE_BYTES))


def _reading(source: FolderSource) -> float:
    began = time.perf_counter()
    asyncio.run(source.read())
    return (time.perf_counter() - began) * 1000


def _migration(number: int) -> Migration:
    before = (_name(number - 1),) if number % 3 == 2 else ()
    script = SqlScript(f"SELECT {number}", f"{number:05d}.sql")
    digest = hashlib.sha256(script.text.encode()).digest()
    return Migration(
        name=_name(number),
        version=f"{number:05d}",
        up=script,
        down=script,
        checksum=Checksum(digest, digest),
        file=script.file,
        dependencies=before,
    )


def _name(number: int) -> MigrationName:
    return MigrationName(f"step_{number:05d}")


def _entry(migration: Migration, place: int) -> LedgerEntry:
    return LedgerEntry(
        id=ledger_id("development", "", migration.name),
        name=migration.name,
        version=migration.version,
        status=Status.COMPLETED,
        position=place,
        checksum=migration.checksum.raw,
        token_checksum=migration.checksum.token,
        created_at=_MOMENT,
        updated_at=_MOMENT,
        applied_at=_MOMENT,
        dependencies=migration.dependencies,
        down="SELECT 0",
        job_id=UUID(int=0),
    )


BENCHMARK = Benchmark("plan10000", "Planning over 10,000 migrations", measure)
