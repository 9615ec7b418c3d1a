"""An environment with several targets, on real databases: one job for each, in order, and the first failure stops."""

import contextlib
import itertools
import os
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from app import create_app
from app.adapters.clock import SystemClock
from app.domain.environment import Dsn, Environment, Target
from app.domain.job import Attempt, Ended, GivenBack, Job, JobId, JobKind, JobRequest, JobState, Origin, OutsideWindows
from app.domain.principal import Principal
from app.domain.windows import Window, Windows
from tests.api.contract import Contract
from tests.support.dying import Died, Mortal, make_mortal
from tests.support.house import House, open_house
from tests.support.servers import Servers, execute, fetch, value

pytestmark = pytest.mark.servers

A = "-- migrate:up\nCREATE TABLE a (id int);\n-- migrate:down\nDROP TABLE a;\n"
B = "-- migrate:up\nCREATE TABLE b (id int);\n-- migrate:down\nDROP TABLE b;\n"
FAILS_IN_US = """-- migrate:up
DO $$ BEGIN IF current_database() = '{us}' THEN RAISE EXCEPTION 'not here'; END IF; END $$;
-- migrate:down
SELECT 1;
"""
BASE = "http://localhost:3000"
NAMES = ("eu", "us", "ap")
APART = 1 if os.environ.get("LIFTLOCK_CHAOS") == "full" else 3
"""Every moment is lived through in `make chaos`; elsewhere every third."""

MOMENTS = 8
"""At least so many has an attempt at the whole that starts one of its targets."""


@pytest.fixture
def house(servers: Servers, folder: Path) -> Iterator[House]:
    targets = tuple(Target(name, Dsn(servers.new_database())) for name in NAMES)
    environments = {
        "shop": Environment("shop", targets[0].dsn, targets=targets),
        "small": Environment("small", Dsn(servers.new_database()), requires=("shop",)),
    }
    (folder / "1_a.sql").write_text(A)
    with open_house(servers, folder, environments=environments) as house:
        yield house


def dsn(house: House, target: str) -> str:
    return house.services.environments.named(f"shop.{target}").dsn.secret


@lru_cache(maxsize=1)
def caller(house: House) -> tuple[FlaskClient, Contract]:
    """To make the application takes longer than to answer."""
    app = create_app(house.services.settings, house.services)
    client = app.test_client()
    return client, Contract(app, client.get("/openapi.json", base_url=BASE).get_json())


def ask(house: House, path: str) -> TestResponse:
    client, contract = caller(house)
    answer = client.get(path, base_url=BASE)
    contract.hold("GET", path, answer)
    return answer


def post(house: House, path: str, status: int = 202, body: dict[str, Any] | None = None) -> dict[str, Any]:
    client, contract = caller(house)
    answer = client.post(path, json=body or {}, base_url=BASE)
    contract.hold("POST", path, answer)
    assert answer.status_code == status, answer.get_data(as_text=True)
    return dict(answer.get_json())


def rescue(house: House) -> None:
    """What the sweeper does, without waiting for a lease to lapse."""
    execute(
        house.dsn,
        "UPDATE liftlock_control.jobs SET lease_until = clock_timestamp() - interval '1 s' WHERE state = 'running'",
    )
    house.services.sweeper_portal.run(house.services.sweeper.sweep())


def work(house: House, job_id: str) -> Job:
    """What workers do, until the job is over."""
    parent = JobId(UUID(job_id))
    for _ in range(20):
        job = house.perform(parent)
        if job.state.final:
            return job
        for part in job.parts:
            if not part.state.final:
                house.perform(part.id)
    raise AssertionError(f"it never came to an end: {house.job(parent)}")


def shown(house: House, job_id: str) -> dict[str, Any]:
    return dict(ask(house, f"/jobs/{job_id}").get_json())


def children(house: House, job_id: str) -> dict[str, str]:
    return {one["environment"]: one["state"] for one in shown(house, job_id)["children"]}


def tables(house: House) -> list[tuple[bool, ...]]:
    """Which of a and b stand, in each target."""
    asked = "SELECT to_regclass('a') IS NOT NULL, to_regclass('b') IS NOT NULL"
    return [tuple(fetch(dsn(house, name), asked)[0]) for name in NAMES]


def test_each_target_has_a_job_of_its_own_in_order(house: House) -> None:
    asked = post(house, "/migrations/run?environment=shop")
    assert [one["state"] for one in asked["children"]] == ["pending"] * 3

    over = work(house, asked["id"])

    assert (over.state, over.reason) == (JobState.SUCCEEDED, "applied")
    parts = over.parts
    assert [part.request.environment for part in parts] == ["shop.eu", "shop.us", "shop.ap"]
    moments = [moment for part in parts for moment in (part.started_at, part.finished_at) if moment is not None]
    assert (len(moments), moments) == (6, sorted(moments))
    assert value(dsn(house, "us"), "SELECT environment FROM liftlock.settings") == "shop.us"
    listed = {one["id"]: one for one in ask(house, "/jobs?environment=shop").get_json()}
    assert {one.get("parent") for one in listed.values()} == {None, asked["id"]}
    assert len(listed) == 4
    assert shown(house, str(parts[0].id))["links"]["parent"] == f"/jobs/{asked['id']}"


def test_workers_whose_clocks_are_behind_run_what_has_waited_for_its_window(
    servers: Servers, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opens, behind = datetime.now(UTC).replace(second=0, microsecond=0), timedelta(minutes=30)
    nightly = Windows(allow=(Window(f"{opens.minute} {opens.hour} * * *", timedelta(hours=6)),))
    monkeypatch.setattr(SystemClock, "now", lambda _: datetime.now(UTC) - behind)
    targets = tuple(Target(name, Dsn(servers.new_database())) for name in NAMES[:2])
    whole = Environment("shop", targets[0].dsn, targets=targets, windows=nightly)
    (folder / "1_a.sql").write_text(A)
    with open_house(servers, folder, environments={"shop": whole}) as house:
        waiting = house.submit(environment="shop", outside_window=OutsideWindows.QUEUE).job
        assert (waiting.state, waiting.not_before) == (JobState.WAITING, opens)

        house.run_async(house.services.sweeper.sweep())
        over = work(house, str(waiting.id))

        assert (over.state, over.reason) == (JobState.SUCCEEDED, "applied")


def test_the_first_failure_stops_the_rest_and_is_told_with_what_was_left(house: House) -> None:
    us = house.services.environments.named("shop.us").dsn.database
    house.write("2_b.sql", FAILS_IN_US.format(us=us))
    asked = post(house, "/migrations/run?environment=shop")

    over = work(house, asked["id"])

    assert (over.state, over.reason) == (JobState.FAILED, "sql_error")
    assert children(house, asked["id"]) == {"shop.eu": "succeeded", "shop.us": "failed", "shop.ap": "cancelled"}
    assert over.error is not None
    assert over.error.left_behind.endswith("all of it in shop.eu; nothing in shop.ap")
    assert "not here" in over.message
    skipped = over.parts[2]
    assert (skipped.reason, skipped.attempt) == ("not_reached", 0)
    assert f"job {over.parts[1].id} of shop.us is failed" in skipped.message
    assert tables(house) == [(True, False), (True, False), (False, False)]
    # asked for again, what is done is done
    house.write("2_b.sql", B)
    execute(dsn(house, "eu"), "UPDATE liftlock.migrations SET status = 'rolled_back' WHERE name = 'b'")
    again = post(house, f"/jobs/{asked['id']}/retry")
    assert work(house, again["id"]).state is JobState.SUCCEEDED
    assert tables(house) == [(True, True)] * 3


def test_whatever_the_leading_worker_dies_of_each_target_is_changed_once(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    for at in itertools.count(1, APART):
        house.write(f"{at + 1}_m{at}.sql", f"-- migrate:up\nCREATE TABLE m{at} (id int);\n")
        parent = JobId(UUID(post(house, "/migrations/run?environment=shop")["id"]))
        house.perform(parent)
        house.perform(house.job(parent).parts[0].id)
        with monkeypatch.context() as patched:
            life = Mortal(at)
            make_mortal(patched, life)
            with contextlib.suppress(Died):
                house.perform(parent)
        rescue(house)
        over = work(house, str(parent))
        assert over.state is JobState.SUCCEEDED, life.where
        assert [part.reason for part in over.parts] == ["applied"] * 3, life.where
        if not life.dead:
            break
    assert at > MOMENTS
    made = fetch(house.dsn, "SELECT parent_id, count(*) FROM liftlock_control.convoys GROUP BY 1 HAVING count(*) <> 3")
    assert made == []


def test_cancelling_the_whole_stops_the_target_at_work_and_reaches_no_other(house: House) -> None:
    asked = post(house, "/migrations/run?environment=shop")
    parent = JobId(UUID(asked["id"]))
    house.perform(parent)
    assert shown(house, asked["id"])["state"] == "running"
    assert [one["id"] for one in ask(house, "/jobs?state=running").get_json()] == [asked["id"]]

    stopping = post(house, f"/jobs/{asked['id']}/cancel")

    assert [one["state"] for one in stopping["children"]] == ["queued", "pending", "pending"]
    over = work(house, asked["id"])
    assert (over.state, over.reason) == (JobState.CANCELLED, "by_user")
    assert [part.state for part in over.parts] == [JobState.CANCELLED] * 3
    assert tables(house) == [(False, False)] * 3


def test_what_was_asked_while_nobody_could_hear_it_is_rung_for(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody cancels between the claim of the whole and the moment when it is given back."""
    parent = JobId(UUID(post(house, "/migrations/run?environment=shop")["id"]))
    rung: list[JobId] = []

    async def ring(job_id: JobId) -> None:
        rung.append(job_id)

    leader = house.services.runner._leader
    advance = leader.advance

    async def cancelled_meanwhile(attempt: Attempt) -> tuple[Ended | GivenBack, JobId | None]:
        outcome = await advance(attempt)
        await house.services.migrations.cancel(parent, Origin())
        return outcome

    monkeypatch.setattr(leader, "ring", ring)
    monkeypatch.setattr(leader, "advance", cancelled_meanwhile)
    house.perform(parent)
    assert rung == [house.job(parent).parts[0].id, parent]


def test_a_paused_one_goes_on_where_it_stood(house: House) -> None:
    asked = post(house, "/migrations/run?environment=shop")
    parent = JobId(UUID(asked["id"]))
    post(house, f"/jobs/{asked['id']}/pause")
    assert house.perform(parent).parts == ()
    post(house, f"/jobs/{asked['id']}/resume")
    assert work(house, asked["id"]).state is JobState.SUCCEEDED


def test_an_environment_is_as_its_worst_target(house: House) -> None:
    work(house, post(house, "/migrations/run?environment=shop")["id"])
    post(house, "/migrations/rollback?environment=shop.us")
    # the job of one target, asked for by its name
    (alone,) = [one for one in ask(house, "/jobs?environment=shop.us").get_json() if one["kind"] == "rollback"]
    house.perform(JobId(UUID(alone["id"])))
    execute(dsn(house, "ap"), "CREATE TABLE by_hand (id int)")
    scan = post(house, "/environments/shop/drift/scan")
    house.perform(JobId(UUID(scan["id"])))

    status = ask(house, "/environments/shop/status").get_json()
    (row,) = ask(house, "/migrations?environment=shop").get_json()
    cells = {one["environment"]: one for one in ask(house, "/matrix").get_json()["migrations"][0]["cells"]}
    drift = ask(house, "/environments/shop/drift").get_json()

    assert (status["sync"]["state"], status["drift"]["state"]) == ("behind", "drifted")
    assert [one["sync"]["state"] for one in status["targets"]] == ["in_sync", "behind", "in_sync"]
    assert (row["state"], row["target"], row["environment"]) == ("rolled_back", "shop.us", "shop")
    assert (cells["shop"]["state"], cells["shop"]["target"]) == ("rolled_back", "shop.us")
    assert "target" not in cells["small"]
    assert [one["state"] for one in drift["targets"]] == ["clean", "clean", "drifted"]
    assert [one["environment"] for one in ask(house, "/migrations/conflicts?environment=shop").get_json()] == [
        "shop.ap"
    ]
    listed = {one["name"]: one for one in ask(house, "/environments?status=true").get_json()}
    assert [one["name"] for one in listed["shop"]["targets"]] == ["shop.eu", "shop.us", "shop.ap"]
    assert "targets" not in listed["small"]


def test_what_requires_it_takes_what_stands_in_all_of_its_targets(house: House) -> None:
    alone = post(house, "/migrations/run?environment=shop.eu")
    house.perform(JobId(UUID(alone["id"])))
    refused = post(house, "/migrations/run?environment=small", 409)
    assert refused["detail"].startswith("a is not completed in shop, which small requires")
    too_deep = post(house, "/migrations/rollback/1?environment=shop", 422)
    assert (too_deep["type"], too_deep["detail"][:9]) == ("/problems/rollback-too-deep", "shop.us: ")
    assert len(ask(house, "/jobs?environment=shop").get_json()) == 1
    work(house, post(house, "/migrations/run?environment=shop")["id"])
    brought = post(house, "/environments/small/sync", body={"from": "shop"})
    assert house.perform(JobId(UUID(brought["id"]))).reason == "applied"


def test_plans_rollbacks_and_resets_are_of_every_target(house: House) -> None:
    plan = post(house, "/migrations/plan?environment=shop", 201)
    assert [one["environment"] for one in plan["targets"]] == ["shop.eu", "shop.us", "shop.ap"]
    work(house, post(house, "/migrations/run?environment=shop")["id"])
    assert post(house, "/migrations/run?environment=shop", 202)["reason"] == "nothing_to_do"
    house.run_async(house.services.auto_run.submit(house.services.environments.configured("shop")))
    assert len([one for one in ask(house, "/jobs?environment=shop&kind=run").get_json() if "parent" not in one]) == 2
    assert work(house, post(house, "/migrations/rollback?environment=shop")["id"]).state is JobState.SUCCEEDED
    assert tables(house) == [(False, False)] * 3
    refused = ask(house, "/environments/shop/preserved")
    assert (refused.status_code, "shop.eu, shop.us, shop.ap" in refused.get_json()["detail"]) == (422, True)


def test_a_target_that_cannot_be_looked_at_leaves_the_plans_of_the_others(house: House) -> None:
    us = Dsn(dsn(house, "us"))
    server = us.secret.replace(f"/{us.database}", "/postgres")
    execute(server, f'ALTER DATABASE "{us.database}" ALLOW_CONNECTIONS false')
    try:
        made = post(house, "/migrations/plan?environment=shop", 201)
        assert [one["environment"] for one in made["targets"]] == ["shop.eu", "shop.ap"]
        (without,) = made["withoutPlan"]
        assert without["environment"] == "shop.us" and "shop.us" in without["problem"]["detail"]
    finally:
        execute(server, f'ALTER DATABASE "{us.database}" ALLOW_CONNECTIONS true')


def test_targets_may_be_schemas_of_one_database(servers: Servers, folder: Path) -> None:
    shared = Dsn(servers.new_database())
    execute(shared.secret, 'CREATE SCHEMA one; CREATE SCHEMA "Two"; CREATE TABLE public.a (id int)')
    targets = (Target("one", shared, scope="one"), Target("two", shared, scope="Two"))
    (folder / "1_a.sql").write_text(A)
    rows = "-- migrate:up\nINSERT INTO a VALUES (1), (2);\n-- migrate:down\nDELETE FROM a;\n"
    (folder / "2_rows.sql").write_text(rows)
    environments = {"shop": Environment("shop", shared, targets=targets)}
    with open_house(servers, folder, environments=environments) as house:
        asked = post(house, "/migrations/run")
        assert work(house, asked["id"]).state is JobState.SUCCEEDED
        counted = 'SELECT (SELECT count(*) FROM one.a), (SELECT count(*) FROM "Two".a), (SELECT count(*) FROM public.a)'
        assert tuple(fetch(shared.secret, counted)[0]) == (2, 2, 0)
        (plan, _) = post(house, "/migrations/plan", 201, {"kind": "rollback"})["targets"]
        shown = ask(house, plan["links"]["self"]).get_json()
        assert shown["steps"][0]["statements"][0]["tables"][0]["bytes"] == 8192
        assert "one.a" in str(shown["steps"][0]["keeping"])

        back = post(house, "/migrations/rollback")
        over = work(house, back["id"])

        said = [house.job(part.id).steps[0].notice for part in over.parts]
        assert said == ["kept 2 deleted rows of one.a", "kept 2 deleted rows of Two.a"]
        assert tuple(fetch(shared.secret, counted)[0]) == (0, 0, 0)


def test_a_schema_that_is_not_there_refuses_the_whole_before_anything_is_touched(
    servers: Servers, folder: Path
) -> None:
    shared = Dsn(servers.new_database())
    execute(shared.secret, "CREATE SCHEMA one")
    targets = (Target("one", shared, scope="one"), Target("two", shared, scope="two"))
    (folder / "1_a.sql").write_text(A)
    environments = {"shop": Environment("shop", shared, targets=targets)}
    with open_house(servers, folder, environments=environments) as house:
        said = ask(house, "/environments/shop/status").get_json()["sync"]
        assert said["state"] == "unknown" and "there is no schema 'two' in it" in said["message"]
        refused = post(house, "/migrations/run", 503)
        assert "there is no schema 'two' in it; create it, or correct `scope`" in refused["detail"]
        assert ask(house, "/jobs").get_json() == []

        execute(shared.secret, "CREATE SCHEMA two")
        asked = post(house, "/migrations/run")
        execute(shared.secret, "DROP SCHEMA two")
        over = work(house, asked["id"])

        assert (over.state, over.reason, over.parts) == (JobState.FAILED, "target_unusable", ())
        assert over.message.endswith("no target of shop was touched")
        assert [one["state"] for one in shown(house, asked["id"])["children"]] == ["cancelled"] * 2
        assert value(shared.secret, "SELECT to_regclass('one.a') IS NULL")


def test_its_history_is_that_of_all_its_targets(house: House) -> None:
    over = work(house, post(house, "/migrations/run?environment=shop")["id"])
    found = ask(house, "/history?environment=shop").get_json()
    assert {(one["source"], one["environment"]) for one in found} == {
        ("job", "shop"),
        *((source, f"shop.{name}") for source in ("job", "ledger") for name in NAMES),
    }
    everywhere = ask(house, "/history").get_json()
    assert [one["id"] for one in everywhere] == [one["id"] for one in found]
    of_one = ask(house, "/history?environment=shop.us").get_json()
    assert {one["jobId"] for one in of_one} == {str(over.parts[1].id)}


def test_an_approval_is_for_what_each_target_would_run(house: House) -> None:
    approved = replace(house.services.environments.configured("shop"), approvals=1)
    house.services.environments.register({})
    house.services.environments.of_file = {"shop": approved}  # as liftlock.toml might have it
    house.services.environments.register({})
    ann, bob = (Origin(Principal(name, "token")) for name in ("ann", "bob"))
    request = JobRequest(JobKind.RUN, "shop")
    job = house.run_async(house.services.migrations.submit(request, ann)).job
    assert (job.state, job.reason, job.approvals_needed) == (JobState.WAITING, "approval", 1)

    house.run_async(house.services.approvals.approve(job.id, None, bob))
    execute(dsn(house, "us"), "CREATE TABLE by_hand (id int)")

    over = work(house, str(job.id))
    assert (over.reason, over.parts, tables(house)) == ("approval_void", (), [(False, False)] * 3)
    assert over.message.startswith("shop.us: ") and over.message.endswith("no target of shop was touched")


def test_what_one_target_would_refuse_by_the_time_it_begins_refuses_the_whole(house: House) -> None:
    ahead = post(house, "/migrations/run?environment=shop.us")
    asked = post(house, "/migrations/run?environment=shop")
    house.perform(JobId(UUID(ahead["id"])))
    execute(dsn(house, "us"), "UPDATE liftlock.migrations SET checksum = '\\x00', token_checksum = '\\x00'")
    over = work(house, asked["id"])
    assert (over.state, over.reason, over.parts) == (JobState.FAILED, "conflicts_open", ())
    assert over.error is not None and over.error.left_behind == "nothing: it was refused before the first step"
    assert tables(house) == [(False, False), (True, False), (False, False)]


def test_a_rollback_by_number_is_refused_where_it_would_be_of_different_migrations(house: House) -> None:
    house.write("2_b.sql", B)
    work(house, post(house, "/migrations/run?environment=shop")["id"])
    alone = post(house, "/migrations/rollback?environment=shop.eu")
    queued = post(house, "/migrations/rollback?environment=shop")
    house.perform(JobId(UUID(alone["id"])))
    over = work(house, queued["id"])
    assert (over.state, over.reason, over.parts) == (JobState.FAILED, "validation_failed", ())
    refused = post(house, "/migrations/rollback?environment=shop", 422)
    assert "take back in shop.eu a; in shop.us b; in shop.ap b; nothing was done" in refused["detail"]
    assert tables(house) == [(True, False), (True, True), (True, True)]
    back = post(house, "/migrations/rollback?environment=shop", body={"to": "a"})
    assert work(house, back["id"]).state is JobState.SUCCEEDED
    assert tables(house) == [(True, False)] * 3


def test_a_sync_and_a_mark_are_of_every_target(house: House) -> None:
    mark = post(house, "/migrations/mark?environment=small", body={"as": "applied", "names": ["a"]})
    house.perform(JobId(UUID(mark["id"])))
    planned = post(house, "/environments/shop/sync", 201, {"from": "small", "dryRun": True})
    assert [one["stepCount"] for one in planned["targets"]] == [1, 1, 1]

    brought = work(house, post(house, "/environments/shop/sync", body={"from": "small"})["id"])
    assert (brought.state, tables(house)) == (JobState.SUCCEEDED, [(True, False)] * 3)

    asked = post(house, "/migrations/mark?environment=shop", body={"as": "rolled_back", "names": ["a"]})
    marked = work(house, asked["id"])
    assert (marked.reason, tables(house)) == ("marked", [(True, False)] * 3)
    assert {one["state"] for one in ask(house, "/migrations?environment=shop").get_json()} == {"rolled_back"}
