"""Where every migration stands, one by one and as a list."""

from app.domain.job import Attempt
from tests.api.stand import ONE, THREE, TWO, Stand, standing
from tests.api.test_jobs import next_page
from tests.domain.literals import sql

MISSION = {"id", "name", "version", "status", "appliedAt", "rolledBackAt", "createdAt", "updatedAt", "errorMessage"}


def test_the_list_is_an_array_with_the_missions_fields(stand: Stand) -> None:
    stand.apply(ONE)
    rows = stand.get("/migrations").json
    assert all(row.keys() >= MISSION for row in rows)
    assert [(row["name"], row["status"]) for row in rows] == [
        ("create users", "completed"),
        ("add email", "pending"),
        ("orders", "pending"),
    ]
    assert rows[0]["appliedAt"] == "2025-03-01T12:00:00.000000Z"
    assert rows[1]["appliedAt"] is None


def test_every_row_names_its_environment(stand: Stand) -> None:
    for environment in ("development", "production"):
        rows = stand.get(f"/migrations?environment={environment}").json
        assert {row["environment"] for row in rows} == {environment}
        assert stand.get(rows[0]["links"]["self"]).json["id"] == rows[0]["id"]


def test_the_list_is_whole_unless_a_limit_is_given(stand: Stand) -> None:
    assert len(stand.get("/migrations").json) == 3
    page = stand.get("/migrations?limit=2")
    rest = stand.get(next_page(page.headers["Link"]))
    assert [row["name"] for row in (*page.json, *rest.json)] == [one.name for one in (ONE, TWO, THREE)]
    assert "Link" not in rest.headers


def test_a_page_whose_place_is_gone_says_so(stand: Stand) -> None:
    following = next_page(stand.get("/migrations?limit=1").headers["Link"])
    stand.source.catalog = type(stand.source.catalog)((TWO, THREE))
    assert stand.get(following).status_code == 422
    assert stand.get(following.replace("limit=1", "limit=1&environment=production")).status_code == 422


def test_the_list_is_304_until_something_moves(stand: Stand) -> None:
    known = {"If-None-Match": stand.get("/migrations").headers["ETag"]}
    assert stand.get("/migrations", headers=known).status_code == 304
    stand.apply(ONE)
    assert stand.get("/migrations", headers=known).status_code == 200


def test_names_with_blanks_and_quotes_have_addresses() -> None:
    odd = sql('it\'s "all" fine & 100% ünï?', "1")
    with standing(files=(odd,)) as stand:
        (row,) = stand.get("/migrations").json
        one = stand.get(row["links"]["self"])
        assert (one.status_code, one.json["name"]) == (200, odd.name)
        assert one.headers["ETag"]


def test_one_migration_says_what_may_be_done_with_it(stand: Stand) -> None:
    stand.apply(ONE)
    applied, pending = stand.get("/migrations/create%20users").json, stand.get("/migrations/orders").json
    assert {one["name"]: one["allowed"] for one in applied["actions"]} == {"run": False, "rollback": True}
    assert {one["name"]: one["allowed"] for one in pending["actions"]} == {"run": True, "rollback": False}
    run = pending["actions"][0]
    accepted = stand.call(run["method"], run["href"], json=run["body"])
    assert (accepted.status_code, accepted.json["request"]["to"]) == (202, "orders")


def test_a_misspelt_name_gets_the_near_ones(stand: Stand) -> None:
    refused = stand.get("/migrations/ordres")
    assert (refused.status_code, refused.json["didYouMean"]) == (404, ["orders"])


def test_head_is_the_list_without_its_body(stand: Stand) -> None:
    head, whole = stand.call("HEAD", "/migrations"), stand.get("/migrations")
    assert head.headers["ETag"] == whole.headers["ETag"]
    assert int(head.headers["Content-Length"]) == len(whole.data)


def test_options_name_the_methods(stand: Stand) -> None:
    assert set(stand.call("OPTIONS", "/migrations/run").headers["Allow"].split(", ")) == {"POST", "OPTIONS"}


def test_the_conflict_log_is_read_filtered_and_paged(stand: Stand) -> None:
    stand.apply(ONE, sql("gone", "0"), sql("gone too", "00"))
    assert stand.get("/migrations").status_code == 200
    assert stand.get("/migrations/conflicts").json == []
    assert stand.post("/migrations/run").status_code == 409
    every = stand.get("/migrations/conflicts").json
    assert [one["kind"] for one in every] == ["missing_file", "missing_file"]
    assert every[0]["remedies"][0]["resolution"] == "restore_file"
    assert stand.get("/migrations/conflicts?state=open&environment=development").json == every
    assert stand.get("/migrations/conflicts?state=resolved").json == []
    page = stand.get("/migrations/conflicts?limit=1")
    rest = stand.get(next_page(page.headers["Link"]))
    assert [*page.json, *rest.json] == every
    one = stand.get(every[0]["links"]["self"])
    assert one.json == every[0]
    assert stand.get(every[0]["links"]["self"], headers={"If-None-Match": one.headers["ETag"]}).status_code == 304
    assert stand.get("/migrations/conflicts/abc").status_code == 404


def test_a_collision_of_two_jobs_names_both_in_utc(stand: Stand) -> None:
    first, second = stand.post("/migrations/run").json["id"], stand.post("/migrations/run").json["id"]
    stand.start(first)
    refused = stand.run(stand.claims.claim(next(job for job in stand.store.rows if str(job) == second), "w2", 1000))
    assert not isinstance(refused, Attempt)
    stand.run(stand.services.conflicts.record_refused_claim(refused, "w2"))
    (conflict,) = stand.get("/migrations/conflicts").json
    assert (conflict["jobId"], conflict["otherJobId"]) == (second, first)
    assert conflict["links"]["otherJob"] == f"/jobs/{first}"
    assert conflict["evidence"]["holderSince"] == "2026-01-02T03:04:05.678901Z"
