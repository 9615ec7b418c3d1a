"""Jobs that wait for a moment: without a place in their queue, which they get when it has come."""

from datetime import UTC, datetime, timedelta

from app.domain.claim import ClaimRefusal, ClaimRefused
from app.domain.job import Attempt, Ended, Job, JobId, JobKind, JobRequest, JobState, Origin
from app.domain.principal import Principal
from app.domain.schedule import Wanted
from app.ports import NewJob
from tests.contract.conftest import Room

HOUR = 3600.0
FOLLOWS = Wanted("sync-staging", JobKind.FOLLOW, timedelta(minutes=15), "staging")


def now(room: Room) -> datetime:
    return room.clock.now() if room.dsn is None else datetime.now(UTC)


def add(room: Room, wait_s: float | None = None, finished: Ended | None = None) -> Job:
    moment = None if wait_s is None else now(room) + timedelta(seconds=wait_s)
    job_id = JobId(room.clock.new_id())
    request = JobRequest(JobKind.RUN, "development")
    return room.run(room.board.add(NewJob(job_id, request, Origin(), "waiting", finished=finished, not_before=moment)))


def get(room: Room, job: Job) -> Job:
    found = room.run(room.board.get(job.id))
    assert found is not None
    return found


def claim(room: Room, job: Job) -> Attempt | ClaimRefused:
    return room.run(room.claims.claim(job.id, "worker", 30_000))


def test_a_job_that_waits_has_no_place_and_nobody_takes_or_rings_for_it(room: Room) -> None:
    waiting = add(room, HOUR)
    assert (waiting.state, waiting.reason, waiting.seq) == (JobState.WAITING, "window", None)
    assert waiting.not_before is not None and waiting.finished_at is None
    assert room.run(room.board.open_on("development")) == ()
    refused = claim(room, waiting)
    assert isinstance(refused, ClaimRefused) and refused.why is not ClaimRefusal.UNKNOWN
    room.pass_time(60)
    assert room.run(room.sweep.wake(10)) == 0
    assert room.run(room.sweep.due(10)) == ()


def test_when_its_moment_has_come_it_goes_behind_those_that_came_meanwhile(room: Room) -> None:
    waiting, other = add(room, HOUR), add(room)
    room.pass_time(HOUR + 1)
    assert room.run(room.sweep.wake(10)) == 1
    woken = get(room, waiting)
    assert (woken.state, woken.reason) == (JobState.QUEUED, "for_worker")
    assert [job.id for job in room.run(room.board.open_on("development"))] == [other.id, waiting.id]
    assert room.run(room.sweep.wake(10)) == 0


def test_whoever_takes_it_knows_what_it_has_waited_for(room: Room) -> None:
    waiting = add(room, HOUR)
    room.pass_time(HOUR + 1)
    assert room.run(room.sweep.wake(10)) == 1
    taken = claim(room, waiting)
    assert isinstance(taken, Attempt) and taken.not_before is not None
    assert taken.not_before == get(room, waiting).not_before


def test_who_has_waited_longest_is_woken_first(room: Room) -> None:
    later, sooner = add(room, HOUR), add(room, HOUR / 2)
    room.pass_time(HOUR + 1)
    assert room.run(room.sweep.wake(1)) == 1
    assert (get(room, later).state, get(room, sooner).state) == (JobState.WAITING, JobState.QUEUED)


def test_a_job_that_waits_is_cancelled_at_once_and_never_woken(room: Room) -> None:
    waiting = add(room, HOUR)
    cancelled = room.run(room.control.cancel(waiting.id, Principal("ann", "token")))
    assert cancelled is not None and (cancelled.state, cancelled.reason) == (JobState.CANCELLED, "by_user")
    room.pass_time(HOUR + 1)
    assert room.run(room.sweep.wake(10)) == 0


def test_what_is_over_when_it_is_born_waits_for_nothing(room: Room) -> None:
    done = add(room, HOUR, Ended(JobState.SUCCEEDED, "nothing_to_do", "nothing to do"))
    assert (done.state, done.not_before) == (JobState.SUCCEEDED, None)


def test_a_schedule_of_an_environment_starts_jobs_of_that_environment(room: Room) -> None:
    room.run(room.schedules.keep(JobKind.FOLLOW, [FOLLOWS]))
    room.run(room.schedules.keep(JobKind.FOLLOW, [FOLLOWS]))
    assert room.run(room.schedules.tick()) == ()
    room.pass_time(15 * 60)
    jobs = [room.run(room.board.get(job_id)) for job_id in room.run(room.schedules.tick())]
    (job,) = [job for job in jobs if job is not None and job.request.kind is JobKind.FOLLOW]
    assert (job.request.environment, job.request.schedule) == ("staging", "sync-staging")


def test_what_the_configuration_asks_for_no_more_is_gone_and_what_is_paused_stays_so(room: Room) -> None:
    room.run(room.schedules.keep(JobKind.FOLLOW, [FOLLOWS]))
    room.run(room.schedules.pause("sync-staging", Origin()))
    faster = Wanted(FOLLOWS.name, FOLLOWS.kind, timedelta(minutes=5), FOLLOWS.environment)
    room.run(room.schedules.keep(JobKind.FOLLOW, [faster]))
    (kept,) = [one for one in room.run(room.schedules.all()) if one.kind is JobKind.FOLLOW]
    assert (kept.every, kept.paused, kept.environment) == (timedelta(minutes=5), True, "staging")
    room.run(room.schedules.keep(JobKind.FOLLOW, []))
    assert [one.name for one in room.run(room.schedules.all())] == ["compare", "drift", "purge", "reconcile", "rescue"]
