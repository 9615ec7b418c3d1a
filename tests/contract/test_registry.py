"""The registry of environments: versions, and what is on the audit trail."""

from typing import Any

from app.domain.convoy import Convoy
from app.domain.job import Attempt, Ended, GivenBack, JobId, JobKind, JobRequest, JobState, Origin
from app.domain.principal import Principal
from app.ports import NewJob
from tests.contract.conftest import Room
from tests.support.servers import execute

ANN = Origin(Principal("ann", "token"), "request 1")
DOCUMENT = {"url": "env:QA_URL", "requires": ["development"]}


def test_what_was_sent_is_kept_as_it_was_and_counts_its_changes(room: Room) -> None:
    first = room.run(room.registry.put("qa", DOCUMENT, None, ANN))
    assert first is not None
    assert (first.document, first.version, first.updated_by) == (DOCUMENT, 1, "ann")
    second = room.run(room.registry.put("qa", {"url": "env:B"}, 1, ANN))
    assert second is not None and second.version == 2
    assert [one.document for one in room.run(room.registry.all())] == [{"url": "env:B"}]


def test_another_version_than_the_one_that_was_seen_is_left_alone(room: Room) -> None:
    assert room.run(room.registry.put("qa", DOCUMENT, 3, ANN)) is None
    assert room.run(room.registry.put("qa", DOCUMENT, 0, ANN)) is not None
    assert room.run(room.registry.put("qa", {"url": "x"}, 0, ANN)) is None
    assert room.run(room.registry.put("qa", {"url": "x"}, 2, ANN)) is None
    assert [one.version for one in room.run(room.registry.all())] == [1]


def test_what_is_deleted_is_gone_and_may_come_again(room: Room) -> None:
    room.run(room.registry.put("qa", DOCUMENT, None, ANN))
    assert room.run(room.registry.delete("qa", None, ANN))
    assert not room.run(room.registry.delete("qa", None, ANN))
    assert room.run(room.registry.all()) == ()
    again = room.run(room.registry.put("qa", DOCUMENT, None, ANN))
    assert again is not None and again.version == 1


def test_another_version_than_the_one_that_was_seen_is_not_deleted(room: Room) -> None:
    room.run(room.registry.put("qa", DOCUMENT, None, ANN))
    assert not room.run(room.registry.delete("qa", 2, ANN))
    assert room.run(room.registry.delete("qa", 1, ANN))


def test_a_row_that_somebody_has_spoilt_keeps_no_other_from_being_read(room: Room) -> None:
    room.run(room.registry.put("good", DOCUMENT, None, ANN))
    if room.dsn is not None:
        spoilt = "INSERT INTO liftlock_control.environments (name, document, updated_by) VALUES ($1, $2, 'ann')"
        for name, document in (("a", "[]"), ("b", "null"), ("c", '"text"')):
            execute(room.dsn, spoilt, name, document)
    found = {one.name: one.document for one in room.run(room.registry.all())}
    assert found["good"] == DOCUMENT
    assert all(document == {} for name, document in found.items() if name != "good")


def add(room: Room, environment: str = "qa", **asked: Any) -> JobId:
    new = NewJob(JobId(room.clock.new_id()), JobRequest(JobKind.RUN, environment, **asked), ANN, "waiting")
    return room.run(room.board.add(new)).id


def take(room: Room, job: JobId) -> Attempt:
    attempt = room.run(room.claims.claim(job, "worker", 30_000))
    assert isinstance(attempt, Attempt)
    return attempt


def moved(room: Room, *queues: str) -> bool:
    return room.run(room.registry.put("qa", {"url": "env:B"}, None, ANN, queues)) is not None


def test_it_is_not_moved_while_a_job_of_one_of_its_queues_is_at_work(room: Room) -> None:
    room.run(room.registry.put("qa", DOCUMENT, None, ANN))
    job = add(room)
    assert moved(room, "qa", "qa.eu")
    attempt = take(room, job)
    assert not moved(room, "qa", "qa.eu") and moved(room, "qa.eu") and moved(room)
    assert room.run(room.claims.started(attempt, 1)) == 1
    room.run(room.claims.end(attempt, GivenBack("connection_lost", "gone")))
    assert not moved(room, "qa")
    room.run(room.claims.end(take(room, job), Ended(JobState.SUCCEEDED, "applied", "done")))
    assert moved(room, "qa")


def test_what_was_given_back_without_having_begun_moves_with_it(room: Room) -> None:
    room.run(room.registry.put("qa", DOCUMENT, None, ANN))
    room.run(room.claims.end(take(room, add(room)), GivenBack("target_unreachable", "away")))
    assert moved(room, "qa")


def test_one_that_leads_others_is_at_work_from_its_first_attempt_on(room: Room) -> None:
    room.run(room.registry.put("qa", DOCUMENT, None, ANN))
    job = add(room, convoy=Convoy(("qa.eu",), (None,)))
    assert moved(room, "qa")
    room.run(room.claims.end(take(room, job), GivenBack("for_targets", "1 of 1")))
    assert not moved(room, "qa")


def test_a_new_one_takes_over_no_job_that_has_begun_under_its_name(room: Room) -> None:
    take(room, add(room))
    assert not moved(room, "qa")
    assert room.run(room.registry.all()) == ()
    assert moved(room)
