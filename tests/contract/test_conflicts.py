"""ConflictLog: repeats fold, causes that are gone close, waiting says how long."""

from app.domain.conflict import Collision, ConflictKind, ConflictState
from app.domain.job import JobId, Origin
from app.ports import Answer, ConflictQuery
from tests.contract.conftest import Room


def collision(
    kind: ConflictKind = ConflictKind.CHECKSUM_MISMATCH, fingerprint: str = "f", **changed: object
) -> Collision:
    values: dict[str, object] = {
        "kind": kind,
        "message": "they differ",
        "fingerprint": fingerprint,
        "environment": "development",
        "migrations": ("users",),
        "evidence": {"fileChecksum": "aa", "appliedChecksum": "bb"},
        "answer": "refused",
    }
    return Collision(**{**values, **changed})  # type: ignore[arg-type]


def test_a_conflict_is_kept_with_both_sides(room: Room) -> None:
    recorded = room.run(room.conflicts.record(collision()))

    kept = room.run(room.conflicts.get(recorded.id))

    assert kept is not None and kept.collision == collision()
    assert (kept.state, kept.count, kept.resolved_at) == (ConflictState.OPEN, 1, None)
    assert kept.remedies


def test_repeats_of_one_cause_are_one_record(room: Room) -> None:
    first = room.run(room.conflicts.record(collision()))
    again = room.run(room.conflicts.record(collision(message="they still differ")))
    other = room.run(room.conflicts.record(collision(fingerprint="g")))

    assert (again.id, again.count, again.collision.message) == (first.id, 2, "they still differ")
    assert other.id != first.id


def test_many_are_recorded_at_once_and_fold_like_one(room: Room) -> None:
    many = [collision(fingerprint=f"f{n}") for n in range(600)]
    first = room.run(room.conflicts.record_all(many))

    again = room.run(room.conflicts.record_all(many[:2]))

    assert len({one.id for one in first}) == 600
    assert {one.count for one in again} == {2}


def test_what_settles_itself_is_resolved_at_once_and_folds_for_ever(room: Room) -> None:
    first = room.run(room.conflicts.record(collision(ConflictKind.DUPLICATE_DELIVERY)))
    again = room.run(room.conflicts.record(collision(ConflictKind.DUPLICATE_DELIVERY)))

    assert (first.state, first.resolution) == (ConflictState.RESOLVED, "none")
    assert first.resolved_at is not None
    assert (again.id, again.count) == (first.id, 2)


def test_contention_says_how_long_it_waited_and_the_next_one_is_a_new_record(room: Room) -> None:
    job_id = JobId(room.clock.new_id())
    waiting = collision(ConflictKind.LOCK_CONTENTION, job_id=job_id)
    first = room.run(room.conflicts.record(waiting))

    assert room.run(room.conflicts.settle_contention(job_id, 1234)) == 1
    assert room.run(room.conflicts.settle_contention(job_id, 1)) == 0

    settled = room.run(room.conflicts.get(first.id))
    assert settled is not None
    assert (settled.state, settled.resolution, settled.waited_ms) == (ConflictState.RESOLVED, "wait", 1234)
    assert room.run(room.conflicts.record(waiting)).id != first.id


def test_a_conflict_expires_when_its_cause_is_seen_no_more(room: Room) -> None:
    stays = room.run(room.conflicts.record(collision(fingerprint="stays")))
    goes = room.run(room.conflicts.record(collision(fingerprint="goes")))
    elsewhere = room.run(room.conflicts.record(collision(fingerprint="else", environment="staging")))
    other_kind = room.run(room.conflicts.record(collision(ConflictKind.CYCLE, "cycle")))

    assert room.run(room.conflicts.expire("development", ["checksum_mismatch"], ["stays"])) == 1

    open_ids = {one.id for one in room.run(room.conflicts.find(ConflictQuery(state=ConflictState.OPEN)))}
    assert open_ids == {stays.id, elsewhere.id, other_kind.id}
    expired = room.run(room.conflicts.get(goes.id))
    assert expired is not None and expired.state is ConflictState.EXPIRED


def test_the_log_is_newest_first_filtered_and_paged(room: Room) -> None:
    recorded = [room.run(room.conflicts.record(collision(fingerprint=f"f{n}"))) for n in range(3)]
    newest_first = [one.id for one in sorted(recorded, key=lambda one: one.id, reverse=True)]

    def ids(query: ConflictQuery) -> list[object]:
        return [one.id for one in room.run(room.conflicts.find(query))]

    assert ids(ConflictQuery()) == newest_first
    assert ids(ConflictQuery(limit=1)) == newest_first[:1]
    assert ids(ConflictQuery(before=newest_first[0])) == newest_first[1:]
    assert ids(ConflictQuery(environment="staging")) == []


def test_an_answer_closes_a_conflict_with_who_and_why(room: Room) -> None:
    recorded = room.run(room.conflicts.record(collision()))

    closed = room.run(room.answers.close(recorded.id, Answer("restore_file", Origin(), "from the backup")))

    assert closed is not None and closed == room.run(room.conflicts.get(recorded.id))
    assert (closed.state, closed.resolution) == (ConflictState.RESOLVED, "restore_file")
    assert (closed.resolved_by, closed.note, closed.resolved_by_job) == ("anonymous", "from the backup", None)
    assert closed.resolved_at is not None
    assert closed.collision.answer == "restore_file, said anonymous"


def test_a_closed_conflict_is_not_closed_again_and_its_cause_makes_a_new_record(room: Room) -> None:
    recorded = room.run(room.conflicts.record(collision()))
    job_id = room.clock.new_id()
    first = room.run(room.answers.close(recorded.id, Answer("accept_file", Origin(), None, job_id)))

    assert room.run(room.answers.close(recorded.id, Answer("restore_file", Origin()))) is None
    assert room.run(room.answers.close(room.clock.new_id(), Answer("restore_file", Origin()))) is None

    assert first is not None and room.run(room.conflicts.get(recorded.id)) == first
    assert first.resolved_by_job == job_id
    assert room.run(room.conflicts.record(collision())).id != recorded.id


def test_what_is_to_be_ignored_stays_one_closed_record(room: Room) -> None:
    overlap = collision(ConflictKind.OBJECT_OVERLAP)
    recorded = room.run(room.conflicts.record(overlap))
    room.run(room.answers.close(recorded.id, Answer("ignore", Origin())))

    again = room.run(room.conflicts.record(overlap))

    assert (again.id, again.count, again.state) == (recorded.id, 2, ConflictState.RESOLVED)
    assert room.run(room.conflicts.find(ConflictQuery(state=ConflictState.OPEN))) == ()


def test_a_job_closes_what_expired_because_of_it_and_nobody_else_does(room: Room) -> None:
    recorded = room.run(room.conflicts.record(collision()))
    room.run(room.conflicts.expire("development", ["checksum_mismatch"], []))
    job_id = room.clock.new_id()

    assert room.run(room.answers.close(recorded.id, Answer("restore_file", Origin()))) is None
    closed = room.run(room.answers.close(recorded.id, Answer("accept_file", Origin(), None, job_id)))

    assert closed is not None
    assert (closed.state, closed.resolution, closed.resolved_by_job) == (
        ConflictState.RESOLVED, "accept_file", job_id,
    )  # fmt: skip
