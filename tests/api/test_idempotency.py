"""The same request twice is one job and one answer."""

import asyncio
import threading
from typing import Any

import pytest

from app.domain.errors import BackendUnavailable
from app.services.submission import Submitted
from tests.api.stand import ONE, Stand

KEY = {"Idempotency-Key": "deploy-42"}


def test_the_same_again_gets_the_stored_answer(stand: Stand) -> None:
    first, again = stand.post("/migrations/run", headers=KEY), stand.post("/migrations/run", headers=KEY)
    assert (first.status_code, again.status_code) == (202, 202)
    assert again.data == first.data
    assert again.headers["Idempotency-Replayed"] == "true"
    assert "Idempotency-Replayed" not in first.headers
    for name in ("Location", "Retry-After", "Content-Type"):
        assert again.headers[name] == first.headers[name]
    assert again.headers["X-Request-Id"] != first.headers["X-Request-Id"]
    assert len(stand.store.rows) == 1


def test_the_order_of_fields_and_parameters_does_not_matter(stand: Stand) -> None:
    path = "/migrations/rollback?environment=production&confirm=production"
    turned = "/migrations/rollback?confirm=production&environment=production"
    stand.apply(ONE)
    stand.post(path, headers=KEY, json={"note": "a", "onBusy": "queue"})
    again = stand.post(turned, headers=KEY, json={"onBusy": "queue", "note": "a"})
    assert again.headers["Idempotency-Replayed"] == "true"


@pytest.mark.parametrize(("method", "path", "body"), [
    ("POST", "/migrations/run", {"note": "other"}), ("POST", "/migrations/run?environment=production", {}),
    ("POST", "/migrations/rollback", {}), ("DELETE", "/migrations/reset", {}),
])  # fmt: skip
def test_another_request_with_the_same_key_is_refused(
    stand: Stand, method: str, path: str, body: dict[str, Any]
) -> None:
    stand.post("/migrations/run", headers=KEY)
    refused = stand.call(method, path, headers=KEY, json=body)
    assert (refused.status_code, refused.json["type"]) == (422, "/problems/idempotency-key-reused")
    assert len(stand.store.rows) == 1


def test_while_the_first_is_in_progress_the_second_is_told_to_ask_again(
    stand: Stand, monkeypatch: pytest.MonkeyPatch
) -> None:
    submit, entered, may_go_on = stand.services.migrations.submit, threading.Event(), asyncio.Event()

    async def submit_slowly(*given: Any) -> Submitted:
        entered.set()
        await may_go_on.wait()
        return await submit(*given)

    monkeypatch.setattr(stand.services.migrations, "submit", submit_slowly)
    first = threading.Thread(target=stand.post, args=("/migrations/run",), kwargs={"headers": KEY})
    first.start()
    assert entered.wait(5)
    second = stand.post("/migrations/run", headers=KEY)
    stand.run(_set(may_go_on))
    first.join()
    assert (second.status_code, second.json["type"]) == (409, "/problems/idempotency-in-progress")
    assert second.headers["Retry-After"] == "1"
    assert len(stand.store.rows) == 1


def test_a_job_whose_answer_was_lost_is_found_again(stand: Stand, monkeypatch: pytest.MonkeyPatch) -> None:
    async def complete(*_: Any) -> None:
        raise BackendUnavailable("PostgreSQL went away")

    monkeypatch.setattr(stand.keys, "complete", complete)
    first, again = stand.post("/migrations/run", headers=KEY), stand.post("/migrations/run", headers=KEY)
    assert (again.status_code, again.json["id"]) == (202, first.json["id"])
    assert again.headers["Idempotency-Replayed"] == "true"
    assert again.headers["Location"] == first.headers["Location"]


def test_a_refused_request_leaves_the_key_free(stand: Stand) -> None:
    refused = stand.post("/migrations/rollback/2", headers=KEY)
    assert refused.status_code == 422
    stand.apply(*stand.files)
    assert stand.post("/migrations/rollback/2", headers=KEY).status_code == 202
    assert stand.post("/migrations/run", headers={"Idempotency-Key": "k2", "If-Match": '"old"'}).status_code == 412
    assert stand.post("/migrations/run", headers={"Idempotency-Key": "k2"}).status_code == 202


def test_a_precondition_belongs_to_the_first_request_only(stand: Stand) -> None:
    headers = {**KEY, "If-Match": stand.get("/migrations").headers["ETag"]}
    stand.post("/migrations/run", headers=headers)
    stand.apply(*stand.files)
    assert stand.post("/migrations/run", headers=headers).headers["Idempotency-Replayed"] == "true"


def test_who_asks_again_and_waits_gets_the_end(stand: Stand) -> None:
    first = stand.post("/migrations/run", headers=KEY)
    stand.finish(first.json["id"])
    again = stand.post("/migrations/run", headers={**KEY, "Prefer": "wait=5"})
    assert (again.status_code, again.json["state"]) == (200, "succeeded")
    assert again.headers["Idempotency-Replayed"] == "true"
    assert stand.post("/migrations/run", headers=KEY).data == first.data


@pytest.mark.parametrize("key", ["", "x" * 256, "a b", "é"])
def test_a_key_is_visible_ascii(stand: Stand, key: str) -> None:
    refused = stand.post("/migrations/run", headers={"Idempotency-Key": key})
    assert refused.status_code == 422
    assert refused.json["problems"][0]["parameter"] == "Idempotency-Key"
    assert not stand.store.rows


def test_a_reset_takes_a_key_too(stand: Stand) -> None:
    stand.delete("/migrations/reset", headers=KEY)
    assert stand.delete("/migrations/reset", headers=KEY).headers["Idempotency-Replayed"] == "true"


async def _set(event: asyncio.Event) -> None:
    event.set()
