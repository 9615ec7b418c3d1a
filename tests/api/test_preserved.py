"""Preserved data over HTTP."""

import uuid
from datetime import UTC, datetime

import pytest

from app.domain.migration import Direction
from app.domain.preserved import PreservedKind, PreservedSet, PreservedState
from tests.api.stand import Stand, standing
from tests.domain.literals import sql

KEPT_AT = datetime(2026, 3, 1, 12, tzinfo=UTC)
RESTORE = f"/environments/development/preserved/{uuid.UUID(int=1)}/restore"


def _kept(**changed: object) -> PreservedSet:
    facts: dict[str, object] = {
        "id": uuid.UUID(int=1),
        "migration": "drop-note",
        "direction": Direction.UP,
        "job_id": uuid.UUID(int=2),
        "kind": PreservedKind.COLUMNS,
        "schema": "public",
        "name": "notes",
        "columns": ("note",),
        "rows": 3,
        "bytes": 16_384,
        "checksum": "17",
        "kept_at": KEPT_AT,
        "state": PreservedState.KEPT,
        "needed": True,
        "settled_at": None,
        "settled_by": None,
        "restored": None,
        "remarks": (),
        **changed,
    }
    return PreservedSet(**facts)  # type: ignore[arg-type]


def test_what_is_kept_is_listed_with_its_step_its_size_and_until_when(stand: Stand) -> None:
    stand.shelf.sets["development"] = [_kept()]
    (one,) = stand.client().get("/environments/development/preserved").get_json()
    assert one == {
        "id": str(uuid.UUID(int=1)),
        "migration": "drop-note",
        "direction": "up",
        "jobId": str(uuid.UUID(int=2)),
        "kind": "columns",
        "table": "notes",
        "columns": ["note"],
        "rows": 3,
        "bytes": 16_384,
        "checksum": "17",
        "keptAt": "2026-03-01T12:00:00.000000Z",
        "keptUntil": "2026-04-30T12:00:00.000000Z",
        "state": "kept",
        "needed": True,
        "settledAt": None,
        "settledByJobId": None,
        "restoredRows": None,
        "remarks": [],
        "actions": [
            {
                "name": "restore",
                "label": "Put the rows into a table of their own",
                "method": "POST",
                "href": RESTORE,
                "body": None,
                "allowed": True,
                "reason": None,
            }
        ],
        "links": {
            "self": "/environments/development/preserved",
            "job": f"/jobs/{uuid.UUID(int=2)}",
            "migration": "/migrations/drop-note?environment=development",
        },
    }


def test_what_nothing_can_give_back_is_kept_half_as_long_and_what_went_back_has_no_end(stand: Stand) -> None:
    gone = _kept(
        state=PreservedState.RESTORED, needed=False, restored=3, settled_at=KEPT_AT, settled_by=uuid.UUID(int=3)
    )
    stand.shelf.sets["development"] = [_kept(needed=False), gone]
    unneeded, restored = stand.client().get("/environments/development/preserved").get_json()
    assert unneeded["keptUntil"] == "2026-03-31T12:00:00.000000Z"
    assert (restored["keptUntil"], restored["restoredRows"]) == (None, 3)


def test_an_environment_that_is_not_there_and_a_target_that_is_away_are_said_so(stand: Stand) -> None:
    assert stand.client().get("/environments/nowhere/preserved").status_code == 404
    stand.shelf.away.add("development")
    answer = stand.client().get("/environments/development/preserved")
    assert answer.status_code == 503


def test_putting_it_into_a_table_is_a_job_that_names_the_table(stand: Stand) -> None:
    stand.apply(sql("drop-note", "2"))
    stand.shelf.sets["development"] = [_kept()]
    answer = stand.post(RESTORE, json={"note": "looked for"})
    assert answer.status_code == 202
    asked = answer.json["request"]
    assert (answer.json["kind"], asked["preservedId"]) == ("restore", str(uuid.UUID(int=1)))
    assert asked["table"].startswith("notes_kept_20")
    assert stand.post(RESTORE, json={"table": "back"}).json["request"]["table"] == "back"


def test_it_is_offered_where_there_are_rows(stand: Stand) -> None:
    stand.shelf.sets["development"] = [_kept(), _kept(state=PreservedState.PURGED)]
    kept, purged = stand.get("/environments/development/preserved").json
    assert (kept["actions"][0]["allowed"], kept["actions"][0]["href"]) == (True, RESTORE)
    assert (purged["actions"][0]["allowed"], purged["actions"][0]["reason"]) == (
        False,
        "the rows of notes were purged, for their time was over",
    )


@pytest.mark.parametrize(
    ("table", "status", "slug"),
    [
        ("taken", 409, "cannot-restore"),
        ("nowhere.x", 409, "cannot-restore"),
        ("liftlock.x", 422, "validation-failed"),
        ("", 422, "validation-failed"),
        ("x" * 64, 422, "validation-failed"),
        (5, 422, "validation-failed"),
    ],
)
def test_a_table_that_cannot_be_made_is_refused_at_once(stand: Stand, table: object, status: int, slug: str) -> None:
    stand.apply(sql("drop-note", "2"))
    stand.shelf.sets["development"] = [_kept()]
    stand.shelf.taken.add(("public", "taken"))
    refused = stand.post(RESTORE, json={"table": table})
    assert (refused.status_code, refused.json["type"]) == (status, f"/problems/{slug}")


def test_what_is_not_kept_and_what_is_kept_no_more_are_told_apart(stand: Stand) -> None:
    assert stand.post(RESTORE).status_code == 404
    assert stand.post(RESTORE.replace("000001", "x")).status_code == 404
    stand.shelf.sets["development"] = [_kept(state=PreservedState.RESTORED, restored=3)]
    refused = stand.post(RESTORE)
    assert (refused.status_code, refused.json["state"]) == (409, "restored")
    stand.shelf.away.add("development")
    assert stand.post(RESTORE).status_code == 503


def test_where_the_environment_is_protected_its_name_has_to_be_typed(stand: Stand) -> None:
    stand.apply(sql("drop-note", "2"))
    stand.shelf.sets["production"] = [_kept()]
    path = RESTORE.replace("development", "production")
    assert stand.post(path).status_code == 428
    assert stand.post(f"{path}?confirm=production").status_code == 202


def test_a_service_that_makes_no_changes_makes_none_of_these() -> None:
    with standing(changed_settings={"read_only": True}) as stand:
        stand.shelf.sets["development"] = [_kept()]
        assert stand.post(RESTORE).status_code == 403
        (kept,) = stand.get("/environments/development/preserved").json
        assert not kept["actions"][0]["allowed"]
