"""What is said of an environment that is no longer in liftlock.toml, and of the jobs that it has left."""

from dataclasses import replace
from datetime import UTC, datetime
from uuid import UUID

import pytest

from app.domain.convoying import UNDER_WAY
from app.domain.environment import Dsn, Environment, Protection, Target
from app.domain.job import Job, JobId, JobKind, JobRequest, JobState
from app.domain.removed import MOST_COUNTED, InFile, Removed, beside, waiting_for

NOON = datetime(2026, 1, 2, 12, tzinfo=UTC)
STAGING = Removed(InFile("staging", "postgresql://owner@db:5432/shop", Protection.CONFIRM), NOON, NOON, 12, 2)
JOB = Job(JobId(UUID(int=1)), JobRequest(JobKind.RUN, "staging"), JobState.QUEUED, "for_worker", "it waits", NOON, NOON)


def test_no_password_is_kept_of_an_address() -> None:
    kept = InFile.of(Environment("staging", Dsn("postgresql://owner:hush@db/shop?password=hush"), Protection.LOCKED))
    assert kept == InFile("staging", "postgresql://owner@db/shop", Protection.LOCKED)


@pytest.mark.parametrize(
    ("jobs", "still", "said"),
    [
        (12, 2, "12 jobs on record, of which 2 have not ended"),
        (2, 1, "2 jobs on record, of which 1 has not ended"),
        (1, 0, "1 job on record, and none that has not ended"),
        (MOST_COUNTED + 1, 0, "more than 1000 jobs on record, and none that has not ended"),
        (0, 0, "no job on record, but conflicts or drift"),
    ],
)
def test_the_numbers_are_said(jobs: int, still: int, said: str) -> None:
    assert replace(STAGING, jobs=jobs, open_jobs=still).on_record == said


def test_the_refusal_says_what_is_true_and_both_ways_out() -> None:
    refusal = STAGING.refusal()
    assert refusal.detail == (
        "staging is no longer in liftlock.toml, and has 12 jobs on record, of which 2 have not ended; "
        "put it back there and start Liftlock again, or remove it for good"
    )
    assert refusal.next_steps == ("DELETE /environments/staging?confirm=staging",)


@pytest.mark.parametrize("address", ["postgresql://another:hush@DB/shop", "postgresql://db:5432/shop?sslmode=disable"])
def test_whoever_has_its_database_now_is_named_whatever_its_role_there(address: str) -> None:
    others = (Environment("production", Dsn("postgresql://db/other")), Environment("qa", Dsn(address)))
    found = beside(STAGING, others)
    assert found.namesake == "qa" and "; qa has its database now; " in found.said
    assert found.remedies[0] == 'POST /environments/qa/claim {"confirm": "staging"}'


def test_another_port_database_or_schema_is_another_place() -> None:
    elsewhere = ("postgresql://db:5433/shop", "postgresql://db/shop2", "postgresql://a:1,b:2/shop")
    schemas = (Target("acme", Dsn("postgresql://db/shop"), scope="acme"),)
    others = [Environment(f"e{at}", Dsn(address)) for at, address in enumerate(elsewhere)]
    assert beside(STAGING, [*others, Environment("tenants", schemas[0].dsn, targets=schemas)]).namesake is None


def test_a_target_of_several_is_said_to_be_one() -> None:
    one = replace(STAGING, stood=replace(STAGING.stood, name="shop.us"))
    assert one.gone == "is no longer among the targets of shop in liftlock.toml"


def test_a_job_says_what_it_waits_for_unless_it_is_at_work() -> None:
    said = "its environment is no longer in liftlock.toml; it waits until that is put back"
    queued = waiting_for(JOB, STAGING)
    assert (queued.reason, queued.message) == ("environment_missing", said)
    waiting = waiting_for(replace(JOB, state=JobState.WAITING, reason="approval"), STAGING)
    assert (waiting.reason, waiting.message) == ("approval", f"it waits; {said}")
    for at_work in (replace(JOB, state=JobState.RUNNING), replace(JOB, reason=UNDER_WAY)):
        assert waiting_for(at_work, STAGING) == at_work


def test_where_it_has_stood_is_told_by_its_one_address() -> None:
    there, elsewhere = Dsn("postgresql://another:hush@DB/shop"), Dsn("postgresql://owner@db/shop2")
    assert STAGING.has_stood_at(Environment("staging", there))
    assert not STAGING.has_stood_at(Environment("staging", elsewhere))
    assert not STAGING.has_stood_at(Environment("staging", there, targets=(Target("eu", there),)))
