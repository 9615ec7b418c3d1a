"""What liftlock.toml has held: an environment that is no longer in it is told of while it has a history."""

from app.domain.conflict import Collision, ConflictKind
from app.domain.environment import Protection
from app.domain.job import NOT_HERE, Ended, GivenBack, JobKind, JobRequest, JobState, Origin
from app.domain.principal import Principal
from app.domain.removed import InFile, Removed
from tests.contract.conftest import Room
from tests.contract.test_jobs import DONE, add, claim

ANN = Origin(Principal("ann", "token"), "request 1")


def stood(*names: str) -> list[InFile]:
    return [InFile(name, f"postgresql://owner@db/{name}", Protection.CONFIRM) for name in names]


def left_out(room: Room, *known: str) -> tuple[Removed, ...]:
    return room.run(room.file.left_out(known, [name for name in known if "." not in name]))


def names(room: Room, *known: str) -> list[str]:
    return [one.name for one in left_out(room, *known)]


def test_what_is_left_out_is_told_of_with_its_jobs(room: Room) -> None:
    room.run(room.file.seen(stood("development", "staging")))
    room.run(room.claims.end(claim(room, add(room, "staging")), DONE))
    add(room, "staging"), add(room, "staging.eu"), add(room, "staging2")

    (found,) = left_out(room, "development")

    assert found.stood == stood("staging")[0]
    assert (found.jobs, found.open_jobs) == (3, 2)
    assert found.first_seen_at <= found.last_seen_at
    assert names(room, "development", "staging") == []


def test_without_a_history_it_is_forgotten(room: Room) -> None:
    room.run(room.file.seen(stood("development", "staging")))
    assert names(room) == []


def test_a_conflict_is_a_history(room: Room) -> None:
    room.run(room.file.seen(stood("staging")))
    room.run(room.conflicts.record(Collision(ConflictKind.CHECKSUM_MISMATCH, "it changed", "a", "staging")))
    (found,) = left_out(room)
    assert (found.name, found.jobs) == ("staging", 0)


def test_a_target_is_told_of_for_itself_only_where_the_rest_is_there(room: Room) -> None:
    room.run(room.file.seen(stood("shop", "shop.eu", "shop.us")))
    add(room, "shop.us")
    assert names(room, "shop", "shop.eu") == ["shop.us"]
    assert names(room) == ["shop"]


def test_what_was_removed_for_good_is_gone_until_it_stands_there_again(room: Room) -> None:
    room.run(room.file.seen(stood("shop", "shop.us")))
    add(room, "shop.us")

    assert room.run(room.file.remove("shop", ANN))

    assert names(room) == names(room, "shop") == []
    assert not room.run(room.file.remove("shop", ANN))
    assert not room.run(room.file.remove("nowhere", ANN))
    room.run(room.file.seen(stood("shop")))
    assert names(room) == ["shop"]


def test_one_that_was_registered_later_and_is_deleted_does_not_come_back(room: Room) -> None:
    room.run(room.file.seen(stood("qa", "qa.eu")))
    add(room, "qa.eu")
    room.run(room.registry.put("qa", {"url": "env:QA_URL"}, None, ANN))
    room.run(room.registry.delete("qa", None, ANN))
    assert names(room) == names(room, "qa") == []


def test_jobs_that_wait_for_their_environment_are_due_when_it_is_there(room: Room) -> None:
    scan = JobRequest(JobKind.SCAN, "staging")
    mine, target, look, other = (
        add(room, "staging"),
        add(room, "staging.eu"),
        add(room, request=scan),
        add(room, "staging2"),
    )
    for job in (mine, target, look, other):
        room.run(room.claims.end(claim(room, job), GivenBack(NOT_HERE, "it is not there", 900_000)))
    room.pass_time(30)
    room.run(room.file.wake(["production"]))
    assert room.run(room.sweep.due(10)) == ()

    room.run(room.file.wake(["production", "staging"]))

    assert set(room.run(room.sweep.due(10))) == {mine.id, target.id, look.id}


def test_jobs_that_wait_for_something_else_are_left_alone(room: Room) -> None:
    job = add(room, "staging")
    room.run(room.claims.end(claim(room, job), GivenBack("target_unreachable", "away", 900_000)))
    room.run(room.file.wake(["staging"]))
    room.pass_time(30)
    assert room.run(room.sweep.due(10)) == ()


def test_a_job_that_was_given_back_so_has_never_held_its_target(room: Room) -> None:
    job = add(room, "staging")
    for _ in range(12):
        room.run(room.claims.end(claim(room, job), GivenBack(NOT_HERE, "it is not there")))
    attempt = claim(room, job)
    assert (attempt.number, attempt.starts) == (13, 0)
    assert room.run(room.claims.end(attempt, Ended(JobState.SUCCEEDED, "applied", "done")))


def test_it_is_kept_since_when_it_is_known_and_when_it_was_seen_last(room: Room) -> None:
    room.run(room.file.seen(stood("staging")))
    add(room, "staging")
    (before,) = left_out(room)
    room.pass_time(1)
    moved = InFile("staging", "postgresql://owner@elsewhere/staging", Protection.LOCKED)

    room.run(room.file.seen([moved]))

    (after,) = left_out(room)
    assert (after.first_seen_at, after.stood) == (before.first_seen_at, moved)
    assert after.last_seen_at > before.last_seen_at
