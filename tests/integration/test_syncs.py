"""Three environments that follow one another, on three real databases."""

import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from app.adapters.clock import SystemClock
from app.domain.environment import Dsn, Environment, OnDrift, OutOfOrder, Protection, SchemaCheck, SyncPolicy
from app.domain.errors import Forbidden
from app.domain.job import Job, JobId, JobKind, JobRequest, JobState, Origin, OutsideWindows
from app.domain.principal import Principal
from app.domain.windows import Window, Windows
from app.services.resolving import Asked
from app.services.submission import Submitted
from tests.support.eventually import eventually
from tests.support.house import House, open_house
from tests.support.servers import Servers, execute, fetch, held, value

ONE = "-- migrate:up\nCREATE TABLE {name} (id int PRIMARY KEY);\n-- migrate:down\nDROP TABLE {name};\n"
ALWAYS = Windows(deny=(Window("* * * * *", timedelta(minutes=5)),))


@pytest.fixture
def stages(servers: Servers) -> dict[str, Environment]:
    development = Environment("development", Dsn(servers.new_database()))
    staging = Environment(
        "staging",
        Dsn(servers.new_database()),
        Protection.CONFIRM,
        OnDrift.REFUSE,
        out_of_order=OutOfOrder.REFUSE,
        requires=("development",),
        sync=SyncPolicy("development", timedelta(minutes=15)),
    )
    production = replace(
        staging,
        name="production",
        dsn=Dsn(servers.new_database()),
        protection=Protection.LOCKED,
        requires=("staging",),
        sync=SyncPolicy("staging"),
    )
    return {one.name: one for one in (development, staging, production)}


@pytest.fixture
def house(servers: Servers, folder: Path, stages: dict[str, Environment]) -> Iterator[House]:
    for name in ("1_users", "2_orders"):
        (folder / f"{name}.sql").write_text(ONE.format(name=name[2:]))
    with open_house(servers, folder, environments=stages) as house:
        yield house


def ask(house: House, path: str, body: dict[str, Any] | None = None, status: int = 202) -> dict[str, Any]:
    answer = house.http("POST", path, json=body or {})
    assert answer.status_code == status, answer.get_data(as_text=True)
    found: dict[str, Any] = answer.get_json()
    return found


def sync(house: House, environment: str, **body: Any) -> Job:
    asked = ask(house, f"/environments/{environment}/sync", body)
    job = house.job(JobId(asked["id"]))
    return job if job.state.final else house.perform(job.id)


def tables(stages: dict[str, Environment], environment: str) -> list[str]:
    rows = fetch(
        stages[environment].dsn.secret,
        "SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace ORDER BY relname",
    )
    return [row["relname"] for row in rows]


def copied(dsn: str, source: str, copy: str) -> None:
    """`copy` is as `source` is now, whoever is connected to either."""
    server = dsn.rpartition("/")[0] + "/postgres"
    for name in (source, copy):
        execute(server, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1", name)
    execute(server, f'DROP DATABASE IF EXISTS "{copy}" WITH (FORCE)')
    execute(server, f'CREATE DATABASE "{copy}" TEMPLATE "{source}"')


def test_what_is_completed_goes_from_one_environment_to_the_next(house: House, stages: dict[str, Environment]) -> None:
    assert house.do(to="users").state is JobState.SUCCEEDED
    first = sync(house, "staging")
    assert (first.state, first.reason, [step.name for step in first.steps]) == (
        JobState.SUCCEEDED, "applied", ["users"],
    )  # fmt: skip
    assert tables(stages, "staging") == ["users"]
    assert sync(house, "production").reason == "applied"
    assert tables(stages, "production") == ["users"]
    again = sync(house, "production")
    assert (again.reason, again.message) == (
        "nothing_to_do",
        "nothing to do: production has all that staging has completed",
    )


def test_a_run_is_refused_for_what_has_not_been_through_the_environment_before(house: House) -> None:
    house.do()
    problem = ask(house, "/migrations/run?environment=production", status=409)
    assert problem["type"] == "/problems/not-promoted"
    assert [one["message"] for one in problem["problems"]] == [
        "users is not completed in staging, which production requires",
        "orders is not completed in staging, which production requires",
    ]


def test_what_has_not_soaked_is_held_back_by_a_sync_and_refused_to_a_run(
    servers: Servers, folder: Path, stages: dict[str, Environment]
) -> None:
    for name in ("1_users", "2_orders"):
        (folder / f"{name}.sql").write_text(ONE.format(name=name[2:]))
    stages["production"] = replace(stages["production"], soak=timedelta(hours=24))
    with open_house(servers, folder, environments=stages) as house:
        house.do()
        sync(house, "staging")
        execute(
            stages["staging"].dsn.secret,
            "UPDATE liftlock.migrations SET updated_at = updated_at - interval '25 h' WHERE name = 'users'",
        )
        refused = ask(house, "/migrations/run?environment=production", status=409)
        assert "orders has to stand in staging for 1d before it may run here" in refused["detail"]
        assert '{"to": "users"}' in refused["nextSteps"][0]
        job = sync(house, "production")
        assert [step.name for step in job.steps] == ["users"]
        assert any(notice.startswith("held back: orders has to stand in staging for 1d") for notice in job.notices)
        last = sync(house, "production")
        assert last.message == "nothing to do: production may take nothing yet of that staging has completed"


def test_a_dry_run_answers_the_plan_and_changes_nothing(house: House, stages: dict[str, Environment]) -> None:
    house.do()
    plan = ask(house, "/environments/staging/sync", {"dryRun": True}, 201)
    assert (plan["kind"], plan["verdict"], [step["name"] for step in plan["steps"]]) == (
        "sync", "ready", ["users", "orders"],
    )  # fmt: skip
    assert tables(stages, "staging") == []


def test_an_environment_that_is_ahead_is_told_so_and_left_alone(house: House) -> None:
    house.do()
    sync(house, "staging")
    house.do(JobKind.ROLLBACK)
    job = sync(house, "staging")
    assert job.reason == "nothing_to_do"
    (said,) = [notice for notice in job.notices if "ahead" in notice]
    assert said.startswith("staging is ahead of development by orders, which a sync leaves alone")


def test_two_environments_with_different_files_of_one_name_are_told_apart(house: House, folder: Path) -> None:
    house.do(to="users")
    sync(house, "staging")
    house.do(JobKind.ROLLBACK)
    (folder / "1_users.sql").write_text(ONE.format(name="members"))
    house.do(to="users")
    problem = ask(house, "/environments/staging/sync", status=409)
    assert problem["type"] == "/problems/conflicts-open"


def test_an_environment_that_follows_none_asks_for_a_source(house: House) -> None:
    problem = ask(house, "/environments/development/sync", status=422)
    assert problem["problems"][0]["pointer"] == "/from"
    assert [step.rpartition(" -d ")[2] for step in problem["nextSteps"]] == [
        """'{"from": "staging"}'""",
        """'{"from": "production"}'""",
    ]
    assert ask(house, "/environments/staging/sync", {"from": "nowhere"}, 404)["type"] == "/problems/not-found"
    assert ask(house, "/environments/staging/sync", {"from": "staging"}, 422)["type"] == "/problems/validation-failed"


def test_while_the_required_environment_is_away_the_job_waits_and_says_for_whom(
    servers: Servers, folder: Path, stages: dict[str, Environment]
) -> None:
    (folder / "1_users.sql").write_text(ONE.format(name="users"))
    away = replace(stages["staging"], dsn=Dsn("postgresql://nobody@127.0.0.1:1/away"))
    with open_house(servers, folder, environments=stages | {"staging": away}) as house:
        asked = ask(house, "/migrations/run?environment=production")
        assert "staging, which production requires, cannot be read" in asked["warnings"][0]
        job = house.perform(JobId(asked["id"]))
        assert (job.state, job.reason) == (JobState.QUEUED, "target_unreachable")
        assert "staging, which production requires, cannot be read" in job.message


def test_drift_in_the_middle_stops_the_sync(house: House, stages: dict[str, Environment]) -> None:
    house.do(to="users")
    sync(house, "staging")
    execute(stages["staging"].dsn.secret, "ALTER TABLE users ADD COLUMN by_hand int")
    house.do()
    job = sync(house, "staging")
    assert (job.state, job.reason) == (JobState.FAILED, "drift_present")
    assert tables(stages, "staging") == ["users"]


def test_the_schedule_follows_by_itself_and_only_where_there_is_something(
    house: House, stages: dict[str, Environment]
) -> None:
    house.run_async(house.services.schedules.configure())
    (schedule,) = [one for one in house.http("GET", "/schedules").get_json() if one["kind"] == "follow"]
    assert (schedule["name"], schedule["environment"], schedule["everyMs"]) == ("sync-staging", "staging", 900_000)

    def tick() -> Job:
        started = house.run_async(house.services.schedules.run("sync-staging", None, Origin()))
        return house.perform(started.job.id)

    assert tick().reason == "nothing_to_do"
    house.do()
    followed = tick()
    assert followed.reason == "submitted"
    (job,) = [one for one in house.http("GET", "/jobs?kind=sync").get_json() if one["state"] == "queued"]
    assert house.perform(JobId(job["id"])).reason == "applied"
    assert tables(stages, "staging") == ["orders", "users"]
    assert tick().reason == "nothing_to_do"


def test_outside_of_its_windows_an_environment_is_not_changed_at_submission_or_by_a_worker(
    servers: Servers, folder: Path, stages: dict[str, Environment]
) -> None:
    (folder / "1_users.sql").write_text(ONE.format(name="users"))
    shut = {"development": replace(stages["development"], windows=ALWAYS)}
    with open_house(servers, folder, environments=shut) as house:
        problem = ask(house, "/migrations/run", status=409)
        assert problem["type"] == "/problems/outside-window"
        assert problem["opensAt"] is None
    with open_house(servers, folder, environments={"development": stages["development"]}) as house:
        waiting = house.submit().job
        late = open_house(servers, folder, house.dsn, environments=shut)
        with late as closed:
            job = closed.perform(waiting.id)
        assert (job.state, job.reason) == (JobState.FAILED, "outside_window")
        assert tables(stages, "development") == []


def test_a_worker_whose_clock_is_behind_runs_what_has_waited_for_its_window(
    servers: Servers, folder: Path, stages: dict[str, Environment], monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "1_users.sql").write_text(ONE.format(name="users"))
    opens, behind = datetime.now(UTC).replace(second=0, microsecond=0), timedelta(minutes=30)
    nightly = Windows(allow=(Window(f"{opens.minute} {opens.hour} * * *", timedelta(hours=6)),))
    monkeypatch.setattr(SystemClock, "now", lambda _: datetime.now(UTC) - behind)
    command = (sys.executable, "-c", "pass")
    environments = {"development": replace(stages["development"], windows=nightly, before_run=command)}
    with open_house(servers, folder, environments=environments) as house:
        waiting = house.submit(outside_window=OutsideWindows.QUEUE).job
        assert (waiting.state, waiting.not_before) == (JobState.WAITING, opens)

        house.run_async(house.services.sweeper.sweep())
        job = house.perform(waiting.id)

        assert (job.state, job.reason) == (JobState.SUCCEEDED, "applied")


def test_what_waits_for_approval_runs_what_was_approved_or_nothing(
    servers: Servers, folder: Path, stages: dict[str, Environment]
) -> None:
    (folder / "1_users.sql").write_text(ONE.format(name="users"))
    guarded = {"development": replace(stages["development"], approvals=1)}
    ann, bob = (Origin(Principal(name, "token")) for name in ("ann", "bob"))
    with open_house(servers, folder, environments=guarded) as house:

        def approved() -> Job:
            request = JobRequest(JobKind.RUN, "development")
            job = house.run_async(house.services.migrations.submit(request, ann)).job
            assert (job.state, job.reason) == (JobState.WAITING, "approval")
            return house.run_async(house.services.approvals.approve(job.id, "go", bob))

        stale = approved()
        (folder / "2_orders.sql").write_text(ONE.format(name="orders"))
        void = house.perform(stale.id)
        assert (void.state, void.reason) == (JobState.FAILED, "approval_void")
        assert void.error is not None and "the file of orders was added" in void.error.message
        assert void.error.next_steps == (f"POST /jobs/{stale.id}/retry",)
        assert tables(stages, "development") == []
        assert house.perform(approved().id).reason == "applied"
        assert tables(stages, "development") == ["orders", "users"]
        (folder / "3_lines.sql").write_text(ONE.format(name="lines"))
        drifted = approved()
        execute(stages["development"].dsn.secret, "ALTER TABLE users ADD COLUMN by_hand int")
        void = house.perform(drifted.id)
        assert (void.state, void.reason) == (JobState.FAILED, "approval_void")


def test_what_a_target_has_lost_after_a_failover_becomes_a_conflict(
    house: House, stages: dict[str, Environment]
) -> None:
    def reconcile() -> Job:
        started = house.run_async(house.services.schedules.run("reconcile", None, Origin()))
        return house.perform(started.job.id)

    def conflicts() -> list[dict[str, Any]]:
        return [one for one in house.http("GET", "/migrations/conflicts").get_json() if one["kind"] == "lost_work"]

    house.do(to="users")
    sync(house, "staging")
    assert (reconcile().reason, conflicts()) == ("nothing_to_do", [])
    dsn, name = stages["staging"].dsn.secret, stages["staging"].dsn.database
    copied(dsn, name, f"{name}_dump")
    house.do()
    lost = eventually(lambda: sync(house, "staging"))
    copied(dsn, f"{name}_dump", name)
    assert eventually(lambda: reconcile().reason) == "lost_work"
    (conflict,) = conflicts()
    assert (conflict["environment"], conflict["state"], conflict["jobId"]) == ("staging", "open", str(lost.id))
    assert [one["job"] for one in conflict["evidence"]["inControlDatabase"]] == [str(lost.id)]
    assert reconcile().reason == "lost_work" and len(conflicts()) == 1
    settled = house.http("POST", f"/migrations/conflicts/{conflict['id']}/resolve", json={"resolution": "ignore"})
    assert settled.status_code == 200
    assert sync(house, "staging").reason == "applied"
    reconcile()
    assert [one["state"] for one in conflicts()] == ["resolved"]
    assert tables(stages, "staging") == ["orders", "users"]


def test_what_is_not_as_what_it_requires_has_led_to_becomes_a_conflict_until_it_is_gone(
    house: House, stages: dict[str, Environment]
) -> None:
    def compare() -> Job:
        return house.perform(house.run_async(house.services.schedules.run("compare", None, Origin())).job.id)

    def conflicts() -> list[tuple[str, str]]:
        found = house.http("GET", "/migrations/conflicts").get_json()
        return [(one["environment"], one["state"]) for one in found if one["kind"] == "environment_divergence"]

    house.do()
    sync(house, "staging")
    assert (compare().reason, conflicts()) == ("nothing_to_do", [])
    staging = stages["staging"].dsn.secret
    execute(staging, "CREATE TABLE by_hand (id int)")
    found = compare()
    assert (found.reason, found.message) == (
        "diverged",
        "staging against development: their schemas differ in 1 object; see the conflict log",
    )
    assert compare().reason == "diverged" and conflicts() == [("staging", "open")]
    execute(staging, "DROP TABLE by_hand")
    assert (compare().reason, conflicts()) == ("nothing_to_do", [("staging", "expired")])
    house.do(JobKind.ROLLBACK)
    assert "staging has 1 migration (orders) that development lacks" in compare().message
    assert conflicts() == [("staging", "open"), ("staging", "expired")]


ANN, BOB = (Origin(Principal(name, "token")) for name in ("ann", "bob"))


@pytest.mark.parametrize("check", [SchemaCheck.JOB, SchemaCheck.OFF])
def test_an_approval_is_held_to_the_schema_also_where_none_is_on_record(
    servers: Servers, folder: Path, stages: dict[str, Environment], check: SchemaCheck
) -> None:
    (folder / "1_users.sql").write_text(ONE.format(name="users"))
    guarded = {"development": replace(stages["development"], approvals=1, schema_check=check)}
    with open_house(servers, folder, environments=guarded) as house:
        job = house.run_async(house.services.migrations.submit(JobRequest(JobKind.RUN, "development"), ANN)).job
        house.run_async(house.services.approvals.approve(job.id, None, BOB))
        execute(stages["development"].dsn.secret, "CREATE TABLE by_hand (id int)")
        void = house.perform(job.id)
        assert (void.state, void.reason) == (JobState.FAILED, "approval_void")
        assert tables(stages, "development") == ["by_hand"]


def test_who_runs_the_schedule_of_an_environment_does_not_approve_its_sync(
    servers: Servers, folder: Path, stages: dict[str, Environment]
) -> None:
    (folder / "1_users.sql").write_text(ONE.format(name="users"))
    stages["staging"] = replace(stages["staging"], approvals=1)
    with open_house(servers, folder, environments=stages) as house:
        house.do()
        house.run_async(house.services.schedules.configure())
        started = house.run_async(house.services.schedules.run("sync-staging", None, ANN))
        assert house.perform(started.job.id).reason == "submitted"
        (asked,) = house.http("GET", "/jobs?kind=sync").get_json()
        job = house.job(JobId(asked["id"]))
        assert (job.state, job.origin.principal.id) == (JobState.WAITING, "ann")
        with pytest.raises(Forbidden, match="somebody else has to approve it"):
            house.run_async(house.services.approvals.approve(job.id, None, ANN))
        house.run_async(house.services.approvals.approve(job.id, None, BOB))
        assert house.perform(job.id).reason == "applied"


def test_a_schedule_asks_again_only_for_what_nobody_has_rejected(
    servers: Servers, folder: Path, stages: dict[str, Environment]
) -> None:
    (folder / "1_users.sql").write_text(ONE.format(name="users"))
    stages["staging"] = replace(stages["staging"], approvals=1)
    with open_house(servers, folder, environments=stages) as house:
        house.do()
        house.run_async(house.services.schedules.configure())

        def tick() -> Job:
            return house.perform(house.run_async(house.services.schedules.run("sync-staging", None, ANN)).job.id)

        assert tick().reason == "submitted"
        (asked,) = house.http("GET", "/jobs?kind=sync").get_json()
        house.run_async(house.services.approvals.reject(UUID(asked["id"]), "not now", BOB))
        again = tick()
        assert (again.reason, "rejected by bob: not now" in again.message) == ("nothing_to_do", True)
        (folder / "2_orders.sql").write_text(ONE.format(name="orders"))
        house.do()
        assert tick().reason == "submitted"


def test_a_worker_takes_a_registered_environment_as_it_is_now(
    servers: Servers, folder: Path, stages: dict[str, Environment]
) -> None:
    """Its own knowledge is a few seconds old: the address may have changed since."""
    (folder / "1_users.sql").write_text(ONE.format(name="users"))
    file = {"development": stages["development"]}
    urls = {"OLD": stages["staging"].dsn.secret, "NEW": stages["production"].dsn.secret}
    with (
        open_house(servers, folder, environments=file, environ=urls) as house,
        open_house(servers, folder, house.dsn, environments=file, environ=urls) as worker,
    ):
        assert house.http("PUT", "/environments/qa", json={"url": "env:OLD"}).status_code == 201
        worker.run_async(worker.services.registry.refresh())
        assert house.http("PUT", "/environments/qa", json={"url": "env:NEW"}).status_code == 200
        job = house.submit(environment="qa").job
        assert worker.perform(job.id).reason == "applied"
        assert (tables(stages, "staging"), tables(stages, "production")) == ([], ["users"])


def test_nobody_begins_a_job_while_its_environment_is_being_moved(
    servers: Servers, folder: Path, stages: dict[str, Environment]
) -> None:
    """Who takes it then finds the new address."""
    (folder / "1_users.sql").write_text(ONE.format(name="users"))
    urls = {"OLD": stages["staging"].dsn.secret, "NEW": stages["production"].dsn.secret}
    with (
        open_house(servers, folder, environ=urls) as house,
        open_house(servers, folder, house.dsn, environ=urls) as worker,
        ThreadPoolExecutor() as hands,
    ):
        house.http("PUT", "/environments/qa", json={"url": "env:OLD"})
        worker.run_async(worker.services.registry.refresh())
        job = house.submit(environment="qa").job

        def waiting(sessions: int) -> bool:
            asked = (
                "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
            )
            return value(house.dsn, asked) == sessions

        with held(house.dsn, "SELECT FROM liftlock_control.environments FOR UPDATE", "reader"):
            moved = hands.submit(house.http, "PUT", "/environments/qa", json={"url": "env:NEW"})
            eventually(lambda: waiting(1))
            performed = hands.submit(worker.perform, job.id)
            eventually(lambda: waiting(2))
        assert (moved.result().status_code, performed.result().reason) == (200, "applied")
        assert (tables(stages, "staging"), tables(stages, "production")) == ([], ["users"])


def test_a_conflict_is_not_answered_in_the_ledger_without_approval(
    servers: Servers, folder: Path, stages: dict[str, Environment]
) -> None:
    (folder / "2_orders.sql").write_text(ONE.format(name="orders"))
    guarded = {"staging": replace(stages["staging"], requires=(), sync=None)}
    with open_house(servers, folder, environments=guarded) as house:
        house.do(environment="staging")
    guarded["staging"] = replace(guarded["staging"], approvals=1)
    with open_house(servers, folder, environments=guarded) as house:
        (folder / "1_users.sql").write_text(ONE.format(name="users"))
        ask(house, "/migrations/run", status=409)
        (conflict,) = house.http("GET", "/migrations/conflicts?state=open").get_json()
        asked = Asked("mark_applied", "nobody looks")
        submitted = house.run_async(house.services.resolver.resolve(UUID(conflict["id"]), asked, ANN))
        assert isinstance(submitted, Submitted)
        assert (submitted.job.state, submitted.job.reason) == (JobState.WAITING, "approval")
        house.run_async(house.services.approvals.approve(submitted.job.id, None, BOB))
        assert house.perform(submitted.job.id).reason == "resolved"
        assert house.http("GET", "/migrations/conflicts?state=open").get_json() == []


def test_a_job_that_was_asked_for_before_approvals_were_is_asked_for_again(
    servers: Servers, folder: Path, stages: dict[str, Environment]
) -> None:
    (folder / "1_users.sql").write_text(ONE.format(name="users"))
    free = {"development": stages["development"]}
    guarded = {"development": replace(stages["development"], approvals=1)}
    with open_house(servers, folder, environments=free) as house:
        early = house.submit().job
        with open_house(servers, folder, house.dsn, environments=guarded) as later:
            job = later.perform(early.id)
        assert (job.state, job.reason, tables(stages, "development")) == (JobState.FAILED, "approval_void", [])


def test_a_process_that_cannot_read_an_environment_leaves_its_schedule_alone(
    servers: Servers, folder: Path, stages: dict[str, Environment]
) -> None:
    file, urls = {"development": stages["development"]}, {"QA": stages["staging"].dsn.secret}
    body = {"url": "env:QA", "sync": {"from": "development", "every": "5m"}}
    with (
        open_house(servers, folder, environments=file, environ=urls) as house,
        open_house(servers, folder, house.dsn, environments=file) as without,
    ):
        assert house.http("PUT", "/environments/qa", json=body).status_code == 201
        without.run_async(without.services.registry.refresh())
        without.run_async(without.services.schedules.configure())
        assert "sync-qa" in [one["name"] for one in house.http("GET", "/schedules").get_json()]
        assert house.http("DELETE", "/environments/qa").status_code == 204
        assert "sync-qa" not in [one["name"] for one in house.http("GET", "/schedules").get_json()]
