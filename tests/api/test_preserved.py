"""Preserved data over HTTP."""

import uuid
from datetime import UTC, datetime

from app.domain.migration import Direction
from app.domain.preserved import PreservedKind, PreservedSet, PreservedState
from tests.api.stand import Stand

KEPT_AT = datetime(2026, 3, 1, 12, tzinfo=UTC)


def _kept(**changed: object) -> PreservedSet:
    facts: dict[str, object] = {
        "id": uuid.UUID(int=1),
        "migration": "drop-note",
        "direction": Direction.UP,
        "job_id": uuid.UUID(int=2),
        "kind": PreservedKind.COLUMNS,
        "table": "notes",
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
        "links": {
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
