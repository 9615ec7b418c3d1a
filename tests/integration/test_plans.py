"""Plans on a real target: nothing is written, what is said is what is there, and a run is held to its plan."""

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from werkzeug.test import TestResponse

from app.domain.environment import Dsn, Environment, Protection
from app.domain.job import Job, JobId, JobState
from tests.support.house import House, open_house
from tests.support.servers import Servers, execute, held, value

pytestmark = pytest.mark.servers

USERS = "-- migrate:up\nCREATE TABLE users (id bigint PRIMARY KEY);\n-- migrate:down\nDROP TABLE users;\n"
ITEMS = "-- migrate:up\nCREATE TABLE items (id bigint PRIMARY KEY);\n"
DROP = "-- migrate:up\nDROP TABLE old_orders;\n"
CATALOGS = (
    "SELECT string_agg(c.oid || ':' || c.xmin::text || ':' || c.relname, ',' ORDER BY c.oid) FROM pg_class c",
    "SELECT string_agg(n.oid || ':' || n.xmin::text, ',' ORDER BY n.oid) FROM pg_namespace n",
    "SELECT md5(string_agg(attrelid || ':' || attnum || ':' || xmin::text, ',' ORDER BY attrelid, attnum))"
    " FROM pg_attribute",
)


class Shop:
    """A house whose environments have one target, which is not the control database."""

    def __init__(self, house: House, target: str) -> None:
        self.house = house
        self.target = target

    def write(self, name: str, text: str) -> None:
        self.house.write(name, text)

    def ask(self, method: str, path: str, **body: Any) -> TestResponse:
        return self.house.http(method, path, **({"json": body} if body else {}))

    def plan(self, **body: Any) -> Any:
        response = self.ask("POST", "/migrations/plan", **body)
        assert response.status_code == 201, response.text
        return response.get_json()

    def run(self, **body: Any) -> TestResponse:
        return self.ask("POST", "/migrations/run", **body)

    def perform(self, accepted: TestResponse) -> Job:
        """What a worker does with what was accepted."""
        job = accepted.get_json()
        assert accepted.status_code == 202, job
        return self.house.perform(JobId(UUID(job["id"])))

    def catalogs(self) -> list[object]:
        return [value(self.target, query) for query in CATALOGS]

    def has(self, table: str) -> bool:
        return value(self.target, "SELECT to_regclass($1) IS NOT NULL", table) is True


@pytest.fixture
def shop(servers: Servers, folder: Path) -> Iterator[Shop]:
    target = Dsn(servers.new_database())
    environments = {"development": Environment("development", target)}
    with open_house(servers, folder, environments=environments) as house:
        yield Shop(house, target.secret)


@pytest.fixture(params=[Protection.CONFIRM, Protection.LOCKED])
def guarded(request: pytest.FixtureRequest, servers: Servers, folder: Path) -> Iterator[Shop]:
    """An environment that asks, with a table that somebody wants to drop."""
    target = Dsn(servers.new_database())
    execute(target.secret, "CREATE TABLE old_orders (id bigint)")
    environments = {"live": Environment("live", target, request.param)}
    with open_house(servers, folder, environments=environments) as house:
        house.write("1_drop.sql", DROP)
        yield Shop(house, target.secret)


def test_a_plan_writes_nothing_to_a_target_without_a_ledger(shop: Shop) -> None:
    shop.write("1_users.sql", USERS)
    before = shop.catalogs()

    plan = shop.plan()

    assert shop.catalogs() == before
    assert (plan["verdict"], plan["ledgerPosition"], plan["linterNotice"]) == ("ready", 0, None)
    assert not shop.has("liftlock.migrations")


def test_a_plan_writes_nothing_to_a_target_with_a_ledger(shop: Shop) -> None:
    shop.write("1_users.sql", USERS)
    shop.perform(shop.run())
    before, events = shop.catalogs(), value(shop.target, "SELECT count(*) FROM liftlock.migration_events")
    shop.write("2_items.sql", ITEMS)

    for kind in ("run", "rollback", "reset"):
        assert [step["direction"] for step in shop.plan(kind=kind)["steps"]] == ["up" if kind == "run" else "down"]

    assert shop.catalogs() == before
    assert value(shop.target, "SELECT count(*) FROM liftlock.migration_events") == events


def test_a_run_of_a_plan_does_what_was_planned(shop: Shop) -> None:
    shop.write("1_users.sql", USERS)
    shop.write("2_items.sql", ITEMS)
    plan = shop.plan(to="users")

    accepted = shop.run(planId=plan["id"])
    job = shop.perform(accepted)

    assert accepted.get_json()["request"]["planId"] == plan["id"]
    assert (job.state, [step.name for step in job.steps]) == (JobState.SUCCEEDED, ["users"])
    assert shop.has("users") and not shop.has("items")


def test_a_rollback_of_a_plan_does_what_was_planned(shop: Shop) -> None:
    shop.write("1_users.sql", USERS)
    shop.perform(shop.run())
    plan = shop.plan(kind="rollback")

    job = shop.perform(shop.ask("POST", "/migrations/rollback", planId=plan["id"]))

    assert (job.state, job.reason) == (JobState.SUCCEEDED, "rolled_back")
    assert any(notice.startswith("TABLE_DROPPED users (1_users.sql:4)") for notice in job.notices), job.notices
    assert not shop.has("users")


def test_a_plan_is_stale_when_a_file_has_changed(shop: Shop) -> None:
    shop.write("1_users.sql", USERS)
    plan = shop.plan()
    shop.write("1_users.sql", USERS.replace("bigint", "integer"))

    refused = shop.run(planId=plan["id"])

    problem = refused.get_json()
    assert (refused.status_code, problem["type"]) == (412, "/problems/plan-stale")
    (changed,) = problem["changedBy"]["files"]
    assert (changed["migration"], changed["change"]) == ("users", "changed")
    assert changed["expected"] == plan["steps"][0]["checksum"] != changed["actual"]
    assert not shop.has("users")


def test_a_plan_is_stale_when_a_file_was_added(shop: Shop) -> None:
    shop.write("1_users.sql", USERS)
    plan = shop.plan()
    shop.write("0_items.sql", ITEMS)

    problem = shop.run(planId=plan["id"]).get_json()

    assert [(one["migration"], one["change"]) for one in problem["changedBy"]["files"]] == [("items", "added")]
    assert (problem["expected"]["stepCount"], problem["actual"]["stepCount"]) == (1, 2)


def test_a_plan_is_stale_once_another_run_was_there(shop: Shop) -> None:
    shop.write("1_users.sql", USERS)
    plan = shop.plan()
    other = shop.perform(shop.run())

    refused = shop.run(planId=plan["id"])

    problem = refused.get_json()
    assert refused.status_code == 412
    assert problem["changedBy"]["jobs"] == [str(other.id)]
    assert [(row["migration"], row["status"]) for row in problem["changedBy"]["ledger"]] == [("users", "completed")]
    assert (problem["expected"]["ledgerPosition"], problem["actual"]["ledgerPosition"]) == (0, 1)


def test_the_worker_finds_a_plan_stale_that_was_good_when_it_was_accepted(shop: Shop) -> None:
    shop.write("1_users.sql", USERS)
    plan = shop.plan()
    accepted = shop.run(planId=plan["id"])
    shop.write("1_users.sql", USERS.replace("bigint", "integer"))

    job = shop.perform(accepted)

    assert (job.state, job.reason) == (JobState.FAILED, "plan_stale")
    assert job.error is not None and "the file of users was changed" in job.error.message
    assert not shop.has("users")


def test_the_second_of_two_runs_of_one_plan_is_stale(shop: Shop) -> None:
    shop.write("1_users.sql", USERS)
    plan = shop.plan()
    first, second = shop.run(planId=plan["id"]), shop.run(planId=plan["id"])

    assert shop.perform(first).state is JobState.SUCCEEDED
    assert shop.perform(second).reason == "plan_stale"


def test_a_hazard_without_consent_is_refused_with_every_way_to_allow_it(guarded: Shop) -> None:
    refused = guarded.run()

    problem = refused.get_json()
    assert (refused.status_code, problem["type"]) == (422, "/problems/hazard-not-allowed")
    (hazard,) = problem["hazards"]
    assert (hazard["code"], hazard["file"], hazard["line"], hazard["object"]) == (
        "TABLE_DROPPED", "1_drop.sql", 2, "old_orders",
    )  # fmt: skip
    assert problem["flag"] == "--allow-hazards TABLE_DROPPED"
    assert problem["body"] == {"allowHazards": ["TABLE_DROPPED"]}
    assert problem["inFile"] == ["-- liftlock: allow TABLE_DROPPED reason"]
    assert "allowHazards" in problem["nextSteps"][-1]
    assert guarded.plan()["consent"]["flag"] == "--allow-hazards TABLE_DROPPED"
    assert guarded.has("old_orders")


def test_a_hazard_is_allowed_by_the_request(guarded: Shop) -> None:
    assert guarded.plan(allowHazards=["TABLE_DROPPED"])["verdict"] == "ready"

    job = guarded.perform(guarded.run(allowHazards=["TABLE_DROPPED"]))

    assert job.state is JobState.SUCCEEDED
    assert job.notices == ("TABLE_DROPPED old_orders (1_drop.sql:2)",)
    assert not guarded.has("old_orders")


def test_a_hazard_is_allowed_by_the_file(guarded: Shop) -> None:
    guarded.write("1_drop.sql", DROP.replace("DROP", "-- liftlock: allow TABLE_DROPPED nobody reads it\nDROP"))
    plan = guarded.plan()
    (hazard,) = plan["steps"][0]["statements"][0]["hazards"]
    assert (plan["verdict"], hazard["consent"], hazard["reason"]) == ("ready", "file", "nobody reads it")

    assert guarded.perform(guarded.run()).state is JobState.SUCCEEDED


def test_a_hazard_is_allowed_by_the_environment(servers: Servers, folder: Path) -> None:
    target = Dsn(servers.new_database())
    execute(target.secret, "CREATE TABLE old_orders (id bigint)")
    live = Environment("live", target, Protection.LOCKED, consent=frozenset({"TABLE_DROPPED"}))
    with open_house(servers, folder, environments={"live": live}) as house:
        shop = Shop(house, target.secret)
        shop.write("1_drop.sql", DROP)
        plan = shop.plan()
        assert plan["steps"][0]["statements"][0]["hazards"][0]["consent"] == "environment"
        assert shop.perform(shop.run(planId=plan["id"])).state is JobState.SUCCEEDED


def test_the_worker_asks_again_under_the_fence(guarded: Shop) -> None:
    guarded.write("1_drop.sql", USERS)
    accepted = guarded.run()
    guarded.write("1_drop.sql", DROP)

    job = guarded.perform(accepted)

    assert (job.state, job.reason) == (JobState.FAILED, "hazard_not_allowed")
    assert job.error is not None and job.error.line == 2 and "nothing" in job.error.left_behind
    assert guarded.has("old_orders")


def test_a_widened_column_needs_no_consent_once_its_type_is_looked_at(servers: Servers, folder: Path) -> None:
    target = Dsn(servers.new_database())
    execute(target.secret, 'CREATE TABLE "Notes" (body varchar(20), note varchar(20) CHECK (note IS NOT NULL))')
    with open_house(servers, folder, environments={"live": Environment("live", target, Protection.LOCKED)}) as house:
        shop = Shop(house, target.secret)
        shop.write("1_widen.sql", '-- migrate:up\nALTER TABLE "Notes" ALTER body TYPE varchar(40);\n')
        shop.write("2_required.sql", '-- migrate:up\nALTER TABLE "Notes" ALTER note SET NOT NULL;\n')
        assert shop.plan()["verdict"] == "ready"
        job = shop.perform(shop.run())
        assert job.state is JobState.SUCCEEDED, job


def test_rows_bytes_and_time_come_from_the_table_as_it_is(shop: Shop) -> None:
    execute(shop.target, "CREATE TABLE notes (id bigint, body text) WITH (autovacuum_enabled = off)")
    execute(shop.target, "INSERT INTO notes SELECT n, repeat('x', 200) FROM generate_series(1, 20000) n")
    execute(shop.target, "ANALYZE notes")
    shop.write("1_index.sql", "-- migrate:up\nCREATE INDEX notes_by_body ON notes (body);\n")
    shop.write("2_default.sql", "-- migrate:up\nALTER TABLE notes ADD COLUMN at timestamptz DEFAULT now();\n")

    index, column = (step["statements"][0] for step in shop.plan()["steps"])

    size = value(shop.target, "SELECT pg_total_relation_size('notes')")
    assert index["tables"] == [{"name": "notes", "estimatedRows": 20_000, "bytes": size}]
    assert [(lock["mode"], lock["relation"]) for lock in index["locks"]] == [("SHARE", "notes")]
    assert index["locks"][0]["says"] == "SHARE on notes: stops writes while held; reads go on"
    assert index["estimatedMs"] > column["estimatedMs"] == 10
    assert "an index of notes is built" in index["estimateFrom"]


def test_the_rows_of_a_partitioned_table_are_those_of_its_partitions(shop: Shop) -> None:
    execute(shop.target, "CREATE TABLE logs (at int) PARTITION BY RANGE (at)")
    execute(shop.target, "CREATE TABLE logs_1 PARTITION OF logs FOR VALUES FROM (0) TO (500)")
    execute(shop.target, "CREATE TABLE logs_2 PARTITION OF logs FOR VALUES FROM (500) TO (1000)")
    execute(shop.target, "INSERT INTO logs SELECT generate_series(0, 999); ANALYZE logs")
    shop.write("1_note.sql", "-- migrate:up\nALTER TABLE logs ADD COLUMN note text;\n")

    (table,) = shop.plan()["steps"][0]["statements"][0]["tables"]

    assert (table["name"], table["estimatedRows"]) == ("logs", 1000)
    assert table["bytes"] == value(
        shop.target, "SELECT pg_total_relation_size('logs_1') + pg_total_relation_size('logs_2')"
    )


def test_who_holds_a_table_is_named_and_nobody_is_waited_for(shop: Shop) -> None:
    execute(shop.target, "CREATE TABLE orders (id bigint); CREATE TABLE quiet (id bigint)")
    shop.write("1_note.sql", "-- migrate:up\nALTER TABLE orders ADD COLUMN note text;\n")
    shop.write("2_quiet.sql", "-- migrate:up\nCREATE INDEX quiet_by_id ON quiet (id);\n")
    with (
        held(shop.target, "LOCK TABLE orders IN ACCESS EXCLUSIVE MODE", "billing") as pid,
        held(shop.target, "SELECT * FROM quiet", "reader"),
    ):
        plan = shop.plan()

    (blocker,) = plan["rightNow"]["blockers"]
    assert (blocker["pid"], blocker["application"], blocker["state"]) == (pid, "billing", "idle in transaction")
    assert (blocker["table"], blocker["holds"], blocker["needs"], blocker["step"]) == (
        "orders", "ACCESS EXCLUSIVE", "ACCESS EXCLUSIVE", 0,
    )  # fmt: skip
    assert "LOCK TABLE orders" in blocker["query"] and blocker["since"] is not None
    assert plan["steps"][0]["statements"][0]["tables"] == [{"name": "orders", "estimatedRows": None, "bytes": None}]


def test_a_table_whose_index_somebody_holds_has_no_size_and_the_others_have(shop: Shop) -> None:
    execute(shop.target, "CREATE TABLE orders (id bigint PRIMARY KEY); CREATE TABLE quiet (id bigint PRIMARY KEY)")
    shop.write("1_note.sql", "-- migrate:up\nALTER TABLE orders ADD COLUMN note text;\n")
    shop.write("2_remark.sql", "-- migrate:up\nALTER TABLE quiet ADD COLUMN note text;\n")
    with held(shop.target, "REINDEX INDEX orders_pkey", "admin"):
        orders, quiet = (step["statements"][0]["tables"][0] for step in shop.plan()["steps"])
    assert (orders["name"], orders["bytes"]) == ("orders", None)
    assert (quiet["name"], quiet["bytes"], quiet["estimatedRows"]) == ("quiet", 8192, 0)


def test_a_schema_that_somebody_holds_leaves_a_plan_that_says_so(shop: Shop) -> None:
    execute(shop.target, "CREATE TABLE orders (id bigint); CREATE VIEW recent AS SELECT id FROM orders")
    shop.write("1_note.sql", "-- migrate:up\nALTER TABLE orders ADD COLUMN note text;\n")
    with held(shop.target, "LOCK TABLE orders IN ACCESS EXCLUSIVE MODE", "admin") as pid:
        plan = shop.plan()
    assert (plan["verdict"], plan["schemaFingerprint"]) == ("ready", None)
    assert "the schema could not be read" in plan["notices"][0]
    assert {one["pid"] for one in plan["rightNow"]["blockers"]} == {pid}


def test_who_holds_a_partition_is_in_the_way_of_the_whole_table(shop: Shop) -> None:
    execute(shop.target, "CREATE TABLE logs (at int) PARTITION BY RANGE (at)")
    execute(shop.target, "CREATE TABLE logs_1 PARTITION OF logs FOR VALUES FROM (0) TO (500)")
    shop.write("1_note.sql", "-- migrate:up\nALTER TABLE logs ADD COLUMN note text;\n")
    with held(shop.target, "SELECT * FROM logs_1", "reports") as pid:
        (blocker,) = shop.plan()["rightNow"]["blockers"]
    assert (blocker["pid"], blocker["table"], blocker["holds"]) == (pid, "logs", "ACCESS SHARE")


def test_a_view_has_no_rows_of_its_own_and_who_reads_it_is_in_the_way(shop: Shop) -> None:
    execute(shop.target, "CREATE VIEW v AS SELECT 1 AS one")
    shop.write("1_drop.sql", "-- migrate:up\nDROP VIEW v;\n")
    with held(shop.target, "SELECT * FROM v", "reports") as pid:
        plan = shop.plan()
    assert plan["steps"][0]["statements"][0]["tables"] == [{"name": "v", "estimatedRows": None, "bytes": 0}]
    assert [one["pid"] for one in plan["rightNow"]["blockers"]] == [pid]


def test_a_job_that_waits_for_the_target_is_named(shop: Shop) -> None:
    shop.write("1_users.sql", USERS)
    waiting = shop.run().get_json()

    (job,) = shop.plan()["rightNow"]["openJobs"]

    assert (job["id"], job["kind"], job["state"]) == (waiting["id"], "run", "queued")


def test_the_text_of_a_plan_holds_each_section_byte_for_byte(shop: Shop) -> None:
    up = "CREATE TABLE \u00e4 (id int); -- \u20ac\r\n\n"
    shop.write(
        "1_text.sql", f"-- migrate:up\n{up}-- migrate:verify\nSELECT true;\n-- migrate:down\nDROP TABLE \u00e4;\n"
    )
    plan = shop.plan()
    (step,) = plan["steps"]

    text = shop.ask("GET", f"/plans/{plan['id']}/sql").data

    for part in (step["body"], step["verify"]):
        header = f"{part['bytes']} bytes, sha256 {part['sha256']}\n".encode()
        after = text[text.index(header) + len(header) :]
        assert hashlib.sha256(after[: part["bytes"]]).hexdigest() == part["sha256"]
    raw = (shop.house.folder / "1_text.sql").read_bytes()
    assert raw.count(after[: step["verify"]["bytes"]]) == 1


def test_a_failed_rule_of_the_files_is_a_refused_plan_with_the_problem_of_a_run(shop: Shop) -> None:
    shop.write("1_users.sql", USERS + "-- dependencies: nobody\n")
    shop.write("2_items.sql", "-- dependencies: nobody\n" + ITEMS)
    shop.write("3_items.sql", "-- name: items\n" + ITEMS)

    plan, refused = shop.plan(), shop.run(environment="development").get_json()

    assert plan["verdict"] == "refused" and plan["steps"] == []
    for name in ("type", "title", "status", "detail", "problems", "nextSteps"):
        assert plan["problem"][name] == refused[name]
    assert shop.ask("GET", f"/plans/{plan['id']}").get_json()["problem"] == plan["problem"]
