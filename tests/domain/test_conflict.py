from uuid import UUID

import pytest

from app.domain.conflict import REMEDIES, Collision, Conflict, ConflictKind, ConflictState
from app.domain.settling import Resolution
from tests.domain.literals import NOON


@pytest.mark.parametrize("kind", ConflictKind)
def test_every_kind_has_a_way_out_that_is_explained(kind: ConflictKind) -> None:
    assert REMEDIES[kind]
    assert all(remedy.resolution and remedy.description.endswith(".") for remedy in REMEDIES[kind])


@pytest.mark.parametrize("kind", ConflictKind)
def test_no_kind_offers_one_way_out_twice(kind: ConflictKind) -> None:
    offered = [remedy.resolution for remedy in REMEDIES[kind]]
    assert len(offered) == len(set(offered))


@pytest.mark.parametrize(
    ("kind", "state"),
    [
        (ConflictKind.DUPLICATE_DELIVERY, ConflictState.RESOLVED),
        (ConflictKind.FENCED, ConflictState.RESOLVED),
        (ConflictKind.LOCK_CONTENTION, ConflictState.OPEN),
        (ConflictKind.CHECKSUM_MISMATCH, ConflictState.OPEN),
        (ConflictKind.VERSION_COLLISION, ConflictState.OPEN),
        (ConflictKind.MISSING_FILE, ConflictState.OPEN),
        (ConflictKind.MISSING_DEPENDENCY, ConflictState.OPEN),
        (ConflictKind.CYCLE, ConflictState.OPEN),
        (ConflictKind.OUT_OF_ORDER, ConflictState.OPEN),
        (ConflictKind.OBJECT_OVERLAP, ConflictState.OPEN),
        (ConflictKind.STRANDED_TARGET, ConflictState.OPEN),
        (ConflictKind.ENVIRONMENT_DIVERGENCE, ConflictState.OPEN),
    ],
)
def test_only_what_settles_itself_begins_as_resolved(kind: ConflictKind, state: ConflictState) -> None:
    assert Collision(kind, "two at once", "fingerprint").state is state


def test_a_changed_file_may_be_put_back_accepted_or_rolled_back() -> None:
    collision = Collision(ConflictKind.CHECKSUM_MISMATCH, "a has changed", "fingerprint")
    conflict = Conflict(UUID(int=1), collision, ConflictState.OPEN, 1, NOON, NOON)
    assert [remedy.resolution for remedy in conflict.remedies] == [
        "restore_file",
        "accept_file",
        "roll_back",
        "mark_rolled_back",
    ]


def test_what_settles_itself_takes_no_answer_and_everything_else_does() -> None:
    asked = {
        kind: [
            one.resolution
            for one in Conflict(UUID(int=1), Collision(kind, "", ""), ConflictState.OPEN, 1, NOON, NOON).may_be_asked
        ]
        for kind in ConflictKind
    }
    assert [kind for kind, resolutions in asked.items() if not resolutions] == [
        ConflictKind.DUPLICATE_DELIVERY,
        ConflictKind.FENCED,
    ]
    assert all(word in set(Resolution) for resolutions in asked.values() for word in resolutions)
