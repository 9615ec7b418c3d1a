"""IdempotencyKeys: the first request with a key answers for all of them."""

import pytest

from app.domain.errors import IdempotencyInProgress, IdempotencyKeyReused
from app.ports import KeyClaim, KnownJob, StoredAnswer
from tests.contract.conftest import Room
from tests.contract.test_jobs import add

HASH, OTHER_HASH = b"\x01" * 32, b"\x02" * 32
ANSWER = StoredAnswer(202, (("Location", "/jobs/1"),), '{"id": 1}')


def begin(room: Room, request_hash: bytes = HASH, client: str = "ada") -> KeyClaim | StoredAnswer | KnownJob:
    return room.run(room.keys.begin(client, "key", request_hash))


def begun(room: Room) -> KeyClaim:
    claim = begin(room)
    assert isinstance(claim, KeyClaim)
    return claim


def test_the_same_request_again_gets_the_stored_answer(room: Room) -> None:
    room.run(room.keys.complete(begun(room), ANSWER))

    assert begin(room) == ANSWER


def test_another_request_with_the_same_key_is_refused(room: Room) -> None:
    room.run(room.keys.complete(begun(room), ANSWER))

    with pytest.raises(IdempotencyKeyReused):
        begin(room, OTHER_HASH)


def test_a_key_belongs_to_its_client(room: Room) -> None:
    room.run(room.keys.complete(begun(room), ANSWER))

    assert isinstance(begin(room, OTHER_HASH, client="grace"), KeyClaim)


def test_while_the_first_request_works_the_second_is_told_to_wait(room: Room) -> None:
    begun(room)

    with pytest.raises(IdempotencyInProgress):
        begin(room)


def test_a_refused_request_leaves_its_key_free(room: Room) -> None:
    room.run(room.keys.release(begun(room)))

    assert isinstance(begin(room, OTHER_HASH), KeyClaim)


def test_a_request_that_died_before_its_job_is_taken_over_and_cannot_add_one_later(room: Room) -> None:
    dead = begun(room)
    room.pass_time(91)

    assert isinstance(begin(room), KeyClaim)
    with pytest.raises(IdempotencyInProgress):
        add(room, idempotency=dead)


def test_a_request_that_died_after_its_job_is_answered_with_that_job(room: Room) -> None:
    job = add(room, idempotency=begun(room))
    room.pass_time(91)

    assert begin(room) == KnownJob(job.id)


def test_a_key_is_forgotten_after_a_day(room: Room) -> None:
    room.run(room.keys.complete(begun(room), ANSWER))
    room.pass_time(24 * 3600 + 1)

    assert room.run(room.sweep.purge()) == 1
    assert isinstance(begin(room, OTHER_HASH), KeyClaim)
