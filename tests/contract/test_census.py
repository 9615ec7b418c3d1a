"""What is counted of the whole service, in memory and in PostgreSQL."""

from app.domain.census import Process, ProcessKind
from app.domain.conflict import Collision, ConflictKind
from app.domain.drift import DriftState
from app.domain.job import Origin
from tests.contract.conftest import Room
from tests.contract.test_drift import DRIFTED
from tests.contract.test_jobs import DONE, NOTHING, add, claim, new_job
from tests.contract.test_locks import FREE

HERE = Process("host:1", ProcessKind.WORKER, "1.2.3")


def test_nothing_is_counted_where_nothing_is(room: Room) -> None:
    census = room.run(room.muster.count())
    assert (dict(census.jobs), dict(census.conflicts), census.oldest_queued_s) == ({}, {}, 0)
    assert dict(census.sessions_waiting) == dict(census.drifted) == dict(census.processes) == {}


def test_jobs_are_counted_until_they_have_ended_and_the_sessions_behind_the_running_one(room: Room) -> None:
    done, running = add(room), add(room)
    room.run(room.claims.end(claim(room, done), DONE))
    room.run(room.locks.record(claim(room, running), FREE, "it works"))
    add(room)
    add(room, "staging")

    census = room.run(room.muster.count())

    assert census.jobs == {
        ("development", "running"): 1, ("development", "queued"): 1, ("staging", "queued"): 1,
    }  # fmt: skip
    assert census.sessions_waiting == {"development": 1}
    assert census.oldest_queued_s >= 0


def test_the_targets_of_a_rollout_are_counted_by_state_until_it_has_ended(room: Room) -> None:
    over, parent = add(room, "shop"), add(room, "crm")
    room.run(room.convoys.add(over.id, 0, new_job(room, "shop.eu", finished=NOTHING)))
    room.run(room.claims.end(claim(room, over), DONE))
    room.run(room.convoys.add(parent.id, 0, new_job(room, "crm.eu", finished=NOTHING)))
    for place in (1, 2):
        room.run(room.convoys.add(parent.id, place, new_job(room, f"crm.{place}")))

    assert room.run(room.muster.count()).rollout_targets == {"succeeded": 1, "queued": 2}


def test_open_conflicts_and_drift_are_counted_by_environment(room: Room) -> None:
    for number in range(2):
        collision = Collision(ConflictKind.CYCLE, "a circle", str(number), environment="staging")
        room.run(room.conflicts.record(collision))
    room.run(room.drift.put(DRIFTED))

    census = room.run(room.muster.count())

    assert census.conflicts == {("staging", "cycle"): 2}
    assert (DRIFTED.state, census.drifted) == (DriftState.DRIFTED, {"staging": 1})


def test_a_process_is_counted_from_its_first_word_to_its_last(room: Room) -> None:
    for process in (HERE, HERE, Process("host:2", ProcessKind.API, "1.2.3")):
        room.run(room.muster.seen(process))
    both = room.run(room.muster.count()).processes
    room.run(room.muster.gone(HERE.name))

    assert both == {"worker": 1, "api": 1}
    assert room.run(room.muster.count()).processes == {"api": 1}


def test_what_is_due_and_has_not_begun_is_overdue_until_somebody_ticks(room: Room) -> None:
    assert room.run(room.muster.count()).overdue_s == 0
    room.run(room.schedules.pause("rescue", Origin()))
    room.pass_time(900)
    assert 300 <= room.run(room.muster.count()).overdue_s < 360  # the purge, every 10 minutes; not what is paused
    room.run(room.schedules.tick())
    assert room.run(room.muster.count()).overdue_s == 0
