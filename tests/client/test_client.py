"""The client against the whole HTTP application, and against answers that no application should give."""

import dataclasses
import importlib
import json
import pkgutil
from collections.abc import Callable, Iterator
from types import NoneType
from typing import Any, get_args, get_type_hints
from uuid import UUID

import httpx
import pytest

from app.api.doors import DOORS
from app.client import (
    ApiProblem,
    Busy,
    Invalid,
    Liftlock,
    LiftlockProblem,
    NotAllowed,
    NotFound,
    Refused,
    ServiceFailed,
    UnexpectedAnswer,
    Unreachable,
    documents,
)
from app.client.reading import Document, camel
from app.client.resources.jobs import Jobs
from app.client.transport import Asked
from app.domain.access import Auth
from app.domain.conflict import Collision, ConflictKind
from tests.api.stand import ONE, THREE, TWO, Stand, standing
from tests.client.wire import URL, Wire, answering, client_of

ADMIN = "the-admins-token-of-this-test-long-enough"
NOT_CALLED = frozenset({"GET /docs", "GET /metrics", "GET /events"})
"""For browsers and machines."""


@pytest.fixture(scope="module")
def stand() -> Iterator[Stand]:
    with standing(applied=(ONE,)) as stand:
        yield stand


def test_every_endpoint_has_a_call_and_every_answer_is_understood() -> None:
    with standing(applied=(ONE, TWO)) as stand:
        wire = Wire(stand)
        with Liftlock(URL, http=wire) as client:
            for call in _every_call(stand, client):
                try:
                    call()
                except LiftlockProblem as problem:
                    # what a stand of fakes refuses is an answer too, as long as it is a refusal
                    assert getattr(problem, "status", 0) in (404, 409, 412, 422, 428, 403), problem
        assert set(DOORS) - NOT_CALLED - wire.asked == set()


def _every_call(stand: Stand, client: Liftlock) -> list[Callable[[], Any]]:
    collision = Collision(ConflictKind.CHECKSUM_MISMATCH, "it was changed", "print", environment="development")
    conflict = str(stand.run(stand.log.record(collision)).id)
    job, plan = client.migrations.run().id, client.plans.make().id
    made = client.access.add_token("spare", role="viewer")
    hook = client.webhooks.add("on-call", "https://hooks.example.com/liftlock", events=["job.failed"]).id
    sent, hooks = client.webhooks.test(hook).id, client.webhooks
    migrations, jobs, places = client.migrations, client.jobs, client.environments
    return [
        *(
            lambda: migrations.list("development"),
            lambda: migrations.get("orders"),
            migrations.graph,
            lambda: list(migrations.history()),
        ),
        *(lambda: migrations.picture("svg"), migrations.rollback, lambda: migrations.rollback(count=2)),
        *(lambda: migrations.reset("production"), lambda: migrations.mark("applied", ["orders"]), migrations.verify),
        *(lambda: list(client.plans.list()), lambda: client.plans.get(plan), lambda: client.plans.sql(plan)),
        *(
            lambda: list(jobs.list(limit=1)),
            lambda: jobs.get(job),
            lambda: jobs.locks(job),
            lambda: jobs.log(job),
            lambda: list(jobs.events(job)),
        ),
        *(lambda: jobs.approvals(job), lambda: jobs.approve(job), lambda: jobs.reject(job), lambda: jobs.pause(job)),
        *(lambda: jobs.resume(job), lambda: jobs.cancel(job), lambda: jobs.retry(job)),
        *(client.conflicts.list, lambda: client.conflicts.get(conflict)),
        lambda: client.conflicts.resolve(conflict, "dismiss", "looked at"),
        *(lambda: places.list(with_status=True), lambda: places.get("production"), lambda: places.status("production")),
        *(places.matrix, lambda: places.compare("development", "production"), lambda: places.drift("production")),
        *(lambda: places.scan("development"), lambda: places.sync("production", "development")),
        *(
            lambda: places.put("qa", {"url": "env:QA_URL"}),
            lambda: places.registration("qa"),
            lambda: places.remove("qa"),
        ),
        *(lambda: places.unlock("production"), lambda: places.lock("production"), lambda: places.claim("production")),
        *(
            lambda: client.preserved.list("development"),
            lambda: client.preserved.restore("development", str(UUID(int=1))),
        ),
        *(hooks.list, lambda: hooks.get(hook), lambda: hooks.rotate(hook), lambda: list(hooks.deliveries(hook))),
        *(lambda: hooks.redeliver(hook, sent), lambda: hooks.remove(hook)),
        *(client.schedules.list, lambda: client.schedules.get("purge"), lambda: client.schedules.pause("purge")),
        *(lambda: client.schedules.resume("purge"), lambda: client.schedules.run("purge")),
        *(client.access.whoami, lambda: list(client.access.tokens()), lambda: client.access.revoke_token(made.id)),
        *(lambda: list(client.access.audit(limit=2)), client.service.alive, client.service.ready),
        *(client.service.version, client.service.openapi, client.service.problems),
        lambda: client.service.problem("target-busy"),
    ]


def test_a_list_is_followed_over_its_pages(stand: Stand) -> None:
    with client_of(stand) as client:
        asked = [client.migrations.run().id for _ in range(3)]
        assert [job.id for job in client.jobs.list(limit=1)][:3] == asked[::-1]


def test_members_that_are_not_known_here_are_in_raw(stand: Stand) -> None:
    with client_of(stand) as client:
        job = client.migrations.run()
    assert job.raw["links"]["self"] == job.links["self"] == f"/jobs/{job.id}"
    assert job.created_at.tzinfo is not None and job.request.atomic == "migration"


def test_an_older_client_reads_what_a_newer_service_adds(stand: Stand) -> None:
    with client_of(stand) as client:
        raw = {**client.migrations.run().raw, "state": "dreaming", "mood": "fair"}
    transport, _ = answering(httpx.Response(200, json=raw))
    job = Jobs(transport).get(raw["id"])
    assert (job.state, job.raw["mood"]) == ("dreaming", "fair")


@pytest.mark.parametrize("answer", [{"id": 1}, [], "text", {"state": None}])
def test_an_answer_that_is_not_what_was_promised_is_said(answer: Any) -> None:
    transport, _ = answering(httpx.Response(200, json=answer))
    with pytest.raises(UnexpectedAnswer):
        Jobs(transport).get("x")


def test_an_address_that_is_no_liftlock_is_said() -> None:
    transport, _ = answering(httpx.Response(200, text="<html>", headers={"Content-Type": "text/html"}))
    with pytest.raises(UnexpectedAnswer, match="instead of JSON came text/html"):
        Jobs(transport).get("x")


def test_a_connection_that_is_lost_is_tried_again_with_the_same_key() -> None:
    lost = httpx.ReadError("reset by peer")
    transport, sent = answering(lost, lost, httpx.Response(200, json={"ok": True}))
    assert transport.json(Asked("POST", "/migrations/run", body={"to": "x"})) == {"ok": True}
    assert [request.headers["Idempotency-Key"] for request in sent] == ["key-0"] * 3
    assert [json.loads(request.content) for request in sent] == [{"to": "x"}] * 3


def test_two_changes_never_have_the_same_key() -> None:
    transport, sent = answering(*(httpx.Response(200, json={}) for _ in range(2)))
    for _ in range(2):
        transport.json(Asked("DELETE", "/migrations/reset"))
    assert [request.headers["Idempotency-Key"] for request in sent] == ["key-0", "key-1"]


def test_a_first_try_that_got_there_is_waited_for() -> None:
    problem = {"type": "/problems/idempotency-in-progress", "title": "…", "detail": "…"}
    in_progress = httpx.Response(409, json=problem, headers={"Retry-After": "1"})
    transport, sent = answering(httpx.ReadTimeout("slow"), in_progress, httpx.Response(202, json={"id": "1"}))
    assert transport.json(Asked("POST", "/migrations/run")) == {"id": "1"}
    assert len(sent) == 3


def test_tries_come_to_an_end() -> None:
    transport, sent = answering(*(httpx.ConnectError("refused") for _ in range(4)))
    with pytest.raises(Unreachable, match="no Liftlock answers at") as raised:
        transport.json(Asked("GET", "/jobs"))
    assert (len(sent), raised.value.why) == (4, "refused")


@pytest.mark.parametrize(
    ("status", "slug", "kind"),
    [
        (401, "unauthenticated", NotAllowed),
        (403, "read-only", NotAllowed),
        (403, "environment-protected", Refused),
        (404, "not-found", NotFound),
        (409, "target-busy", Busy),
        (422, "validation-failed", Invalid),
        (422, "hazard-not-allowed", Refused),
        (428, "confirmation-required", Refused),
        (503, "too-many-requests", Busy),
        (503, "backend-unavailable", ServiceFailed),
        (418, "of-tomorrow", Refused),
        (502, "of-tomorrow", ServiceFailed),
    ],
)
def test_each_kind_of_problem_is_an_exception_of_its_kind(status: int, slug: str, kind: type[ApiProblem]) -> None:
    body = {"type": f"/problems/{slug}", "title": "T", "detail": "D", "nextSteps": ["do it"]}
    transport, _ = answering(httpx.Response(status, json=body, headers={"Retry-After": "7"}))
    with pytest.raises(ApiProblem) as raised:
        transport.json(Asked("POST", "/migrations/run"))
    problem = raised.value
    assert type(problem) is kind
    assert (problem.status, problem.slug, problem.detail, problem.next_steps) == (status, slug, "D", ("do it",))
    assert problem.retry_after_s == 7


def test_a_proxys_error_page_is_a_failure_of_the_service() -> None:
    transport, _ = answering(httpx.Response(502, text="<html>Bad Gateway</html>"))
    with pytest.raises(ServiceFailed, match="502 Bad Gateway, and not from Liftlock"):
        transport.json(Asked("GET", "/jobs"))


def test_the_token_is_sent_and_comes_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LIFTLOCK_TOKEN", ADMIN)
    with standing(changed_settings={"auth": Auth.TOKEN, "admin_token": ADMIN}, files=(ONE, TWO, THREE)) as stand:
        with Liftlock(URL, http=Wire(stand)) as client:
            assert client.access.whoami().scopes == ("admin",)
        with client_of(stand, "ll_wrong") as stranger, pytest.raises(NotAllowed):
            stranger.migrations.list()


def test_what_the_documents_here_promise_is_what_the_api_promises(stand: Stand) -> None:
    """Each member is there in `/openapi.json`, and may be null only where it may be null there."""
    schemas = client_of(stand).service.openapi()["components"]["schemas"]
    wrong = [
        f"{kind.__name__}.{field.name}"
        for kind in _documents()
        for field in dataclasses.fields(kind)
        if field.name != "raw" and not _agrees(kind, field, schemas.get(kind.__name__, {}).get("properties", {}))
    ]
    assert wrong == []


def _documents() -> list[type[Any]]:
    names = [one.name for one in pkgutil.iter_modules(documents.__path__)]
    modules = [importlib.import_module(f"app.client.documents.{name}") for name in names]
    return [
        one
        for module in modules
        for one in vars(module).values()
        if isinstance(one, type) and issubclass(one, Document) and one.__module__ == module.__name__
    ]


def _agrees(kind: type[Any], field: "dataclasses.Field[Any]", promised: dict[str, Any]) -> bool:
    if (kind.__name__, field.name) == ("Job", "warnings"):
        return True  # of a Change, which is a Job with them
    schema = promised.get(field.metadata.get("key") or camel(field.name))
    if schema is None and (field.default is not dataclasses.MISSING or not promised):
        return True  # of another version of the service
    may_be_null = schema is not None and {"type": "null"} in schema.get("anyOf", ())
    return schema is not None and (not may_be_null or NoneType in get_args(get_type_hints(kind)[field.name]))
