"""Conflicts are answered: which answers there are, what each does, and what it says when it may not."""

import shlex
from typing import Any

import pytest

from app.domain.conflict import Collision, ConflictKind
from app.domain.job import JobId, JobKind
from app.domain.migration import Catalog
from tests.api.stand import ONE, TWO, Answer, Stand, standing
from tests.domain.literals import sql

CHANGED = sql("create users", "1", up="SELECT 'changed'")


def changed(stand: Stand) -> dict[str, Any]:
    """A file that is not as it was applied, on record."""
    stand.apply(ONE)
    stand.source.catalog = Catalog((CHANGED, *stand.files[1:]))
    assert stand.post("/migrations/run").status_code == 409
    (conflict,) = stand.get("/migrations/conflicts?state=open").json
    found: dict[str, Any] = conflict
    return found


def recorded(stand: Stand, kind: ConflictKind, **more: Any) -> dict[str, Any]:
    conflict = stand.run(stand.log.record(Collision(kind, "they differ", "f", "development", **more)))
    found: dict[str, Any] = stand.get(f"/migrations/conflicts/{conflict.id}").json
    return found


def resolve(stand: Stand, conflict: dict[str, Any], resolution: str, **more: Any) -> Answer:
    headers = more.pop("headers", {})
    body = {"resolution": resolution, **more}
    return stand.post(f"{conflict['links']['self']}/resolve", json=body, headers=headers)


def test_a_conflict_lists_its_remedies_with_commands_that_can_be_pasted(stand: Stand) -> None:
    conflict = changed(stand)
    assert [one["resolution"] for one in conflict["remedies"]] == [
        "restore_file", "accept_file", "roll_back", "mark_rolled_back",
    ]  # fmt: skip
    words = shlex.split(conflict["remedies"][1]["command"])
    assert words[:4] == ["curl", "-X", "POST", f"http://localhost:3000{conflict['links']['self']}/resolve"]
    assert words[-1] == '{"resolution": "accept_file", "note": "why"}'


def test_what_settles_itself_and_what_is_closed_has_no_command(stand: Stand) -> None:
    fenced = recorded(stand, ConflictKind.FENCED)
    assert [one["command"] for one in fenced["remedies"]] == [None]
    conflict = changed(stand)
    stand.source.catalog = Catalog(tuple(stand.files))
    closed = resolve(stand, conflict, "restore_file").json
    assert {one["command"] for one in closed["remedies"]} == {None}


@pytest.mark.parametrize("resolution", ["accept_file", "mark_rolled_back"])
def test_what_touches_a_target_is_a_job(stand: Stand, resolution: str) -> None:
    conflict = changed(stand)
    accepted = resolve(stand, conflict, resolution, note="agreed")
    assert accepted.status_code == 202
    job = stand.get(accepted.headers["Location"]).json
    assert (job["kind"], job["note"], job["request"]["resolution"]) == ("resolve", "agreed", resolution)
    assert (job["request"]["conflictId"], job["request"]["migration"]) == (conflict["id"], "create users")
    assert stand.doorbell.rung[-1] == JobId(stand.store.rows[stand.doorbell.rung[-1]].job.id)


def test_what_is_checked_stays_open_while_its_cause_is_there(stand: Stand) -> None:
    conflict = changed(stand)
    refused = resolve(stand, conflict, "restore_file")
    assert (refused.status_code, refused.json["type"]) == (409, "/problems/still-disagrees")
    assert refused.json["problems"][0]["code"] == "checksum_mismatch"
    assert stand.get(conflict["links"]["self"]).json["state"] == "open"
    assert stand.log.audit == []


def test_what_is_not_rolled_back_yet_comes_with_the_call_that_does_it(stand: Stand) -> None:
    conflict = changed(stand)
    assert resolve(stand, conflict, "restore_file").json["nextSteps"] == []
    stand.apply(ONE, TWO)
    assert resolve(stand, conflict, "roll_back").json["nextSteps"] == [
        "curl -X POST 'http://localhost:3000/migrations/rollback/2?environment=development'"
    ]


def test_what_is_checked_closes_when_its_cause_is_gone_and_is_audited(stand: Stand) -> None:
    conflict = changed(stand)
    stand.source.catalog = Catalog(tuple(stand.files))
    closed = resolve(stand, conflict, "restore_file", note="from the backup")
    assert (closed.status_code, closed.json["state"], closed.json["resolvedBy"]) == (200, "resolved", "anonymous")
    assert closed.json["note"] == "from the backup"
    (said,) = stand.log.audit
    assert (said.resolution, said.note, said.origin.principal.address) == (
        "restore_file", "from the backup", "127.0.0.1",
    )  # fmt: skip


def test_a_wrong_resolution_for_the_kind_lists_the_allowed_ones(stand: Stand) -> None:
    refused = resolve(stand, changed(stand), "reorder")
    assert (refused.status_code, refused.json["type"]) == (422, "/problems/validation-failed")
    assert refused.json["allowed"] == ["restore_file", "accept_file", "roll_back", "mark_rolled_back"]


@pytest.mark.parametrize("kind", [ConflictKind.FENCED, ConflictKind.DUPLICATE_DELIVERY])
def test_what_settles_itself_takes_no_answer(stand: Stand, kind: ConflictKind) -> None:
    refused = resolve(stand, recorded(stand, kind), "retry")
    assert (refused.status_code, refused.json["type"]) == (409, "/problems/already-settled")


def test_a_migration_of_another_conflict_is_refused(stand: Stand) -> None:
    refused = resolve(stand, changed(stand), "accept_file", migration="orders")
    assert (refused.status_code, refused.json["problems"][0]["pointer"]) == (422, "/migration")
    assert refused.json["allowed"] == ["create users"]


def test_an_answer_is_given_once_for_a_key(stand: Stand) -> None:
    key = {"Idempotency-Key": "k1"}
    conflict = changed(stand)
    first = resolve(stand, conflict, "accept_file", headers=key)
    again = resolve(stand, conflict, "accept_file", headers=key)
    assert (again.status_code, again.json["id"]) == (202, first.json["id"])
    assert again.headers["Idempotency-Replayed"] == "true"
    stand.source.catalog = Catalog(tuple(stand.files))
    closed = resolve(stand, conflict, "restore_file", headers={"Idempotency-Key": "k2"})
    replayed = resolve(stand, conflict, "restore_file", headers={"Idempotency-Key": "k2"})
    assert (closed.status_code, replayed.status_code, replayed.json) == (200, 200, closed.json)


def test_a_caller_may_wait_for_the_job_that_answers(stand: Stand) -> None:
    conflict = recorded(stand, ConflictKind.MISSING_FILE, migrations=("orders",))
    ended = resolve(stand, conflict, "mark_rolled_back", headers={"Prefer": "wait=5"})
    assert (ended.status_code, ended.json["state"], ended.json["reason"]) == (200, "succeeded", "nothing_to_do")
    assert stand.get(conflict["links"]["self"]).json["resolvedByJobId"] == ended.json["id"]


def test_an_unknown_conflict_and_a_missing_resolution_are_told(stand: Stand) -> None:
    assert stand.post("/migrations/conflicts/nonsense/resolve", json={"resolution": "retry"}).status_code == 404
    refused = stand.post(f"{changed(stand)['links']['self']}/resolve")
    assert refused.json["problems"][0]["pointer"] == "/resolution"


def test_a_target_that_cannot_be_read_settles_nothing(stand: Stand) -> None:
    from app.domain.errors import BackendUnavailable

    conflict = changed(stand)
    stand.targets.unavailable = BackendUnavailable("nothing listens there", facts={"backend": "postgresql"})
    assert resolve(stand, conflict, "restore_file").status_code == 503


def test_a_job_that_waits_is_rung_for_again_and_one_that_has_ended_waits_no_more(stand: Stand) -> None:
    job_id = stand.post("/migrations/run").json["id"]
    rung = len(stand.doorbell.rung)
    conflict = recorded(stand, ConflictKind.LOCK_CONTENTION, job_id=JobId(next(iter(stand.store.rows))))
    refused = resolve(stand, conflict, "retry")
    assert (refused.status_code, refused.json["problems"][0]["code"]) == (409, "still_waiting")
    assert len(stand.doorbell.rung) == rung + 1
    stand.finish(job_id)
    assert resolve(stand, conflict, "retry").status_code == 200


def test_a_target_is_not_released_from_a_job_that_goes_on(stand: Stand) -> None:
    stand.post("/migrations/run")
    conflict = recorded(stand, ConflictKind.STRANDED_TARGET, other_job_id=next(iter(stand.store.rows)))
    refused = resolve(stand, conflict, "release_target")
    assert (refused.status_code, refused.json["type"]) == (409, "/problems/target-busy")


def test_a_release_is_queued_before_those_that_wait_for_the_target(stand: Stand) -> None:
    waiting = stand.post("/migrations/run").json["id"]
    conflict = recorded(stand, ConflictKind.STRANDED_TARGET, other_job_id=stand.clock.new_id())
    release = resolve(stand, conflict, "release_target").json["id"]
    assert [str(row.job.id) for row in stand.store.open_on("development")] == [release, waiting]


def test_a_read_only_service_settles_nothing() -> None:
    with standing(changed_settings={"read_only": True}) as stand:
        conflict = recorded(stand, ConflictKind.OBJECT_OVERLAP, migrations=("a", "b"))
        assert resolve(stand, conflict, "ignore").status_code == 403
        assert stand.post("/migrations/mark", json={"names": ["orders"], "as": "applied"}).status_code == 403
        assert stand.post("/schedules/purge/pause").status_code == 403
        assert stand.post("/schedules/purge/run").status_code == 403


def test_a_mark_is_a_job_with_what_was_asked(stand: Stand) -> None:
    body = {"names": ["create users", "add email", "add email"], "as": "applied", "note": "baseline"}
    accepted = stand.post("/migrations/mark?environment=production", json=body)
    job = stand.get(accepted.headers["Location"]).json
    assert (accepted.status_code, job["kind"], job["environment"]) == (202, "mark", "production")
    assert (job["request"]["names"], job["request"]["as"]) == (["create users", "add email"], "applied")


def test_a_mark_is_tried_again_as_it_was(stand: Stand) -> None:
    first = stand.post("/migrations/mark", json={"names": ["create users"], "as": "applied"}).json
    stand.post(f"/jobs/{first['id']}/cancel")
    retried = stand.post(f"/jobs/{first['id']}/retry").json
    assert (retried["kind"], retried["request"], retried["retryOf"]) == ("mark", first["request"], first["id"])


def test_what_is_marked_already_is_nothing_to_do(stand: Stand) -> None:
    stand.apply(ONE)
    job = stand.post("/migrations/mark", json={"names": ["create users"], "as": "applied"}).json
    assert (job["state"], job["reason"]) == ("succeeded", "nothing_to_do")


@pytest.mark.parametrize(("body", "status", "slug"), [
    ({"names": ["nonsense"], "as": "applied"}, 404, "not-found"),
    ({"names": [], "as": "applied"}, 422, "validation-failed"),
    ({"names": ["orders"]}, 422, "validation-failed"), ({"as": "applied"}, 422, "validation-failed"),
    ({"names": ["orders"], "as": "done"}, 422, "validation-failed"),
    ({"names": "orders", "as": "applied"}, 422, "validation-failed"),
    ({"names": ["or\0ders"], "as": "applied"}, 422, "validation-failed"),
    ({"names": ["needy"], "as": "applied"}, 409, "cannot-mark"),
])  # fmt: skip
def test_a_mark_that_cannot_be_says_why(body: dict[str, Any], status: int, slug: str) -> None:
    with standing(files=(ONE, TWO, sql("orders", "3"), sql("needy", "4", needs="orders"))) as stand:
        refused = stand.post("/migrations/mark", json=body)
        assert (refused.status_code, refused.json["type"]) == (status, f"/problems/{slug}")
        assert [row for row in stand.store.rows.values() if row.job.request.kind is JobKind.MARK] == []
