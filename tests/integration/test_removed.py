"""An environment is taken out of liftlock.toml, put back, or removed: on real databases, with processes that differ."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from uuid import UUID

import pytest
from structlog.testing import capture_logs

from app.caretaker import Caretaker
from app.domain.census import ProcessKind
from app.domain.environment import Dsn, Environment, SyncPolicy, Target
from app.domain.job import Job, JobId, JobKind, JobState
from tests.support.eventually import eventually
from tests.support.house import House, open_house
from tests.support.servers import Servers, execute, fetch, held, value

pytestmark = pytest.mark.servers

A = "-- migrate:up\nCREATE TABLE a (id int);\n-- migrate:down\nDROP TABLE a;\n"
Known = dict[str, Environment]
DUE = "SELECT next_dispatch_at <= clock_timestamp() FROM liftlock_control.jobs WHERE id = $1"


@pytest.fixture
def known(servers: Servers, folder: Path) -> Known:
    (folder / "1_a.sql").write_text(A)
    names = ("development", "staging")
    return {name: Environment(name, Dsn(servers.new_database())) for name in names}


@contextmanager
def started(servers: Servers, folder: Path, environments: Known, dsn: str | None = None) -> Iterator[House]:
    """A process with this file, as it is once it has begun."""
    with open_house(servers, folder, dsn, environments=environments) as house:
        house.run_async(house.services.registry.begin())
        yield house


def without(known: Known, name: str) -> Known:
    return {other: one for other, one in known.items() if other != name}


def job_in(house: House, name: str) -> Job:
    return house.submit(environment=name).job


def state_of(house: House, name: str) -> str | None:
    states = {one["name"]: one["state"] for one in house.http("GET", "/environments").get_json()}
    return states.get(name)


def test_a_start_with_a_wrong_file_loses_nothing(servers: Servers, folder: Path, known: Known) -> None:
    with started(servers, folder, known) as house:
        job = job_in(house, "staging")
        with started(servers, folder, without(known, "staging"), house.dsn) as wrong:
            assert state_of(wrong, "staging") == "removed"
            for _ in range(12):
                given_back = wrong.perform(job.id)
                assert (given_back.state, given_back.reason) == (JobState.QUEUED, "environment_missing")
                assert "its environment is no longer in liftlock.toml" in given_back.message
            assert value(house.dsn, DUE, job.id) is False
            assert wrong.http("POST", "/migrations/run?environment=staging").status_code == 409
        with started(servers, folder, known, house.dsn) as right:
            assert value(house.dsn, DUE, job.id) is True
            assert state_of(right, "staging") == "configured"
            assert right.perform(job.id).state is JobState.SUCCEEDED


def test_a_worker_with_an_older_file_leaves_the_jobs_of_others_alone(
    servers: Servers, folder: Path, known: Known
) -> None:
    newer = known | {"qa": Environment("qa", Dsn(servers.new_database()))}
    with started(servers, folder, known) as old, started(servers, folder, newer, old.dsn) as new:
        job = job_in(new, "qa")
        old.perform(job.id)
        shown = new.job(job.id)
        assert (shown.state, shown.reason) == (JobState.QUEUED, "environment_missing")
        assert "qa is not, or no longer, in the liftlock.toml of the worker" in shown.message
        assert new.perform(job.id).state is JobState.SUCCEEDED


def test_a_worker_that_cannot_read_what_is_registered_leaves_its_jobs_alone(
    servers: Servers, folder: Path, known: Known
) -> None:
    address = folder.parent / "qa.url"
    address.write_text(servers.new_database())
    qa = {"url": f"file:{address}", "requires": ["staging"]}
    with started(servers, folder, known) as house:
        assert house.http("PUT", "/environments/qa", json=qa).status_code == 201
        house.do(environment="staging")
        job = job_in(house, "qa")
        with started(servers, folder, without(known, "staging"), house.dsn) as wrong:
            wrong.perform(job.id)
            shown = wrong.job(job.id)
            assert (shown.state, shown.reason) == (JobState.QUEUED, "environment_missing")
            assert "qa is registered, and cannot be read by the worker" in shown.message
            assert value(house.dsn, DUE, job.id) is False
        with started(servers, folder, known, house.dsn) as right:
            assert value(house.dsn, DUE, job.id) is True
            assert right.perform(job.id).state is JobState.SUCCEEDED


def test_a_scan_of_one_that_is_removed_for_good_ends(servers: Servers, folder: Path, known: Known) -> None:
    with started(servers, folder, known) as house:
        house.do(environment="staging")
        scan = JobId(UUID(house.http("POST", "/environments/staging/drift/scan").get_json()["id"]))
        with started(servers, folder, without(known, "staging"), house.dsn) as left:
            assert left.perform(scan).state is JobState.QUEUED
            assert left.http("DELETE", "/environments/staging?confirm=staging").status_code == 204
            assert value(house.dsn, DUE, scan) is True
            assert (left.perform(scan).state, left.job(scan).reason) == (JobState.FAILED, "not_found")


def test_a_job_of_an_environment_that_was_never_known_ends_as_before(
    servers: Servers, folder: Path, known: Known
) -> None:
    with open_house(servers, folder, environments=known) as house:
        job = job_in(house, "staging")
        with open_house(servers, folder, house.dsn, environments=without(known, "staging")) as other:
            assert (other.perform(job.id).state, other.job(job.id).reason) == (JobState.FAILED, "not_found")


def test_removed_for_good_it_is_on_the_audit_trail_and_told_of(servers: Servers, folder: Path, known: Known) -> None:
    with started(servers, folder, known) as house:
        assert house.do(environment="staging").state is JobState.SUCCEEDED
        job = house.submit(JobKind.ROLLBACK, environment="staging").job
        with started(servers, folder, without(known, "staging"), house.dsn) as left:
            left.perform(job.id)
            asked = left.http("DELETE", "/environments/staging").get_json()
            assert (asked["jobs"], asked["openJobs"]) == (2, 1)
            assert left.http("DELETE", "/environments/staging?confirm=staging").status_code == 204
            assert left.job(job.id).state is JobState.CANCELLED
            assert state_of(left, "staging") is None
            rows = left.http("GET", "/audit?environment=staging").get_json()
            assert [row["action"] for row in rows][:2] == ["environments.delete", "jobs.cancel"]
            told = "SELECT environment FROM liftlock_control.events WHERE type = 'environment.removed'"
            assert [row["environment"] for row in fetch(house.dsn, told)] == ["staging"]
            # its own target is as it was, and whoever has it in the file again knows it again
            assert value(known["staging"].dsn.secret, "SELECT count(*) FROM a") == 0
        with started(servers, folder, known, house.dsn):
            pass
        with started(servers, folder, without(known, "staging"), house.dsn) as again:
            assert state_of(again, "staging") == "removed"


def test_without_a_file_there_is_development_alone_and_the_others_are_left_out(
    servers: Servers, folder: Path, known: Known
) -> None:
    with started(servers, folder, known) as house:
        for name in known:
            house.do(environment=name)
        bare = {"development": Environment("development", Dsn(house.dsn))}
        with started(servers, folder, bare, house.dsn) as alone:
            assert (state_of(alone, "development"), state_of(alone, "staging")) == ("configured", "removed")
            alone.do(environment="development")
        with started(servers, folder, without(known, "development"), house.dsn) as other:
            assert (state_of(other, "development"), state_of(other, "staging")) == ("removed", "configured")


def test_what_a_schedule_brings_ends_saying_so(servers: Servers, folder: Path, known: Known) -> None:
    follows = SyncPolicy("development", timedelta(hours=1))
    staging = Environment("staging", known["staging"].dsn, sync=follows)
    with started(servers, folder, known | {"staging": staging}) as house:
        house.run_async(house.services.schedules.configure())
        house.do(environment="staging")
        with started(servers, folder, without(known, "staging"), house.dsn) as left:
            left.run_async(left.services.schedules.configure())
            execute(
                house.dsn, "UPDATE liftlock_control.schedules SET next_due = clock_timestamp() WHERE kind = 'follow'"
            )
            left.run_async(left.services.schedules.tick())
            (row,) = fetch(house.dsn, "SELECT id FROM liftlock_control.jobs WHERE kind = 'follow'")
            ended = left.perform(JobId(row["id"]))
            assert (ended.state, ended.reason) == (JobState.SUCCEEDED, "nothing_to_do")
            assert "nothing is brought there" in ended.message


def test_a_sync_waits_for_the_environment_that_it_was_to_follow(servers: Servers, folder: Path, known: Known) -> None:
    with started(servers, folder, known) as house:
        house.do(environment="staging")
        asked = house.http("POST", "/environments/development/sync", json={"from": "staging"}).get_json()
        job = JobId(UUID(asked["id"]))
        with started(servers, folder, without(known, "staging"), house.dsn) as left:
            waits = left.perform(job)
            assert (waits.state, waits.reason) == (JobState.QUEUED, "environment_missing")
            assert waits.message.startswith("staging is not, or no longer, in the liftlock.toml")
        with started(servers, folder, known, house.dsn) as right:
            assert right.perform(job).state is JobState.SUCCEEDED


def test_a_sync_of_several_targets_waits_for_it_too(servers: Servers, folder: Path, known: Known) -> None:
    targets = tuple(Target(name, Dsn(servers.new_database())) for name in ("eu", "us"))
    both = known | {"shop": Environment("shop", targets[0].dsn, targets=targets)}
    with started(servers, folder, both) as house:
        house.do(environment="staging")
        asked = house.http("POST", "/environments/shop/sync", json={"from": "staging"}).get_json()
        with started(servers, folder, without(both, "staging"), house.dsn) as left:
            waits = left.perform(JobId(UUID(asked["id"])))
            assert (waits.state, waits.reason) == (JobState.QUEUED, "environment_missing")


def test_processes_that_start_together_lock_in_one_order(servers: Servers, folder: Path, known: Known) -> None:
    """Whoever comes to a row that another holds has those before it in the order of names, and none behind it."""
    backwards = dict(sorted(known.items(), reverse=True))
    rows = "SELECT name FROM liftlock_control.file_environments ORDER BY name FOR UPDATE SKIP LOCKED"
    last = "SELECT 1 FROM liftlock_control.file_environments WHERE name = 'staging' FOR UPDATE"
    with started(servers, folder, backwards) as house:
        with held(house.dsn, last, "somebody"):
            starting = threading.Thread(target=house.run_async, args=(house.services.removed.note_file(),))
            starting.start()
            eventually(lambda: fetch(house.dsn, rows) == [])
        starting.join(10)
        assert not starting.is_alive()


def test_a_job_over_several_targets_waits_for_the_one_that_is_left_out(
    servers: Servers, folder: Path, known: Known
) -> None:
    targets = tuple(Target(name, Dsn(servers.new_database())) for name in ("eu", "us"))
    both = known | {"shop": Environment("shop", targets[0].dsn, targets=targets)}
    one = known | {"shop": Environment("shop", targets[0].dsn, targets=targets[:1])}
    with started(servers, folder, both) as house:
        house.do(environment="shop.us")
        job = asked_for_all(house)
        with started(servers, folder, one, house.dsn) as left:
            assert (state_of(left, "shop"), state_of(left, "shop.us")) == ("configured", "removed")
            left.run_async(left.services.runner.perform(job.id))
            row = fetch(house.dsn, "SELECT state, reason, message FROM liftlock_control.jobs WHERE id = $1", job.id)[0]
            assert (row["state"], row["reason"]) == ("queued", "environment_missing")
            assert row["message"].startswith("shop.us is not, or no longer,")
        with started(servers, folder, both, house.dsn) as right:
            assert right.http("GET", f"/jobs/{job.id}").get_json()["state"] == "queued"
            right.perform(job.id)
            (child, *_) = right.job(job.id).parts
            assert child.request.environment == "shop.eu"


def asked_for_all(house: House) -> Job:
    asked = house.http("POST", "/migrations/run?environment=shop").get_json()
    return house.job(JobId(UUID(asked["id"])))


def test_every_process_says_what_is_in_its_file_and_the_api_what_is_left_out(
    servers: Servers, folder: Path, known: Known
) -> None:
    with started(servers, folder, known) as house:
        house.do(environment="staging")
        with open_house(servers, folder, house.dsn, environments=without(known, "staging")) as left:
            for kind, lines in ((ProcessKind.WORKER, 0), (ProcessKind.API, 1)):
                with capture_logs() as logged:
                    caretaker = Caretaker(left.services, kind)
                    caretaker.start()
                    eventually(lambda: fetch(house.dsn, "SELECT 1 FROM liftlock_control.processes"))
                    caretaker.stop()
                told = [one for one in logged if one["event"] == "environments.removed"]
                assert len(told) == lines
            assert told[0]["names"] == ["staging"] and "1 job on record" in told[0]["why"]
    seen = fetch(
        house.dsn, "SELECT name, last_seen_at > first_seen_at AS again FROM liftlock_control.file_environments"
    )
    assert {row["name"]: row["again"] for row in seen} == {"development": True, "staging": False}
