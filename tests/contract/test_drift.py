"""What the log of looks at schemas keeps, in memory and in PostgreSQL; and conflicts that are left for a while."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

from app.domain.conflict import Collision, ConflictKind, ConflictState
from app.domain.drift import DriftCheck, DriftState, not_checked
from app.domain.job import Origin
from app.domain.principal import Principal
from app.ports import Answer
from tests.contract.conftest import Room

ADA = Origin(Principal("ada"))
DRIFTED = DriftCheck(
    "staging",
    DriftState.DRIFTED,
    "1 object changed",
    expected="aa",
    found="bb",
    recorded_at=datetime(2026, 1, 2, 3, 4, 5, 678, tzinfo=UTC),
    recorded_by_job=UUID(int=7),
    differences=({"kind": "index", "object": "a", "expected": None},),
    total=1,
    conflict_id=UUID(int=8),
    first_seen_at=datetime(2026, 1, 2, tzinfo=UTC),
)


def test_an_environment_that_nobody_has_looked_at_has_no_check(room: Room) -> None:
    assert room.run(room.drift.of("staging")) is None


def test_the_last_look_takes_the_place_of_the_one_before(room: Room) -> None:
    first = room.run(room.drift.put(not_checked("staging", "nobody could look")))
    kept = room.run(room.drift.put(DRIFTED))

    assert first.checked_at is not None and kept.checked_at is not None
    assert replace(kept, checked_at=None) == DRIFTED
    assert room.run(room.drift.of("staging")) == kept
    assert room.run(room.drift.of("production")) is None


def test_what_is_left_until_a_moment_is_one_closed_record_and_opens_again_after_it(room: Room) -> None:
    drift = Collision(ConflictKind.SCHEMA_DRIFT, "it has drifted", "one cause", environment="staging")
    conflict = room.run(room.conflicts.record(drift))
    until = (room.clock.now() if room.dsn is None else datetime.now(UTC)) + timedelta(hours=1)

    closed = room.run(room.answers.close(conflict.id, Answer("ignore_until", ADA, "not now", until=until)))
    assert closed is not None and (closed.resolution, closed.ignored_until) == ("ignore_until", until)
    assert room.run(room.conflicts.ignored("staging")) == {"one cause"}
    assert room.run(room.conflicts.ignored("production")) == frozenset()
    again = room.run(room.conflicts.record(drift))
    assert (again.id, again.state, again.count) == (conflict.id, ConflictState.RESOLVED, 2)

    room.pass_time(7200)
    assert room.run(room.conflicts.ignored("staging")) == frozenset()
    reopened = room.run(room.conflicts.record(drift))
    assert (reopened.id, reopened.state, reopened.resolution) == (conflict.id, ConflictState.OPEN, None)
    assert reopened.ignored_until is None
