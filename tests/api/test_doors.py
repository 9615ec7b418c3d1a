"""Every route and every role: what each may do, and that nobody has forgotten one."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import pytest
from werkzeug.routing import Rule

from app.api.doors import DOORS, SHUT, Asks, address_of, door_of
from app.domain.access import Auth, Role
from app.domain.conflict import Collision, ConflictKind
from tests.api.stand import Stand, standing

ADMIN = "the-admins-token-of-this-test-long-enough"
NOBODY = frozenset[Role]()
READERS = frozenset(Role)
OPERATORS = frozenset({Role.OPERATOR, Role.RELEASER, Role.ADMIN})
RELEASERS = frozenset({Role.RELEASER, Role.ADMIN})
ADMINS = frozenset({Role.ADMIN})


@dataclass(frozen=True)
class Case:
    """`may`: the roles that are let in; `needs`: what the others are told. `path` may name what the stand has."""

    path: str
    may: frozenset[Role] = READERS
    needs: str | None = "read"
    body: dict[str, Any] = field(default_factory=dict)


OPEN = dict.fromkeys(
    ("/health/live", "/health/ready", "/version", "/openapi.json", "/docs", "/problems", "/problems/{slug}"),
    "/problems",
)
CASES: dict[str, Case] = {
    "GET /whoami": Case("/whoami", needs=None),
    "GET /tokens": Case("/tokens", ADMINS, "admin"),
    "POST /tokens": Case("/tokens", ADMINS, "admin", {"name": "x", "role": "viewer"}),
    "DELETE /tokens/{id}": Case("/tokens/{token}", ADMINS, "admin"),
    "GET /audit": Case("/audit"),
    "GET /metrics": Case("/metrics"),
    "GET /webhooks": Case("/webhooks"),
    "POST /webhooks": Case("/webhooks", ADMINS, "admin", {"name": "x", "url": "https://x.example/hook"}),
    "GET /webhooks/{id}": Case("/webhooks/{webhook}"),
    "DELETE /webhooks/{id}": Case(f"/webhooks/{UUID(int=1)}", ADMINS, "admin"),
    "POST /webhooks/{id}/rotate": Case("/webhooks/{webhook}/rotate", ADMINS, "admin"),
    "POST /webhooks/{id}/test": Case("/webhooks/{webhook}/test", ADMINS, "admin"),
    "GET /webhooks/{id}/deliveries": Case("/webhooks/{webhook}/deliveries"),
    "POST /webhooks/{id}/deliveries/{delivery}/redeliver": Case(
        f"/webhooks/{{webhook}}/deliveries/{UUID(int=1)}/redeliver", ADMINS, "admin"
    ),
    "GET /migrations": Case("/migrations"),
    "GET /migrations/graph": Case("/migrations/graph"),
    "GET /migrations/{name}": Case("/migrations/orders"),
    "POST /migrations/run": Case("/migrations/run", OPERATORS, "run:development"),
    "POST /migrations/rollback": Case("/migrations/rollback", OPERATORS, "rollback:development"),
    "POST /migrations/rollback/{n}": Case("/migrations/rollback/2", OPERATORS, "rollback:development"),
    "DELETE /migrations/reset": Case("/migrations/reset", RELEASERS, "reset:development"),
    "POST /migrations/mark": Case(
        "/migrations/mark", OPERATORS, "run:development", {"names": ["orders"], "as": "applied"}
    ),
    "POST /migrations/verify": Case("/migrations/verify", OPERATORS, "plan"),
    "POST /migrations/plan": Case("/migrations/plan", OPERATORS, "plan"),
    "GET /plans": Case("/plans"),
    "GET /plans/{id}": Case("/plans/{plan}"),
    "GET /plans/{id}/sql": Case("/plans/{plan}/sql"),
    "GET /migrations/conflicts": Case("/migrations/conflicts"),
    "GET /migrations/conflicts/{id}": Case("/migrations/conflicts/{conflict}"),
    "POST /migrations/conflicts/{id}/resolve": Case(
        "/migrations/conflicts/{conflict}/resolve", OPERATORS, "resolve", {"resolution": "dismiss", "note": "x"}
    ),
    "GET /jobs": Case("/jobs"),
    "GET /jobs/{id}": Case("/jobs/{job}"),
    "GET /jobs/{id}/locks": Case("/jobs/{job}/locks"),
    "GET /jobs/{id}/events": Case("/jobs/{job}/events"),
    "GET /jobs/{id}/log": Case("/jobs/{job}/log"),
    "GET /events": Case("/events?topics=nothing"),
    "GET /history": Case("/history"),
    "GET /jobs/{id}/approvals": Case("/jobs/{job}/approvals"),
    "POST /jobs/{id}/cancel": Case("/jobs/{job}/cancel", OPERATORS, "run:development"),
    "POST /jobs/{id}/pause": Case("/jobs/{job}/pause", OPERATORS, "run:development"),
    "POST /jobs/{id}/resume": Case("/jobs/{job}/resume", OPERATORS, "run:development"),
    "POST /jobs/{id}/retry": Case("/jobs/{job}/retry", OPERATORS, "run:development"),
    "POST /jobs/{id}/approve": Case("/jobs/{job}/approve", RELEASERS, "approve:development"),
    "POST /jobs/{id}/reject": Case("/jobs/{job}/reject", RELEASERS, "approve:development"),
    "GET /schedules": Case("/schedules"),
    "GET /schedules/{name}": Case("/schedules/purge"),
    "POST /schedules/{name}/pause": Case("/schedules/purge/pause", ADMINS, "admin"),
    "POST /schedules/{name}/resume": Case("/schedules/drift/resume", OPERATORS, "plan"),
    "POST /schedules/{name}/run": Case("/schedules/purge/run", ADMINS, "admin"),
    "GET /environments/{environment}/drift": Case("/environments/development/drift"),
    "POST /environments/{environment}/drift/scan": Case("/environments/development/drift/scan", OPERATORS, "plan"),
    "POST /environments/{environment}/sync": Case(
        "/environments/production/sync", OPERATORS, "run:production", {"from": "development"}
    ),
    "GET /environments": Case("/environments"),
    "GET /environments/compare": Case("/environments/compare?from=development&to=production"),
    "GET /environments/{environment}": Case("/environments/development"),
    "GET /environments/{environment}/status": Case("/environments/development/status"),
    "GET /matrix": Case("/matrix"),
    "PUT /environments/{environment}": Case("/environments/qa", ADMINS, "admin", {"url": "env:QA_URL"}),
    "DELETE /environments/{environment}": Case("/environments/qa", ADMINS, "admin"),
    "GET /environments/{environment}/registration": Case("/environments/development/registration"),
    "POST /environments/{environment}/unlock": Case("/environments/production/unlock", ADMINS, "admin"),
    "POST /environments/{environment}/lock": Case("/environments/production/lock", OPERATORS, "run:production"),
    "POST /environments/{environment}/claim": Case("/environments/production/claim", ADMINS, "admin"),
    "GET /environments/{environment}/preserved": Case("/environments/development/preserved"),
    "POST /environments/{environment}/preserved/{id}/restore": Case(
        f"/environments/production/preserved/{UUID(int=1)}/restore", OPERATORS, "run:production"
    ),
}  # fmt: skip


@pytest.fixture(scope="module")
def asked() -> Iterator[tuple[Stand, dict[str, str], dict[Role, str]]]:
    """A stand that asks for tokens, the ids of what it has, and a token for each role."""
    with standing(changed_settings={"auth": Auth.TOKEN, "admin_token": ADMIN}) as stand:
        yield stand, _furnished(stand), {role: _token(stand, role) for role in Role}


def _furnished(stand: Stand) -> dict[str, str]:
    collision = Collision(ConflictKind.CHECKSUM_MISMATCH, "it was changed", "print", environment="development")
    return {
        "job": stand.post("/migrations/run", token=ADMIN).json["id"],
        "plan": stand.post("/migrations/plan", token=ADMIN).json["id"],
        "webhook": stand.post("/webhooks", token=ADMIN, json={"name": "on-call", "url": "https://x.example/hook"}).json[
            "id"
        ],
        "token": stand.post("/tokens", token=ADMIN, json={"name": "spare", "role": "viewer"}).json["id"],
        "conflict": str(stand.run(stand.log.record(collision)).id),
    }


def _token(stand: Stand, role: Role) -> str:
    made = stand.post("/tokens", token=ADMIN, json={"name": role, "role": role})
    assert made.status_code == 201
    return str(made.json["token"])


def _routes(stand: Stand) -> set[str]:
    return {
        f"{method} {address_of(rule.rule)}"
        for rule in stand.app.url_map.iter_rules()
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
    }


def test_every_route_has_a_door_and_every_door_a_route(stand: Stand) -> None:
    assert _routes(stand) == set(DOORS)


def test_every_route_is_in_the_document(stand: Stand) -> None:
    paths = stand.get("/openapi.json").json["paths"]
    documented = {f"{method.upper()} {path}" for path, item in paths.items() for method in item}
    assert documented == set(DOORS) - {"GET /docs", "GET /openapi.json"}


def test_every_route_is_tried_by_this_file(stand: Stand) -> None:
    assert _routes(stand) == set(CASES) | {f"GET {path}" for path in OPEN}


def test_a_route_that_nobody_thought_of_is_shut_to_all_but_an_admin() -> None:
    with standing(changed_settings={"auth": Auth.TOKEN, "admin_token": ADMIN}) as stand:
        rule = Rule("/forgotten", endpoint="forgotten", methods=["GET"])
        stand.app.url_map.add(rule)
        stand.app.view_functions["forgotten"] = lambda: "in"
        viewer = _token(stand, Role.VIEWER)
        assert door_of(rule, "GET") is SHUT
        assert stand.get("/forgotten").status_code == 401
        assert stand.get("/forgotten", token=viewer).json["needs"] == "admin"
        assert stand.client().get("/forgotten", headers={"Authorization": f"Bearer {ADMIN}"}).text == "in"


def test_what_changes_something_is_on_the_audit_trail_by_a_name_of_its_own() -> None:
    changes = {route: door.action for route, door in DOORS.items() if not route.startswith("GET ")}
    assert all(changes.values())
    assert {door.action for route, door in DOORS.items() if route.startswith("GET ")} == {None}


@pytest.mark.parametrize("role", Role)
@pytest.mark.parametrize("route", CASES)
def test_each_role_may_do_what_is_its_own_and_nothing_else(
    asked: tuple[Stand, dict[str, str], dict[Role, str]], route: str, role: Role
) -> None:
    stand, ids, tokens = asked
    case, method = CASES[route], route.split(maxsplit=1)[0]
    answer = stand.call(method, case.path.format(**ids), token=tokens[role], json=case.body or None)
    if role in case.may:
        # what the state of things refuses is not what the token is refused
        assert answer.status_code not in (401, 500) and "needs" not in (answer.json if answer.is_json else {})
        return
    assert (answer.status_code, answer.json["type"]) == (403, "/problems/forbidden")
    assert answer.json["needs"] == case.needs
    assert answer.json["has"]


@pytest.mark.parametrize("route", CASES)
def test_nobody_gets_in_without_a_token(asked: tuple[Stand, dict[str, str], dict[Role, str]], route: str) -> None:
    stand, ids, _ = asked
    method, case = route.split(maxsplit=1)[0], CASES[route]
    answer = stand.call(method, case.path.format(**ids), json=case.body or None)
    assert (answer.status_code, answer.json["type"]) == (401, "/problems/unauthenticated")
    assert answer.headers["WWW-Authenticate"] == 'Bearer realm="liftlock"'


@pytest.mark.parametrize("path", OPEN)
def test_what_keeps_the_service_running_and_explains_it_needs_no_token(
    asked: tuple[Stand, dict[str, str], dict[Role, str]], path: str
) -> None:
    stand, _, _ = asked
    assert stand.get(path.format(slug="forbidden")).status_code == 200
    assert DOORS[f"GET {path}"].asks is Asks.NOTHING


def test_a_dry_run_of_a_sync_is_a_plan(asked: tuple[Stand, dict[str, str], dict[Role, str]]) -> None:
    stand, _, tokens = asked
    body = {"from": "development", "dryRun": True}
    refused = stand.post("/environments/production/sync", token=tokens[Role.VIEWER], json=body)
    planned = stand.post("/environments/production/sync", token=tokens[Role.OPERATOR], json=body)
    assert (refused.status_code, refused.json["needs"]) == (403, "plan")
    assert planned.status_code == 201


@pytest.mark.parametrize("route", ["POST /migrations/run", "POST /migrations/rollback", "DELETE /migrations/reset"])
def test_a_dry_run_of_a_change_is_a_plan(asked: tuple[Stand, dict[str, str], dict[Role, str]], route: str) -> None:
    stand, _, tokens = asked
    method, path = route.split()
    refused = stand.call(method, path, token=tokens[Role.VIEWER], json={"dryRun": True})
    planned = stand.call(method, path, token=tokens[Role.OPERATOR], json={"dryRun": True})
    assert (refused.status_code, refused.json["needs"]) == (403, "plan")
    assert planned.status_code == 201
    assert planned.headers["Location"] == f"/plans/{planned.json['id']}"


def test_the_document_says_what_each_call_needs(stand: Stand) -> None:
    document = stand.get("/openapi.json").json
    assert document["components"]["securitySchemes"]["token"]["scheme"] == "bearer"
    paths = document["paths"]
    assert paths["/migrations/run"]["post"]["security"] == [{"token": ["run:<environment>"]}, {"token": ["plan"]}]
    assert "401" in paths["/migrations/run"]["post"]["responses"]
    assert "Needs `run:<environment>` or `plan`." in paths["/migrations/run"]["post"]["description"]
    assert paths["/whoami"]["get"]["security"] == [{"token": []}]
    assert paths["/version"]["get"]["security"] == []
    assert all("security" in one for item in paths.values() for one in item.values())
