"""What is drift, what it is called, and what a run makes of it."""

from datetime import UTC, datetime
from uuid import UUID

import pytest

from app.domain.drift import Drift, DriftState, RecordedSchema, Sight, checked, judged
from app.domain.drift_draft import draft_of, version_among, version_for
from app.domain.environment import OnDrift
from app.domain.errors import DriftPresent
from app.domain.migration import Catalog
from app.domain.schema import EMPTY, SchemaObject, Snapshot
from app.domain.settling import Resolution
from tests.domain.literals import applied, sql

CALL = "POST /environments/staging/sync"
JOB, AT = UUID(int=7), datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
TABLE = SchemaObject("table", "public.a", {})
COLUMN = SchemaObject("column", "public.a.id", {"of": "public.a", "position": 1, "type": "integer"})
INDEX = SchemaObject(
    "index", "public.by_hand", {"of": "public.a", "definition": "CREATE INDEX by_hand ON public.a USING btree (id)"}
)
BEFORE = Snapshot.of([TABLE, COLUMN])
AFTER = Snapshot.of([TABLE, COLUMN, INDEX])


def recorded(snapshot: Snapshot = BEFORE, *, is_newest: bool = True) -> RecordedSchema:
    return RecordedSchema(snapshot.fingerprint, snapshot.canonical, JOB, AT, is_newest)


def drift() -> Drift:
    found = Drift.of("staging", Sight(AFTER, recorded()))
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("sight", "state"),
    [
        (Sight(BEFORE, recorded()), DriftState.CLEAN),
        (Sight(AFTER, recorded()), DriftState.DRIFTED),
        (Sight(AFTER), DriftState.NOT_CHECKED),
        (Sight(AFTER, recorded(is_newest=False)), DriftState.NOT_CHECKED),
        (Sight(AFTER, recorded(), holder=UUID(int=1)), DriftState.NOT_CHECKED),
        (Sight(EMPTY, recorded(EMPTY)), DriftState.CLEAN),
    ],
)
def test_a_schema_is_held_against_the_newest_record_while_nobody_works_on_it(sight: Sight, state: DriftState) -> None:
    assert sight.state is state
    assert (Drift.of("staging", sight) is not None) == (state is DriftState.DRIFTED)
    assert checked("staging", sight, Drift.of("staging", sight), None).state is state


def test_another_order_of_columns_is_no_drift() -> None:
    moved = SchemaObject("column", "public.a.id", {"of": "public.a", "position": 2, "type": "integer"})
    assert Sight(Snapshot.of([TABLE, moved]), recorded()).state is DriftState.CLEAN


def test_drift_says_how_much_and_what_first_and_whose_schema_it_was() -> None:
    assert drift().summary == (
        f"1 object of staging changed since job {JOB} left it: index public.by_hand was not expected: "
        "CREATE INDEX by_hand ON public.a USING btree (id)"
    )


def test_it_is_one_cause_as_long_as_neither_side_moves() -> None:
    same, moved = Drift.of("staging", Sight(AFTER, recorded())), Drift.of("staging", Sight(EMPTY, recorded()))
    assert same is not None and moved is not None
    assert drift().cause == same.cause != moved.cause
    assert drift().as_collision().fingerprint == same.cause


def test_a_run_is_refused_told_or_left_alone() -> None:
    with pytest.raises(DriftPresent) as refused:
        judged(drift(), OnDrift.REFUSE, CALL)
    assert [one.message for one in refused.value.problems] == [drift().differences[0].text]
    assert refused.value.next_steps[-1].endswith('POST /environments/staging/sync {"onDrift": "warn"}')
    assert judged(drift(), OnDrift.WARN, CALL) is not None
    assert judged(drift(), OnDrift.IGNORE, CALL) is None
    assert judged(None, OnDrift.REFUSE, CALL) is None


def test_a_draft_takes_over_what_was_found_and_one_that_reverts_is_its_mirror() -> None:
    adopting = draft_of(drift(), Resolution.ADOPT_DRIFT, AT, "7")
    reverting = draft_of(drift(), Resolution.REVERT_DRIFT, AT, "7")

    assert adopting.file == "7_adopt-drift-staging-20260102030405.sql"
    up, down = adopting.text.split("-- migrate:up\n")[1].split("\n\n-- migrate:down\n")
    assert up == "CREATE INDEX by_hand ON public.a USING btree (id);"
    assert down.strip() == "DROP INDEX public.by_hand;"
    assert reverting.text.split("-- migrate:up\n")[1].startswith(
        "DROP INDEX IF EXISTS public.by_hand;\n\n-- migrate:down\nCREATE INDEX"
    )
    assert "\n-- version: 7\n" in adopting.text


def test_reverting_takes_away_only_what_is_there_since_the_file_goes_through_every_environment() -> None:
    table = SchemaObject("table", "public.b", {})
    column = SchemaObject("column", "public.a.extra", {"of": "public.a", "position": 2, "type": "text"})
    found = Drift.of("staging", Sight(Snapshot.of([TABLE, COLUMN, table, column]), recorded()))
    assert found is not None

    up = draft_of(found, Resolution.REVERT_DRIFT, AT, "7").text.split("-- migrate:up\n")[1]

    assert up.startswith("ALTER TABLE public.a DROP COLUMN IF EXISTS extra;\nDROP TABLE IF EXISTS public.b;\n")


def test_what_has_no_sql_is_named_in_the_draft() -> None:
    operator = SchemaObject("operator", "public.===(integer, integer)", {"function": "public.f(integer, integer)"})
    found = Drift.of("staging", Sight(Snapshot.of([TABLE, COLUMN, operator]), recorded()))
    assert found is not None

    draft = draft_of(found, Resolution.ADOPT_DRIFT, AT, "7")

    assert draft.left == ("operator public.===(integer, integer)",)
    assert "-- not written, since there is no SQL for it: operator public.===" in draft.text


def test_a_name_with_a_line_end_stays_within_the_remark() -> None:
    table = SchemaObject("table", 'public."a\n-- migrate:down\nDROP TABLE b"', {})
    found = Drift.of("staging", Sight(Snapshot.of([TABLE, COLUMN, table]), recorded()))
    assert found is not None

    cast = SchemaObject("cast", 'text AS public."a\n-- migrate:down"', {})
    odd = Drift.of("staging", Sight(Snapshot.of([TABLE, COLUMN, cast]), recorded()))
    assert odd is not None
    assert (
        'no SQL for it: cast text AS public."a -- migrate:down"\n'
        in draft_of(odd, Resolution.ADOPT_DRIFT, AT, "7").text
    )

    before_up = draft_of(found, Resolution.REVERT_DRIFT, AT, "7").text.split("-- migrate:up\n")[0]

    assert "\n-- migrate:down" not in before_up and "\nDROP TABLE" not in before_up


@pytest.mark.parametrize(
    ("newest", "version"),
    [
        (None, "20260102030405"),
        ("0003", "0004"),
        ("9", "10"),
        ("1.4.9", "1.4.10"),
        ("20251231235959", "20260102030405"),
        ("20270101000000", "20270101000001"),
        ("V2b", "20260102030405"),
    ],
)
def test_a_draft_comes_after_the_newest_file_in_the_style_of_the_folder(newest: str | None, version: str) -> None:
    files = Catalog(() if newest is None else (sql("newest", newest), sql("first", "0.0001")))
    assert version_for(files, AT) == version == version_among(files, applied(*files.migrations), AT)
    draft = draft_of(drift(), Resolution.ADOPT_DRIFT, AT, version)
    assert draft.file.startswith(f"{version}_adopt-drift-staging-") and f"\n-- version: {version}\n" in draft.text
    assert draft.name == "adopt-drift-staging-20260102030405"


@pytest.mark.parametrize(
    ("done", "pending", "version"),
    [
        ("0008", "0009", "0008.1"),
        ("1.4.2", "1.5", "1.4.2.1"),
        ("20251231235959", "20260101000000", "20251231235959.1"),
        ("2", "2.1", "2.2"),  # nothing lies between: behind all of them
    ],
)
def test_a_draft_comes_behind_what_is_applied_and_before_what_is_pending(done: str, pending: str, version: str) -> None:
    first, second = sql("first", done), sql("second", pending)
    assert version_among(Catalog((second, first)), applied(first), AT) == version


def test_a_function_may_come_before_the_table_that_it_reads() -> None:
    function = SchemaObject(
        "function",
        "public.f()",
        {"definition": "CREATE OR REPLACE FUNCTION public.f() RETURNS int LANGUAGE sql AS $$ SELECT 1 $$"},
    )
    found = Drift.of("staging", Sight(Snapshot.of([TABLE, COLUMN, function]), recorded()))
    assert found is not None
    up = draft_of(found, Resolution.ADOPT_DRIFT, AT, "7").text.split("-- migrate:up\n")[1]
    assert up.startswith("SET LOCAL check_function_bodies = off;")
