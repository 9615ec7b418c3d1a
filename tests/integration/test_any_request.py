"""Requests of every kind that the document allows, and of kinds that it does not, against the application on servers.

schemathesis makes them from `/openapi.json`, the same ones each time, and holds each answer against it: statuses,
headers, media types, schemas, methods that are not there, callers that do not say who they are, and bad data that is
not refused.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis import GenerationMode
from schemathesis.config import SchemathesisConfig
from schemathesis.core.failures import FailureGroup
from schemathesis.specs.openapi.schemas import OpenApiSchema

from app import create_app
from app.api.doors import DOORS
from app.domain.access import Auth
from tests.support.house import open_house
from tests.support.servers import Servers

pytestmark = pytest.mark.servers

EXAMPLES = 2
ADMIN = "the-admins-token-of-this-test-long-enough"
KNOWN = {"Authorization": f"Bearer {ADMIN}"}
ROUTES = sorted(route for route in DOORS if route not in ("GET /docs", "GET /openapi.json"))
# what is well formed may still be refused by what stands where, or because two of its parts contradict each other
REFUSED = ["2xx", "304", "401", "403", "404", "409", "412", "416", "422", "428"]
CONFIG = {"checks": {"positive_data_acceptance": {"expected-statuses": REFUSED}}}


def test_every_answer_is_as_the_document_says(servers: Servers, folder: Path) -> None:
    with _document(servers, folder) as document:
        found = {f"{route}, {mode.value}": _found(document, route, mode) for route in ROUTES for mode in GenerationMode}
    assert {what: failures for what, failures in found.items() if failures} == {}


@contextmanager
def _document(servers: Servers, folder: Path) -> Iterator[OpenApiSchema]:
    (folder / "0001_one.sql").write_text("-- migrate:up\nSELECT 1;\n-- migrate:down\nSELECT 2;\n")
    asked = {"auth": Auth.TOKEN, "admin_token": ADMIN}
    with pytest.MonkeyPatch.context() as patch, open_house(servers, folder, **asked) as house:
        # wrong tokens are among what is tried, and a stream is looked at only for how it begins
        patch.setattr("app.services.tries.FailedTries.wait_s", lambda *_: 0)
        patch.setattr("app.api.following.LONGEST_STREAM_S", 0.01)
        app = create_app(house.services.settings, house.services)
        yield schemathesis.openapi.from_wsgi("/openapi.json", app, config=SchemathesisConfig.from_dict(CONFIG))


def _found(document: OpenApiSchema, route: str, mode: GenerationMode) -> list[str]:
    method, path = route.split(" ")
    operation = document[path][method]
    if mode is GenerationMode.NEGATIVE and not _can_be_wrong(operation.definition.raw):
        return []

    @given(case=operation.as_strategy(generation_mode=mode))
    @settings(
        max_examples=EXAMPLES,
        derandomize=True,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    def ask(case: Any) -> None:
        case.call_and_validate(headers=KNOWN)

    try:
        ask()
    except FailureGroup as group:
        return [str(one) for one in group.exceptions]
    return []


def _can_be_wrong(operation: dict[str, Any]) -> bool:
    """Any text is a header or a part of a path, so only what has a query or a body can be ill formed."""
    return "requestBody" in operation or any(one["in"] == "query" for one in operation["parameters"])
