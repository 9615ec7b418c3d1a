"""The examples of the API's document: one for all that is sent and answered, and each of its shape."""

import json
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from app.api.spec import EXAMPLES
from tests.api.stand import Stand

GIVEN: dict[str, Any] = json.loads(EXAMPLES.read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    found: dict[str, Any] = Stand().get("/openapi.json").json
    return found


def shapes(document: dict[str, Any]) -> set[str]:
    """Of every body that is taken, and of every answer that is no problem."""
    found: set[str] = set()
    for item in document["paths"].values():
        for operation in item.values():
            answers = [answer for status, answer in operation["responses"].items() if status.startswith("2")]
            for part in (operation.get("requestBody", {}), *answers):
                schema = part.get("content", {}).get("application/json", {}).get("schema", {})
                found |= {schema["$ref"].rpartition("/")[2]} if "$ref" in schema else set()
    return found


def test_there_is_one_for_all_that_is_sent_and_answered(document: dict[str, Any]) -> None:
    wanted = shapes(document)
    assert len(wanted) > 50 and wanted == set(GIVEN)
    assert all(document["components"]["schemas"][name]["examples"] == [GIVEN[name]] for name in wanted)


@pytest.mark.parametrize("name", sorted(GIVEN))
def test_each_has_the_shape_that_it_shows(document: dict[str, Any], name: str) -> None:
    schema = {"$ref": f"#/components/schemas/{name}", "components": document["components"]}
    assert [error.message for error in Draft202012Validator(schema).iter_errors(GIVEN[name])] == []
