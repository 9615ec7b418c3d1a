"""Plans over HTTP: made, looked at, listed, and run as they are."""

from collections.abc import Iterator
from typing import Any

import pytest

from app.domain.environment import Dsn, Environment, Protection, Target
from app.domain.errors import BackendUnavailable, BackendUnusable
from app.domain.holdings import HeldColumn, Holder, Holding, Holdings, Reached
from app.domain.lint import LintFinding
from app.domain.lock_modes import LockMode
from app.domain.locks import Session
from app.domain.migration import Catalog
from app.domain.preserved import PreservedKind
from app.domain.survey import HeldLock, Survey, TableSize
from tests.api.stand import THREE, Answer, Stand, standing
from tests.domain.literals import NOON, python, sql
from tests.fakes.lint import FakeLinter

NOWHERE = "00000000-0000-7000-8000-000000000000"
DROP = sql("drop orders", "4", up="DROP TABLE orders", down=None)
INDEX = sql("index", "5", up="CREATE INDEX CONCURRENTLY i ON orders (note)")
WRONG_TARGET = BackendUnavailable("the target cannot be used: nothing listens there")


@pytest.fixture
def stand() -> Iterator[Stand]:
    with standing() as made:
        yield made


@pytest.fixture
def dangerous() -> Iterator[Stand]:
    with standing(files=(DROP, INDEX)) as made:
        size = TableSize("public.orders", 7, 16384, 8192)
        held = HeldLock("public.orders", LockMode.ROW_EXCLUSIVE, Session(7, application="shop", state="active"))
        made.surveys.survey = Survey(NOON, "15.4", {"public.orders": size}, (held,))
        yield made


def plan(stand: Stand, **body: Any) -> Any:
    response = stand.post("/migrations/plan", json=body)
    assert response.status_code == 201, response.text
    return response.json


def pointers(answer: Answer) -> set[tuple[str, str]]:
    assert answer.status_code == 422, answer.text
    return {(one["code"], one.get("pointer", "")) for one in answer.json["problems"]}


def test_a_plan_is_made_without_a_body_and_found_where_it_says(stand: Stand) -> None:
    made = stand.post("/migrations/plan")
    found = stand.get(made.headers["Location"])
    assert (made.status_code, found.status_code) == (201, 200)
    assert found.json == made.json
    assert (made.json["verdict"], made.json["environment"], made.json["kind"]) == ("ready", "development", "run")
    assert [step["name"] for step in made.json["steps"]] == ["create users", "add email", "orders"]
    (action,) = made.json["actions"]
    assert (action["method"], action["href"]) == ("POST", "/migrations/run?environment=development")
    assert action["body"] == {"planId": made.json["id"]}


def test_a_plan_never_changes_so_its_etag_does_not(stand: Stand) -> None:
    address = f"/plans/{plan(stand)['id']}"
    for path in (address, f"{address}/sql"):
        first = stand.get(path)
        again = stand.get(path, headers={"If-None-Match": first.headers["ETag"]})
        assert (first.status_code, again.status_code, again.data) == (200, 304, b"")


def test_what_needs_consent_says_exactly_how_it_is_given(dangerous: Stand) -> None:
    made = plan(dangerous, environment="production")
    assert made["verdict"] == "needs_consent"
    assert made["consent"] == {
        "hazards": ["TABLE_DROPPED", "INDEX_BUILD"],
        "confirm": None,
        "flag": "--allow-hazards TABLE_DROPPED,INDEX_BUILD",
        "body": {"planId": made["id"], "allowHazards": ["TABLE_DROPPED", "INDEX_BUILD"]},
        "inFile": ["-- liftlock: allow TABLE_DROPPED reason", "-- liftlock: allow INDEX_BUILD reason"],
        "command": "curl -X POST 'http://localhost:3000/migrations/run?environment=production' -H 'Content-Type: "
        f'application/json\' -d \'{{"planId": "{made["id"]}", "allowHazards": ["TABLE_DROPPED", "INDEX_BUILD"]}}\'',
    }
    sent = dangerous.post("/migrations/run?environment=production", json=made["consent"]["body"])
    assert sent.status_code == 202


def test_what_a_plan_allows_is_allowed_to_its_run(dangerous: Stand) -> None:
    made = plan(dangerous, environment="production", allowHazards=["TABLE_DROPPED"])
    assert made["consent"]["hazards"] == ["INDEX_BUILD"]
    run = {"planId": made["id"], "allowHazards": ["INDEX_BUILD"]}
    accepted = dangerous.post("/migrations/run", json=run)
    assert accepted.status_code == 202, accepted.text
    assert accepted.json["request"]["allowHazards"] == ["TABLE_DROPPED", "INDEX_BUILD"]


def test_hazards_locks_tables_and_blockers_are_shown(dangerous: Stand) -> None:
    made = plan(dangerous, environment="production", allowHazards=["INDEX_BUILD"])
    drop, index = made["steps"]
    (one,) = drop["statements"]
    assert one["locks"] == [
        {
            "mode": "ACCESS EXCLUSIVE",
            "relation": "orders",
            "ofIndex": False,
            "says": "ACCESS EXCLUSIVE on orders: stops reads and writes while held",
        }
    ]
    assert one["tables"] == [{"name": "orders", "estimatedRows": 7, "bytes": 16384}]
    (hazard,) = one["hazards"]
    assert (hazard["code"], hazard["consent"], hazard["line"]) == ("TABLE_DROPPED", None, 1)
    assert dangerous.get(hazard["links"]["self"]).status_code == 200
    assert index["statements"][0]["hazards"][0]["consent"] == "request"
    assert (index["transactional"], index["apart"]) == (False, "CREATE INDEX CONCURRENTLY cannot run in a transaction")
    assert (drop["reversible"], drop["irreversible"]) == (False, "it has no down")
    assert [(one["pid"], one["table"], one["step"]) for one in made["rightNow"]["blockers"]] == [(7, "orders", 0)]
    assert (made["summary"]["hazards"], made["summary"]["lacking"]) == (2, 1)
    assert made["summary"]["undoable"] is False
    assert dangerous.surveys.asked == [("public.orders",)]


def test_each_step_says_what_it_takes_away_and_what_of_it_is_kept(dangerous: Stand) -> None:
    dangerous.surveys.held = Holdings(
        (Reached(0, PreservedKind.TABLE, "public.orders"), Reached(0, PreservedKind.COLUMNS, "public.n", ("mood",))),
        {
            "public.orders": Holding("public.orders", Holder.TABLE, 7, 16384),
            "public.n": Holding("public.n", Holder.TABLE, 5, 8192, (HeldColumn("mood", "mood"),)),
        },
    )
    dangerous.targets.ledger("development").protection = Protection.CONFIRM
    made = plan(dangerous, environment="development", allowHazards=["TABLE_DROPPED"])

    drop, index = made["steps"]
    kept, lost = drop["keeping"]["sets"]
    assert index["keeping"] is None
    assert (kept["kind"], kept["table"], kept["estimatedRows"], kept["bytes"], kept["kept"], kept["line"]) == (
        "table", "orders", 7, 16384, True, 1,
    )  # fmt: skip
    assert kept["says"] == "keeps the table orders (about 7 rows, 16.4 kB)"
    assert (lost["columns"], lost["kept"], lost["foundBy"], lost["atMost"]) == (["mood"], False, "file", False)
    assert lost["whyNot"] == "no primary key or unique index finds its rows again"
    assert drop["keeping"]["runsTwice"] is True
    assert drop["keeping"]["estimatedMs"] == kept["estimatedMs"] + drop["estimatedMs"]
    assert [made["summary"][name] for name in ("kept", "lost", "keepingMs")] == [1, 1, drop["keeping"]["estimatedMs"]]
    (hazard,) = [one for one in drop["statements"][0]["hazards"] if one["code"] == "DATA_LOSS"]
    assert (hazard["object"], hazard["estimatedRows"], hazard["bytes"]) == ("n.mood", 5, 8192)
    assert (made["verdict"], made["consent"]["hazards"]) == ("needs_consent", ["DATA_LOSS"])
    assert dangerous.get(made["links"]["self"]).json == made
    assert f"-- liftlock plan: {kept['says']}\n" in dangerous.get(made["links"]["sql"]).text


def test_in_an_open_environment_nothing_ordinary_asks(dangerous: Stand) -> None:
    made = plan(dangerous)
    assert made["verdict"] == "ready"
    assert made["steps"][0]["statements"][0]["hazards"][0]["consent"] == "not_asked"


def test_the_linter_is_heard_and_says_when_it_cannot_look() -> None:
    said = LintFinding("prefer-text-field", "Use text.", "Say text.", 1, 8)
    with standing(files=(THREE,)) as stand:
        stand.linter = FakeLinter({"SELECT 3": (said,)})
        stand.gate._linter = stand.linter
        (hazard,) = plan(stand)["steps"][0]["statements"][0]["hazards"]
        assert (hazard["code"], hazard["rule"], hazard["happens"]) == ("LINT", "prefer-text-field", "Use text.")
        stand.gate._linter = FakeLinter(notice="squawk is not installed")
        assert plan(stand)["linterNotice"] == "squawk is not installed"


def test_an_allowance_for_nothing_is_a_warning_of_plan_and_run() -> None:
    unused = sql("one", up="-- liftlock: allow DATA_LOSS no more\nSELECT 1")
    with standing(files=(unused,)) as stand:
        made, accepted = plan(stand), stand.post("/migrations/run")
    said = "one.sql:1 allows DATA_LOSS, which nothing there has; remove the line"
    assert [one["message"] for one in made["steps"][0]["unusedAllowances"]] == [said]
    assert said in made["notices"] and said in accepted.json["warnings"]


def test_what_a_run_would_be_refused_is_a_plan_with_that_problem(stand: Stand) -> None:
    stand.source.catalog = Catalog((sql("one", needs="nobody"), sql("two", "2", needs="nothing")))
    made, refused = stand.post("/migrations/plan"), stand.post("/migrations/run?environment=development")
    assert (made.status_code, refused.status_code, made.json["verdict"]) == (201, 422, "refused")
    for name in ("type", "title", "status", "detail", "problems"):
        assert made.json["problem"][name] == refused.json[name]
    assert len(refused.json["problems"]) == 2
    assert stand.get(made.headers["Location"]).json == made.json
    assert made.json["actions"][0]["allowed"] is False
    again = stand.post("/migrations/run", json={"planId": made.json["id"]})
    assert pointers(again) == {("refused_plan", "/planId")}


def test_a_rollback_is_planned_by_count_or_place_and_says_that_a_name_must_be_typed() -> None:
    with standing(applied=(sql("create users", "1"), sql("add email", "2", up="SELECT 2"))) as stand:
        made = plan(stand, kind="rollback", count=2, environment="production")
        assert [step["name"] for step in made["steps"]] == ["add email", "create users"]
        assert (made["verdict"], made["consent"]["confirm"]) == ("needs_consent", "production")
        assert made["consent"]["flag"] == "--confirm production"
        assert made["actions"][0]["href"] == "/migrations/rollback?environment=production"
        sent = stand.post("/migrations/rollback", json=made["consent"]["body"])
        assert sent.status_code == 202, sent.text
        assert sent.json["request"]["count"] == 2
        (back,) = plan(stand, kind="rollback", to="create users")["steps"]
        assert (back["name"], back["direction"]) == ("add email", "down")
        deep = plan(stand, kind="rollback", count=3)
        assert (deep["verdict"], deep["problem"]["type"]) == ("refused", "/problems/rollback-too-deep")


def test_a_reset_is_planned_where_it_may_be_and_refused_elsewhere() -> None:
    with standing(applied=(sql("create users", "1"),)) as stand:
        assert plan(stand, kind="reset")["actions"][0]["method"] == "DELETE"
        refused = plan(stand, kind="reset", environment="production")
        assert refused["problem"]["type"] == "/problems/environment-protected"


def test_the_text_of_a_plan_names_each_step_and_shows_python_as_a_comment() -> None:
    files = (sql("one", "1", up="SELECT 1; -- \u00e4\n"), python("two", "2", "async def up(c):\n    pass\n"), INDEX)
    with standing(files=files) as stand:
        made = plan(stand)
        answer = stand.get(f"/plans/{made['id']}/sql")
    assert answer.mimetype == "text/plain"
    body = made["steps"][0]["body"]
    assert answer.text.split("\n")[:6] == [
        f"-- liftlock plan: {made['id']}, a run in development, 3 steps, ready",
        "-- liftlock plan: step 1 of 3, + one (1), in a transaction",
        f"-- liftlock plan: up from one.sql:1, 16 bytes, sha256 {body['sha256']}",
        "SELECT 1; -- \u00e4",
        "",
        "-- liftlock plan: step 2 of 3, + two (2), in a transaction",
    ]
    assert "-- liftlock plan: a migration in Python, up() of two.py:1, " in answer.text
    assert "\n-- async def up(c):\n--     pass\n" in answer.text
    assert "+ index (5), outside a transaction: CREATE INDEX CONCURRENTLY cannot run in a transaction\n" in answer.text


def test_the_text_of_a_plan_ends_each_statement(stand: Stand) -> None:
    text = stand.get(f"/plans/{plan(stand)['id']}/sql").text
    sent = "\n".join(line for line in text.split("\n") if not line.startswith("-- liftlock plan:"))
    assert sent == "SELECT 'up'\n;\nSELECT 2\n;\nSELECT 3\n;\n"


def test_plans_are_listed_newest_first_in_pages(stand: Stand) -> None:
    made = [plan(stand)["id"] for _ in range(3)]
    other = plan(stand, environment="production")["id"]
    first = stand.get("/plans?limit=2")
    assert [one["id"] for one in first.json] == [other, made[2]]
    following = first.headers["Link"].partition(">")[0].removeprefix("<")
    assert [one["id"] for one in stand.get(following).json] == [made[1], made[0]]
    assert [one["id"] for one in stand.get("/plans?environment=production").json] == [other]
    assert first.json[0]["stepCount"] == 3


def test_a_plan_is_made_once_for_an_idempotency_key(stand: Stand) -> None:
    first, again = (stand.post("/migrations/plan", headers={"Idempotency-Key": "k1"}) for _ in range(2))
    assert first.json["id"] == again.json["id"]
    assert (again.status_code, again.headers["Location"]) == (201, first.headers["Location"])
    assert again.headers["Idempotency-Replayed"] == "true"


@pytest.mark.parametrize("path", [f"/plans/{NOWHERE}", f"/plans/{NOWHERE}/sql", "/plans/x", "/plans/x/sql"])
def test_a_plan_that_is_not_there_is_not_found(stand: Stand, path: str) -> None:
    assert stand.get(path).status_code == 404


def test_what_a_plan_names_and_is_not_there_is_not_found(stand: Stand) -> None:
    assert stand.post("/migrations/plan", json={"to": "nobody"}).status_code == 404
    assert stand.post("/migrations/plan", json={"environment": "nowhere"}).status_code == 404
    assert stand.get("/plans?environment=nowhere").status_code == 404
    assert stand.post("/migrations/run", json={"planId": NOWHERE}).status_code == 404
    assert stand.plans.kept == {}


@pytest.mark.parametrize(
    ("body", "found"),
    [
        ({"kind": "mark"}, {("not_one_of", "/kind")}),
        ({"kind": "reset", "to": "a"}, {("not_for_this_kind", "/to")}),
        ({"kind": "run", "count": 1}, {("not_for_this_kind", "/count")}),
        ({"kind": "rollback", "atomic": "run"}, {("not_for_this_kind", "/atomic")}),
        ({"kind": "rollback", "to": "a", "count": 1}, {("contradiction", "/count")}),
        ({"count": 0, "kind": "rollback"}, {("out_of_range", "/count")}),
        ({"planId": NOWHERE}, {("unknown_field", "/planId")}),
        ({"allowHazards": "DATA_LOSS"}, {("list_type", "/allowHazards")}),
        (
            {"allowHazards": ["DATA_LOS", 7]},
            {("unknown_hazard", "/allowHazards/0"), ("unknown_hazard", "/allowHazards/1")},
        ),
    ],
)
def test_a_body_that_asks_for_nothing_sensible_is_refused(
    stand: Stand, body: dict[str, Any], found: set[tuple[str, str]]
) -> None:
    assert pointers(stand.post("/migrations/plan", json=body)) == found


@pytest.mark.parametrize("path", ["/migrations/run", "/migrations/rollback", "/migrations/rollback/1"])
def test_a_misspelt_hazard_is_refused_with_what_may_be_meant(stand: Stand, path: str) -> None:
    refused = stand.post(path, json={"allowHazards": ["TABLE_DROPED"]})
    assert pointers(refused) == {("unknown_hazard", "/allowHazards/0")}
    assert "did you mean TABLE_DROPPED" in refused.json["detail"]


def test_a_reset_takes_the_hazards_that_it_may_take(stand: Stand) -> None:
    stand.apply(*stand.files)
    accepted = stand.delete("/migrations/reset", json={"allowHazards": ["DATA_LOSS", "DATA_LOSS"]})
    assert accepted.json["request"]["allowHazards"] == ["DATA_LOSS"]


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"to": "orders"}, "/to"),
        ({"environment": "production"}, "/environment"),
        ({"atomic": "run"}, "/atomic"),
    ],
)
def test_fields_that_contradict_the_plan_are_refused(stand: Stand, body: dict[str, Any], pointer: str) -> None:
    made = plan(stand, to="add email")
    assert pointers(stand.post("/migrations/run", json={"planId": made["id"], **body})) == {
        ("contradicts_plan", pointer)
    }


def test_a_plan_for_everything_is_said_in_words(stand: Stand) -> None:
    made = plan(stand)
    refused = stand.post("/migrations/run", json={"planId": made["id"], "to": "orders"})
    assert refused.json["detail"] == (
        f"`to` is 'orders', and plan {made['id']} was made for everything; leave it out, or plan again"
    )


def test_fields_that_repeat_the_plan_are_taken(stand: Stand) -> None:
    made = plan(stand, to="add email", environment="production", atomic="run")
    body = {"planId": made["id"], "to": "add email", "environment": "production", "atomic": "run"}
    for sent in (body, {"planId": made["id"]}):
        accepted = stand.post("/migrations/run", json=sent)
        assert accepted.status_code == 202, accepted.text
        assert accepted.json["environment"] == "production"
        assert accepted.json["links"]["plan"] == f"/plans/{made['id']}"
        assert (accepted.json["request"]["to"], accepted.json["request"]["atomic"]) == ("add email", "run")


def test_a_plan_of_another_kind_cannot_be_run(stand: Stand) -> None:
    made = plan(stand)
    assert pointers(stand.post("/migrations/rollback", json={"planId": made["id"]})) == {("other_kind", "/planId")}
    assert pointers(stand.post("/migrations/run", json={"planId": "x"})) == {("not_an_id", "/planId")}
    assert pointers(stand.post("/migrations/rollback/1", json={"planId": made["id"]})) == {("unknown_field", "/planId")}


def test_a_plan_that_is_out_of_date_is_a_failed_precondition(stand: Stand) -> None:
    made = plan(stand)
    stand.source.catalog = Catalog((*stand.files, sql("late", "9")))
    refused = stand.post("/migrations/run", json={"planId": made["id"]})
    assert (refused.status_code, refused.json["type"]) == (412, "/problems/plan-stale")
    assert [(one["migration"], one["change"]) for one in refused.json["changedBy"]["files"]] == [("late", "added")]
    assert refused.json["nextSteps"][-1].startswith("curl -X POST")
    assert stand.store.rows == {}


def test_a_hazard_that_nobody_allows_is_refused_and_not_queued(dangerous: Stand) -> None:
    refused = dangerous.post("/migrations/run?environment=production")
    assert (refused.status_code, refused.json["type"]) == (422, "/problems/hazard-not-allowed")
    assert [one["code"] for one in refused.json["hazards"]] == ["TABLE_DROPPED", "INDEX_BUILD"]
    assert refused.json["flag"] == "--allow-hazards TABLE_DROPPED,INDEX_BUILD"
    assert dangerous.get("/problems/hazard-not-allowed").status_code == 200
    assert dangerous.store.rows == {}
    accepted = dangerous.post("/migrations/run?environment=production", json=refused.json["body"])
    assert accepted.json["request"]["allowHazards"] == ["TABLE_DROPPED", "INDEX_BUILD"]


def test_the_schema_is_looked_at_only_before_something_is_refused(dangerous: Stand) -> None:
    dangerous.post("/migrations/run")
    assert dangerous.schemas.asked == 0
    dangerous.post("/migrations/run?environment=production")
    assert dangerous.schemas.asked == 1


def test_a_target_that_is_away_has_no_plan(stand: Stand) -> None:
    stand.targets.unavailable = WRONG_TARGET
    assert stand.post("/migrations/plan").status_code == 503
    stand.targets.unavailable = None
    stand.surveys.unavailable = WRONG_TARGET
    assert stand.post("/migrations/plan").status_code == 503


def test_a_schema_that_cannot_be_read_leaves_a_plan_that_says_so(stand: Stand) -> None:
    stand.schemas.unavailable = WRONG_TARGET
    made = plan(stand)
    assert (made["verdict"], made["schemaFingerprint"]) == ("ready", None)
    assert made["notices"][0].startswith("the schema could not be read, so a run is not held to it")


def test_a_service_that_makes_no_changes_still_plans() -> None:
    with standing(changed_settings={"read_only": True}) as stand:
        made = plan(stand)
        assert (made["verdict"], made["actions"][0]["allowed"]) == ("ready", False)
        assert stand.post("/migrations/run", json={"planId": made["id"]}).status_code == 403


SHOP = Environment(
    "shop",
    Dsn("postgresql://db/eu"),
    targets=(Target("eu", Dsn("postgresql://db/eu")), Target("us", Dsn("postgresql://db/us"))),
)


@pytest.fixture
def several() -> Iterator[Stand]:
    with standing(
        changed_settings={"environments": {"shop": SHOP, "other": Environment("other", Dsn("postgresql://db/o"))}}
    ) as made:
        yield made


@pytest.mark.parametrize("away", ["shop.eu", "shop.us"])
def test_of_several_targets_those_that_answer_are_planned_and_the_others_say_why_not(several: Stand, away: str) -> None:
    several.targets.away[away] = BackendUnusable(
        f"{away} is shut", next_steps=("psql",), facts={"backend": "postgresql"}
    )
    made = plan(several, environment="shop")
    (other,) = {"shop.eu", "shop.us"} - {away}
    assert (made["environment"], [one["environment"] for one in made["targets"]]) == (other, [other])
    (without,) = made["withoutPlan"]
    assert (without["environment"], without["problem"]["type"]) == (away, "/problems/backend-unavailable")
    assert (without["problem"]["status"], without["problem"]["detail"]) == (503, f"{away} is shut")
    assert without["problem"]["nextSteps"] == ["psql"]


@pytest.mark.parametrize(
    "asked",
    [
        ("/migrations/run?environment=shop", {"dryRun": True}),
        ("/environments/shop/sync", {"from": "other", "dryRun": True}),
    ],
)
def test_what_is_only_tried_shows_it_too(several: Stand, asked: tuple[str, dict[str, Any]]) -> None:
    several.targets.away["shop.us"] = WRONG_TARGET
    made = several.post(asked[0], json=asked[1])
    assert (made.status_code, [one["environment"] for one in made.json["withoutPlan"]]) == (201, ["shop.us"])


def test_where_no_target_answers_there_is_no_plan_and_each_is_named(several: Stand) -> None:
    several.targets.unavailable = WRONG_TARGET
    refused = several.post("/migrations/plan?environment=shop")
    assert (refused.status_code, refused.json["type"]) == (503, "/problems/backend-unavailable")
    assert (list(refused.json["targets"]), several.plans.kept) == (["shop.eu", "shop.us"], {})


def test_where_all_answer_nothing_is_left_out(several: Stand) -> None:
    made = plan(several, environment="shop")
    assert (len(made["targets"]), made["withoutPlan"]) == (2, [])
    assert "withoutPlan" not in several.get(made["links"]["self"]).json
