"""Environments against those that they require: who is compared with whom, and what of a side that is away."""

import asyncio

from app.domain.conflict import ConflictState
from app.domain.environment import Dsn, Environment, Target
from app.domain.errors import BackendUnavailable
from app.ports import ConflictQuery
from app.services.comparing import Comparer
from app.services.conflict import ConflictResolutionService
from app.services.environments import Environments
from app.services.overview import Overview
from app.services.watching import DivergenceWatch, Watched
from tests.domain.literals import entry, sql
from tests.fakes.clock import FakeClock
from tests.fakes.conflicts import MemoryConflicts
from tests.fakes.drift import MemoryDrift
from tests.fakes.idempotency import MemoryIdempotencyKeys
from tests.fakes.jobs import JobStore, MemoryJobs
from tests.fakes.overview import MemoryEnvironmentLog
from tests.fakes.schemas import LiteralSchemas
from tests.fakes.source import LiteralSource
from tests.fakes.targets import MemoryTargets

DSN = Dsn("postgresql://ada@db/shop")
TWO = (Target("eu", DSN), Target("us", DSN))
STAGING = Environment("staging", DSN, targets=TWO)
PRODUCTION = Environment("production", DSN, targets=TWO, requires=("staging",))
SMALL = Environment("small", DSN, requires=("staging",))


class Post:
    """What looks, and what it has found."""

    def __init__(self) -> None:
        clock = FakeClock()
        store = JobStore(clock, MemoryIdempotencyKeys(clock))
        self.targets, self.log, self.schemas = MemoryTargets(), MemoryConflicts(clock), LiteralSchemas()
        overview = Overview(LiteralSource(), self.targets, MemoryEnvironmentLog(store, MemoryDrift(clock)), clock)
        environments = Environments({one.name: one for one in (STAGING, PRODUCTION, SMALL)}, "staging")
        conflicts = ConflictResolutionService(self.log, self.log, MemoryJobs(store))
        self.watch = DivergenceWatch(environments, Comparer(overview, self.schemas), conflicts)

    def look(self) -> Watched:
        return asyncio.run(self.watch.look())

    def records(self) -> list[tuple[str | None, ConflictState]]:
        found = asyncio.run(self.log.find(ConflictQuery()))
        return sorted((one.collision.environment, one.state) for one in found)


def test_of_several_targets_those_of_one_name_are_held_against_each_other() -> None:
    pairs = [(one.target, one.source) for one in Post().look().compared]
    assert pairs == [
        ("production.eu", "staging.eu"),
        ("production.us", "staging.us"),
        ("small", "staging.eu"),
        ("small", "staging.us"),
    ]


def test_where_ledgers_differ_no_schema_is_read() -> None:
    post = Post()
    post.targets.ledger("production.us").entries["one"] = entry(sql("one"), 1)
    found = post.look()
    assert [one.target for one in found.disagreeing] == ["production.us"]
    assert post.schemas.asked == 6
    assert post.records() == [("production.us", ConflictState.OPEN)]


def test_of_a_side_that_is_away_nobody_says_that_it_is_settled() -> None:
    post = Post()
    ledger = post.targets.ledger("production.us")
    ledger.entries["one"] = entry(sql("one"), 1)
    post.look()
    del ledger.entries["one"]
    post.targets.unavailable = BackendUnavailable("nothing listens there")
    assert len(post.look().unread) == 4
    assert post.records() == [("production.us", ConflictState.OPEN)]
    post.targets.unavailable = None
    assert post.look().disagreeing == ()
    assert post.records() == [("production.us", ConflictState.EXPIRED)]
