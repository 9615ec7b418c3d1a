"""Events: every change of a job is told once, in order, to the log and to whoever follows."""

from dataclasses import replace
from uuid import UUID, uuid4

from app.domain.events import Event, line
from app.domain.job import Attempt, Ended, JobId, JobKind, JobRequest, JobState, Origin, StepRecord, StepState
from app.domain.principal import Principal
from app.ports import EventsWanted, LogPart, NewJob
from tests.contract.conftest import Room
from tests.support.eventually import eventually

STEP = StepRecord(0, "orders", "3", "up", StepState.RUNNING)


def add(room: Room, finished: Ended | None = None) -> JobId:
    job_id = JobId(room.clock.new_id())
    request = JobRequest(JobKind.RUN, "development")
    return room.run(room.board.add(NewJob(job_id, request, Origin(), "3 to apply", finished=finished))).id


def start(room: Room, job_id: JobId) -> Attempt:
    attempt = room.run(room.claims.claim(job_id, "worker", 30_000))
    assert isinstance(attempt, Attempt)
    room.run(room.claims.started(attempt, 1))
    return attempt


def events(room: Room, job_id: UUID, after: int = 0) -> list[Event]:
    return list(room.run(room.events.find(EventsWanted(after, job_id=job_id))))


def told(room: Room, job_id: UUID) -> list[tuple[str, str]]:
    return [(one.type, one.said) for one in events(room, job_id)]


def test_what_happens_to_a_job_is_told_in_its_order(room: Room) -> None:
    job_id = add(room)
    attempt = start(room, job_id)
    room.run(room.claims.record_steps(attempt, [STEP], "applying orders (3)"))
    done = StepRecord(0, "orders", "3", "up", StepState.APPLIED, duration_ms=12)
    room.run(room.claims.record_steps(attempt, [done], "applying orders (3)"))
    room.run(room.claims.end(attempt, Ended(JobState.SUCCEEDED, "applied", "1 applied", notices=("look\nhere",))))
    assert [(type_, said) for type_, said in told(room, job_id) if type_ != "job.notice"] == [
        ("job.accepted", "run of development, asked for by anonymous: 3 to apply"),
        ("job.changed", "running (starting): taking the target"),
        ("job.changed", "running (applying): taking the target"),
        ("step.started", "orders (3) up"),
        ("job.progress", "applying orders (3)"),
        ("step.applied", "orders (3) up in 12 ms"),
        ("job.ended", "succeeded (applied): 1 applied"),
    ]
    assert [one.type for one in events(room, job_id)].count("job.notice") == 1


def test_what_a_step_says_is_told_line_by_line_while_its_attempt_lasts(room: Room) -> None:
    job_id = add(room)
    attempt = start(room, job_id)
    room.run(room.claims.record_steps(attempt, [STEP], "applying orders (3)"))
    room.run(room.claims.record_heard(attempt, [(STEP, "NOTICE: one"), (STEP, "zwei \u20ac, 'drei'")]))
    room.run(room.claims.record_heard(replace(attempt, number=9), [(STEP, "of another attempt")]))
    heard = [one for one in events(room, job_id) if one.type == "step.said"]
    assert [(one.said, one.step) for one in heard] == [
        ("orders (3) up: NOTICE: one", STEP),
        ("orders (3) up: zwei \u20ac, 'drei'", STEP),
    ]
    assert heard[0].log_end is not None and heard[1].log_end == heard[0].log_end + len(line(heard[1]))
    room.run(room.claims.end(attempt, Ended(JobState.SUCCEEDED, "applied", "1 applied")))
    room.run(room.claims.record_heard(attempt, [(STEP, "too late")]))
    assert [one.type for one in events(room, job_id)].count("step.said") == 2


def test_an_event_carries_what_it_is_about(room: Room) -> None:
    job_id = add(room)
    attempt = start(room, job_id)
    room.run(room.claims.record_steps(attempt, [STEP], "applying orders (3)"))
    accepted, *_, step, _ = events(room, job_id)
    assert (accepted.job_id, accepted.environment, accepted.kind, accepted.state, accepted.by) == (
        job_id, "development", "run", "queued", "anonymous",
    )  # fmt: skip
    assert (step.environment, step.step) == ("development", STEP)
    assert set(step.topics) == {"jobs", f"job:{job_id}", "environment:development"}


def test_a_job_with_nothing_to_do_is_accepted_and_over(room: Room) -> None:
    job_id = add(room, Ended(JobState.SUCCEEDED, "nothing_to_do", "nothing to do"))
    assert [type_ for type_, _ in told(room, job_id)] == ["job.accepted", "job.ended"]


def test_what_people_ask_of_a_job_is_told(room: Room) -> None:
    job_id, ann = add(room), Principal("ann", "token")
    room.run(room.control.pause(job_id, ann))
    room.run(room.control.resume(job_id, ann))
    room.run(room.control.cancel(job_id, ann))
    types = [type_ for type_, _ in told(room, job_id)]
    assert types == ["job.accepted", "job.paused", "job.resumed", "job.cancel_asked", "job.ended"]


def test_a_beat_is_no_news(room: Room) -> None:
    attempt = start(room, add(room))
    before = room.run(room.events.newest())
    assert room.run(room.claims.beat(attempt, 30_000))
    assert room.run(room.events.newest()) == before


def test_who_joins_hears_what_comes_and_reads_what_was(room: Room) -> None:
    heard: list[Event] = []
    before, other = add(room), add(room)
    since = room.run(room.feed.join([f"job:{before}"], heard.append))
    attempt = start(room, before)
    room.run(room.control.cancel(other, Principal("ann", "token")))
    room.run(room.claims.end(attempt, Ended(JobState.SUCCEEDED, "applied", "done")))
    eventually(lambda: heard and heard[-1].ends_job)
    room.run(room.feed.leave(heard.append))
    missed = room.run(room.events.find(EventsWanted(0, since, job_id=before)))
    assert [*missed, *heard] == events(room, before)


def test_the_log_is_read_by_its_bytes(room: Room) -> None:
    job_id = add(room)
    start(room, job_id)
    lines = [line(one) for one in events(room, job_id)]
    whole = b"".join(lines)
    assert room.run(room.events.log_bytes(job_id)) == len(whole)
    first, second, third = (len(b"".join(lines[: count + 1])) for count in range(3))
    part = LogPart(job_id, first, second - 1)
    assert [line(one) for one in room.run(room.events.lines(part, 10))] == [lines[1]]
    across = LogPart(job_id, first - 1, second)
    assert [line(one) for one in room.run(room.events.lines(across, 10))] == lines
    assert len(room.run(room.events.lines(across, 2))) == 2
    assert room.run(room.events.last_lines(job_id, 1)) == second and third == len(whole)
    assert room.run(room.events.last_lines(job_id, 3)) == 0
    assert room.run(room.events.log_bytes(uuid4())) == 0


def test_what_is_said_in_other_letters_counts_in_bytes_and_on_one_line(room: Room) -> None:
    job_id = add(room, Ended(JobState.SUCCEEDED, "nothing_to_do", "nichts zu tun: Grüße 🚤"))
    whole = b"".join(line(one) for one in events(room, job_id))
    assert room.run(room.events.log_bytes(job_id)) == len(whole)
    assert whole.count(b"\n") == 2


def test_what_became_of_steps_is_told_before_the_end(room: Room) -> None:
    job_id = add(room)
    attempt = start(room, job_id)
    steps = [replace(STEP, ordinal=number, name=f"n{number}") for number in range(3)]
    room.run(room.claims.record_steps(attempt, steps, "applying 3"))
    room.run(room.claims.record_steps(attempt, [replace(steps[0], state=StepState.APPLIED)], "applying 3"))
    room.run(room.claims.end(attempt, Ended(JobState.FAILED, "crashed", "it died")))
    types = [(type_, said.partition(" ")[0]) for type_, said in told(room, job_id)][3:]
    assert types == [
        ("step.started", "n0"), ("step.started", "n1"), ("step.started", "n2"), ("job.progress", "applying"),
        ("step.applied", "n0"), ("step.skipped", "n1"), ("step.skipped", "n2"), ("job.ended", "failed"),
    ]  # fmt: skip
    ends = [one.log_end for one in events(room, job_id)]
    assert ends == sorted(set(ends), key=lambda end: end or 0)
