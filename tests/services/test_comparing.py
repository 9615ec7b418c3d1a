"""Comparing: a side that takes too long or cannot be read is said to be so, and the other is not asked in vain."""

import asyncio

import pytest

from app.domain.axes import SyncState
from app.domain.comparison import Comparison, Likeness
from app.domain.environment import Dsn, Environment
from app.domain.errors import BackendUnavailable
from app.domain.schema import Snapshot
from app.services.comparing import Comparer
from app.services.overview import Overview
from tests.domain.literals import entry, sql
from tests.fakes.clock import FakeClock
from tests.fakes.drift import MemoryDrift
from tests.fakes.idempotency import MemoryIdempotencyKeys
from tests.fakes.jobs import JobStore
from tests.fakes.overview import MemoryEnvironmentLog
from tests.fakes.schemas import LiteralSchemas
from tests.fakes.source import LiteralSource
from tests.fakes.targets import MemoryTargets

STAGING = Environment("staging", Dsn("postgresql://ada@db/staging"))
PRODUCTION = Environment("production", Dsn("postgresql://ada@db/production"))


class Endless(LiteralSchemas):
    """Nobody has ever seen the end of reading production's."""

    async def read(self, environment: Environment) -> Snapshot:
        if environment is PRODUCTION:
            await asyncio.Event().wait()
        return await super().read(environment)


def compared(targets: MemoryTargets, schemas: LiteralSchemas, target: Environment = PRODUCTION) -> Comparison:
    clock = FakeClock()
    log = MemoryEnvironmentLog(JobStore(clock, MemoryIdempotencyKeys(clock)), MemoryDrift(clock))
    comparer = Comparer(Overview(LiteralSource(), targets, log, clock), schemas, longest_s=0.02)
    return asyncio.run(comparer.compare(STAGING, target, strict=False))


def test_a_schema_that_takes_too_long_is_unknown_and_the_ledgers_are_compared_all_the_same() -> None:
    found = compared(MemoryTargets(entry(sql("one"), 1)), Endless())

    assert (found.ledger.verdict, found.schema.likeness, found.verdict) == (
        SyncState.IN_SYNC,
        Likeness.UNKNOWN,
        SyncState.UNKNOWN,
    )
    assert found.schema.reason == "the schema of production could not be read within 0.02 s"


def test_who_has_not_shown_its_ledger_is_not_asked_for_its_schema() -> None:
    targets, schemas = MemoryTargets(), LiteralSchemas()
    targets.unavailable = BackendUnavailable("nothing listens there")

    found = compared(targets, schemas)

    assert schemas.asked == 0
    assert found.message == "nothing listens there; nothing listens there"


@pytest.mark.parametrize("unavailable", [None, BackendUnavailable("it is locked")])
def test_schemas_are_read_once_each(unavailable: BackendUnavailable | None) -> None:
    schemas = LiteralSchemas()
    schemas.unavailable = unavailable
    found = compared(MemoryTargets(), schemas)
    assert schemas.asked == 2
    assert found.schema.likeness is (Likeness.SAME if unavailable is None else Likeness.UNKNOWN)


def test_two_schemas_of_other_names_are_told_apart_by_their_ledgers_alone() -> None:
    acme = Environment("tenants.acme", Dsn("postgresql://ada@db/tenants"), scope="acme", part_of="tenants")

    found = compared(MemoryTargets(entry(sql("one"), 1)), LiteralSchemas(), acme)

    assert (found.ledger.verdict, found.schema.likeness, found.disagrees) == (
        SyncState.IN_SYNC,
        Likeness.UNKNOWN,
        False,
    )
    assert found.schema.reason == (
        "tenants.acme is the schema acme and staging a whole database, where the same objects have other names"
    )
