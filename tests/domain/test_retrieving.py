"""Which kept rows may be put into a table of their own, and what that table is called."""

import uuid
from datetime import UTC, datetime

import pytest

from app.domain.errors import CannotRestore, NotFound, ValidationFailed
from app.domain.ledger import History
from app.domain.migration import Catalog, Direction
from app.domain.pinned import bind, pin_plan
from app.domain.preserved import Place, PreservedKind, PreservedSet, PreservedState, Retrieval
from app.domain.retrieving import destination, plan_retrieval, refuse_taken, refuse_without_rows
from app.domain.step import Deed
from tests.domain.literals import entry, sql

STAMP = "20260301_120000"
RETRIEVAL = Retrieval(uuid.UUID(int=1), "drop-note", Direction.UP, "public", "notes_back")


def _kept(
    kind: PreservedKind = PreservedKind.COLUMNS,
    state: PreservedState = PreservedState.KEPT,
    schema: str = "shop",
    name: str = "notes",
) -> PreservedSet:
    return PreservedSet(
        id=uuid.UUID(int=1),
        migration="drop-note",
        direction=Direction.UP,
        job_id=uuid.UUID(int=2),
        kind=kind,
        schema=schema,
        name=name,
        columns=("note",),
        rows=3,
        bytes=16_384,
        checksum="17",
        kept_at=datetime(2026, 3, 1, tzinfo=UTC),
        state=state,
        needed=True,
        settled_at=None,
        settled_by=None,
        restored=None,
        remarks=(),
    )


@pytest.mark.parametrize(
    ("asked", "place"),
    [
        (None, ("shop", "notes_kept_20260301_120000")),
        ("back", ("shop", "back")),
        ("public.back", ("public", "back")),
        ("odd.a.b", ("odd", "a.b")),
    ],
)
def test_the_table_is_where_the_rows_are_from_unless_it_says_otherwise(
    asked: str | None, place: tuple[str, str]
) -> None:
    assert destination(_kept(), asked, STAMP) == place


def test_a_name_that_is_made_up_is_never_longer_than_the_server_takes_it() -> None:
    _, name = destination(_kept(name="ü" * 31), None, STAMP)
    assert name == "ü" * 21 + "_kept_" + STAMP
    assert len(name.encode()) <= 63


@pytest.mark.parametrize("asked", ["x" * 64, ".x", "x.", "liftlock.x", "liftlock_preserved.x", "pg_catalog.x"])
def test_a_name_that_is_none_is_refused_with_its_pointer(asked: str) -> None:
    with pytest.raises(ValidationFailed) as refused:
        destination(_kept(), asked, STAMP)
    assert refused.value.problems[0].pointer == "/table"


@pytest.mark.parametrize(
    ("kept", "why"),
    [
        (_kept(kind=PreservedKind.SEQUENCE), "only its position"),
        (_kept(state=PreservedState.RESTORED), "are back in their table"),
        (_kept(state=PreservedState.PURGED), "were purged"),
    ],
)
def test_what_has_no_rows_any_more_is_refused_with_the_reason(kept: PreservedSet, why: str) -> None:
    with pytest.raises(CannotRestore, match=why):
        refuse_without_rows(kept)


def test_rows_of_which_only_a_part_went_back_are_still_there() -> None:
    refuse_without_rows(_kept(state=PreservedState.PARTLY_RESTORED))
    with pytest.raises(CannotRestore):
        refuse_without_rows(_kept(state=PreservedState.PURGED))


@pytest.mark.parametrize(
    ("place", "why"), [(Place.TAKEN, "of the name back in the schema shop"), (Place.NO_SCHEMA, "no schema shop")]
)
def test_a_place_where_no_table_can_be_made_is_refused(place: Place, why: str) -> None:
    with pytest.raises(CannotRestore, match=why):
        refuse_taken("shop", "back", place)


def test_it_is_one_step_that_whoever_goes_on_with_the_job_finds_again_without_a_file() -> None:
    history = History.of((entry(sql("drop-note", "2"), 1),))
    plan = plan_retrieval(history, RETRIEVAL)
    (step,) = plan.steps
    assert (step.name, step.version, step.deed, step.body) == ("drop-note", "2", Deed.RETRIEVED, None)
    assert bind(pin_plan(plan), Catalog(), history, uuid.UUID(int=9)) == plan.steps


def test_a_migration_that_the_ledger_does_not_know_is_said_so() -> None:
    with pytest.raises(NotFound, match="drop-note"):
        plan_retrieval(History.of(()), RETRIEVAL)
