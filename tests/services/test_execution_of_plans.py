"""Under the fence a job is held to its plan, and asked for consent once more."""

from dataclasses import replace
from uuid import UUID

from app.domain.binding import Binding, binding_of
from app.domain.environment import OnDrift, Protection
from app.domain.holdings import Holder, Holding, Holdings, Reached
from app.domain.job import GivenBack
from app.domain.ledger import History
from app.domain.migration import Catalog
from app.domain.preserved import PreservedKind
from app.domain.signals import ConnectionLost
from app.domain.step import Plan, step_up
from tests.domain.literals import entry, sql
from tests.services.floor import FILES, Floor, ended

PLAN_ID = UUID(int=1)
DROP = sql("a", "1", up="DROP TABLE old", down=None)


def bound(history: History | None = None, fingerprint: str | None = None) -> Binding:
    return binding_of(PLAN_ID, Plan(tuple(step_up(one) for one in FILES)), history or History(), fingerprint)


def files(floor: Floor, *catalog: object) -> None:
    floor.source.catalog = Catalog(catalog)  # type: ignore[arg-type]


def test_a_job_that_is_held_to_its_plan_does_it(floor: Floor) -> None:
    outcome = ended(floor.execute(floor.attempt(plan=bound(fingerprint="f"))))
    assert outcome.reason == "applied"
    assert [name for name, _ in floor.ledger.deeds] == ["a", "b", "c"]


def test_what_was_approved_is_not_run_on_a_schema_that_cannot_be_read(floor: Floor) -> None:
    floor.ledger.unread = True
    outcome = ended(floor.execute(floor.attempt(approved=bound(fingerprint="f"), on_drift=OnDrift.WARN)))
    assert (outcome.state, outcome.reason, floor.ledger.deeds) == ("failed", "approval_void", [])
    assert "somebody holds a lock on a part of it" in outcome.message


def test_a_job_whose_plan_is_out_of_date_fails_with_nothing_done(floor: Floor) -> None:
    attempt = floor.attempt(plan=bound())
    files(floor, *FILES, sql("d", "4"))
    outcome = ended(floor.execute(attempt))
    assert (outcome.state, outcome.reason) == ("failed", "plan_stale")
    assert "the file of d was added" in outcome.message
    assert floor.ledger.deeds == []


def test_a_job_whose_ledger_has_moved_fails_with_nothing_done(floor: Floor) -> None:
    attempt = floor.attempt(plan=bound())
    floor.ledger.entries["a"] = replace(entry(FILES[0], 5), job_id=UUID(int=9))
    outcome = ended(floor.execute(attempt))
    assert outcome.reason == "plan_stale"
    assert f"by job {UUID(int=9)}" in outcome.message
    assert floor.ledger.deeds == []


def test_a_plan_with_nothing_left_of_it_is_stale_and_not_nothing_to_do(floor: Floor) -> None:
    attempt = floor.attempt(plan=bound())
    floor.ledger.entries |= {one.name: entry(one, place) for place, one in enumerate(FILES, 1)}
    assert ended(floor.execute(attempt)).reason == "plan_stale"


def test_a_second_attempt_goes_on_with_what_the_first_has_pinned(floor: Floor) -> None:
    attempt = floor.attempt(plan=bound())
    floor.ledger.script["b"] += [ConnectionLost("gone")] * 50
    assert isinstance(floor.execute(attempt), GivenBack)
    floor.ledger.script["b"].clear()
    floor.portal.run(floor.claims.end(attempt, GivenBack("rescued", "lapsed")))

    outcome = ended(floor.execute(floor.claim(attempt.job_id)))

    assert outcome.reason == "applied"
    assert [name for name, _ in floor.ledger.deeds] == ["a", "b", "c"]


def test_a_hazard_is_refused_under_the_fence_too(floor: Floor) -> None:
    files(floor, DROP)
    floor.ledger.protection = Protection.CONFIRM
    outcome = ended(floor.execute(floor.attempt()))
    assert (outcome.state, outcome.reason) == ("failed", "hazard_not_allowed")
    assert outcome.error is not None and outcome.error.file == "a.sql"
    assert floor.ledger.deeds == []


def test_what_was_consented_to_stands_in_the_notices_of_the_job(floor: Floor) -> None:
    files(floor, DROP)
    floor.ledger.protection = Protection.CONFIRM
    outcome = ended(floor.execute(floor.attempt(allow_hazards=("TABLE_DROPPED",))))
    assert (outcome.reason, outcome.notices) == ("applied", ("TABLE_DROPPED old (a.sql:1)",))


def lose(floor: Floor) -> None:
    """The rows of a table that no trigger can watch."""
    files(floor, sql("a", up="DELETE FROM old"))
    floor.ledger.protection = Protection.CONFIRM
    forced = Holding("public.old", Holder.TABLE, 9, 8192, forced=True)
    floor.surveys.held = Holdings((Reached(0, PreservedKind.DELETED, "public.old"),), {"public.old": forced})


def test_what_would_be_lost_is_looked_at_under_the_fence(floor: Floor) -> None:
    lose(floor)
    outcome = ended(floor.execute(floor.attempt()))
    assert (outcome.state, outcome.reason) == ("failed", "hazard_not_allowed")
    assert outcome.error is not None and "row security is forced" in outcome.error.message
    assert floor.ledger.deeds == []


def test_what_was_consented_to_be_lost_stands_in_the_notices_too(floor: Floor) -> None:
    lose(floor)
    outcome = ended(floor.execute(floor.attempt(allow_hazards=("DATA_LOSS",))))
    assert (outcome.reason, outcome.notices) == ("applied", ("DATA_LOSS old (a.sql:1)",))
