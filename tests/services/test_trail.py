"""Refusals on the audit trail, within their bound."""

from collections.abc import Iterator

import pytest

from app.domain.audit import Deed
from app.domain.errors import BackendUnavailable
from app.domain.job import Origin
from app.domain.rate import Rate
from app.portal import Portal
from app.services.trail import AuditTrail
from tests.fakes.clock import FakeClock
from tests.fakes.trail import MemoryTrail

REFUSED = Deed(Origin(), "migrations.run", "production", refused="forbidden")


@pytest.fixture
def portal() -> Iterator[Portal]:
    made = Portal("trail-test")
    yield made
    made.close()


def test_more_refusals_than_the_bound_are_left_out_until_time_has_passed(portal: Portal) -> None:
    clock = FakeClock()
    kept = MemoryTrail(clock)
    trail = AuditTrail(kept, clock, Rate(most=2, every_s=10))
    for _ in range(5):
        portal.run(trail.note_refusal(REFUSED))
    assert [row.deed for row in kept.rows] == [REFUSED, REFUSED]
    clock.advance(10)
    portal.run(trail.note_refusal(REFUSED))
    assert len(kept.rows) == 3


def test_a_database_that_is_away_makes_no_refusal_an_error(portal: Portal) -> None:
    clock = FakeClock()
    kept = MemoryTrail(clock)
    kept.unavailable = BackendUnavailable("away")
    portal.run(AuditTrail(kept, clock).note_refusal(REFUSED))
    assert kept.rows == []
