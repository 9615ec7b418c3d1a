"""The OpenAPI document: what flask-openapi3 makes of the types, and what it cannot know of this API."""

import json
from collections.abc import Iterator
from copy import deepcopy
from http import HTTPStatus
from pathlib import Path
from typing import Any

from app.api.doors import DOORS, SHUT, Asks, Door

Document = dict[str, Any]

EXAMPLES = Path(__file__).with_name("examples.json")
"""One for each shape that is sent or answered, by its name: answers are of the demo, lists are cut short."""

BEARER = "token"
_BEARER = {
    "type": "http",
    "scheme": "bearer",
    "bearerFormat": "ll_<id>_<secret>",
    "description": "From `POST /tokens`. Nobody is asked for one where `LIFTLOCK_AUTH` is `off`.",
}
CHANGES = frozenset({"post", "put", "delete"})
GUARDED = frozenset({"runMigrations", "rollbackMigration", "rollbackMigrations", "resetMigrations", "markMigrations"})
"""Changes that take If-Match: they depend on the list of migrations that their caller has seen."""
REGISTERING = frozenset({"putEnvironment", "deleteEnvironment"})
"""Changes that take the If-Match of a registration."""

_EVERY_PROBLEM = (HTTPStatus.FORBIDDEN, HTTPStatus.NOT_FOUND, HTTPStatus.UNPROCESSABLE_ENTITY)
_PROBLEMS_OF_A_CHANGE = (
    HTTPStatus.BAD_REQUEST,
    HTTPStatus.CONFLICT,
    HTTPStatus.PRECONDITION_FAILED,
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
    HTTPStatus.PRECONDITION_REQUIRED,
    HTTPStatus.SERVICE_UNAVAILABLE,
)
_OF_A_TARGET = (
    "listMigrations",
    "getMigration",
    "getGraph",
    "compareEnvironments",
    "getDrift",
    "listPreserved",
)
"""Questions that a target is asked for: nobody asks the one of an environment that was taken out of the file."""
_TEXT = {"type": "string"}
_ETAG = {"ETag": {"description": "names just this answer, for If-None-Match", "schema": _TEXT}}
_ALSO_AS = {
    "listJobEvents": ("application/x-ndjson", "text/event-stream"),
    "listProblems": ("text/html",),
    "getProblem": ("text/html",),
}
"""What a 200 may be beside JSON, where `Accept` asks for it."""


def _header(name: str, description: str, schema: Document) -> Document:
    return {"name": name, "in": "header", "required": False, "description": description, "schema": schema}


_IF_MATCH_REGISTRATION = _header(
    "If-Match",
    "the ETag of `GET …/registration`: refuse when it has changed since; `*`: refuse when there is none",
    _TEXT,
)
_IF_NONE_THERE = _header("If-None-Match", "`*`: refuse when there is one already", _TEXT)
_REPLAYED: Document = {"description": "`true` for the answer of an earlier request", "schema": _TEXT}
_KEPT_TO: Document = {"description": "the `wait=N` that was kept to", "schema": _TEXT}
_IDEMPOTENCY = _header(
    "Idempotency-Key",
    "the same request with the same key is carried out once; kept for 24 hours",
    _TEXT | {"minLength": 1, "maxLength": 255},
)
_PREFER = _header("Prefer", "`wait=N`: answer 200 with the finished job if it ends within N seconds (1 to 60)", _TEXT)
_IF_MATCH = _header("If-Match", "the ETag of `GET /migrations`: refuse when the list has changed since", _TEXT)
_HEADERS_OF_A_QUESTION = (_header("If-None-Match", "the ETag the caller has: 304 when it is still so", _TEXT),)
_HEADERS_OF_ALL = (
    _header(
        "X-Request-Id",
        "comes back with the answer, and is kept on the job; of 1 to 128 of `A-Z a-z 0-9 . _ -`, or another is made",
        _TEXT,
    ),
)


def completed(document: Document) -> Document:
    """With the headers of every operation, examples, and every error as problem+json."""
    whole = deepcopy(document)
    for schema in whole["components"]["schemas"].values():
        _tidy_schema(schema)
    for name, example in json.loads(EXAMPLES.read_text(encoding="utf-8")).items():
        whole["components"]["schemas"][name]["examples"] = [example]
    whole["components"]["securitySchemes"] = {BEARER: _BEARER}
    for path, method, operation in _operations(whole):
        _add_access(DOORS.get(f"{method.upper()} {path}", SHUT), operation)
        responses, parameters = operation["responses"], operation.setdefault("parameters", [])
        _tidy(operation)
        if method in CHANGES:
            _add_change(operation["operationId"], responses, parameters)
            if operation["operationId"] in REGISTERING:
                _add_registration(responses, parameters)
        elif operation["operationId"] not in ("live", "ready", "version", "metrics"):
            parameters += _HEADERS_OF_A_QUESTION
            responses["304"] = {"description": "the caller has it already"}
            for status in ("200", "206"):
                if status in responses:
                    _add_headers_of_an_answer(responses[status], parameters)
            responses.setdefault("503", _problem(HTTPStatus.SERVICE_UNAVAILABLE))
        if operation["operationId"] in _OF_A_TARGET:
            responses["409"] = _problem(HTTPStatus.CONFLICT)
        for media in _ALSO_AS.get(operation["operationId"], ()):
            responses["200"]["content"][media] = {"schema": _TEXT}
        parameters += _HEADERS_OF_ALL
        responses |= {str(int(status)): _problem(status) for status in _EVERY_PROBLEM}
        responses["default"] = {"description": "any other error"} | _PROBLEM_CONTENT
    return whole


def _add_headers_of_an_answer(response: Document, parameters: list[Document]) -> None:
    streamed = "application/json" not in response["content"] and "text/event-stream" in response["content"]
    headers = (
        {} if streamed else {"ETag": {"description": "names just this answer, for If-None-Match", "schema": _TEXT}}
    )
    if any(one["name"] in ("pageToken", "after") for one in parameters):
        headers["Link"] = {"description": '`<…>; rel="next"`: the next page, where there is one', "schema": _TEXT}
    if headers:
        response["headers"] = response.get("headers", {}) | headers


def _operations(document: Document) -> Iterator[tuple[str, str, Document]]:
    for path, item in document["paths"].items():
        for method, operation in item.items():
            yield path, method, operation


def _add_access(door: Door, operation: Document) -> None:
    """What its caller needs where `LIFTLOCK_AUTH` is `token`; with several scopes, one of them."""
    if door.asks is Asks.NOTHING:
        operation["security"] = []
        return
    operation["security"] = [{BEARER: [scope]} for scope in door.scopes] or [{BEARER: []}]
    for status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.TOO_MANY_REQUESTS):
        operation["responses"][str(int(status))] = _problem(status)
    if door.scopes:
        needs = f"Needs {' or '.join(f'`{scope}`' for scope in door.scopes)}."
        operation["description"] = " ".join((operation.get("description", ""), needs)).strip()


def _tidy(operation: Document) -> None:
    """A parameter that may be left out is never null, and HTML has no place in a description."""
    if "description" in operation:
        operation["description"] = " ".join(operation["description"].split("<br/>")).strip()
    for parameter in operation["parameters"]:
        parameter["schema"] = _without_null(parameter["schema"])
        parameter["schema"].pop("title", None)
        if "description" in parameter["schema"]:
            parameter["description"] = parameter["schema"].pop("description")


def _without_null(schema: Document) -> Document:
    """`anyOf: [X, null]` as X; words beside it come along."""
    ones = [one for one in schema.get("anyOf", ()) if one != {"type": "null"}]
    if len(ones) != 1:
        return schema
    beside = {name: value for name, value in schema.items() if name not in ("anyOf", "default")}
    return {**ones[0], **beside}


def _tidy_schema(schema: Document) -> None:
    """A field's name is title enough; what a nullable one means stands beside its type, not inside it."""
    for field in schema.get("properties", {}).values():
        field.pop("title", None)
        for one in field.get("anyOf", ()):
            if "description" in one:
                field.setdefault("description", one["description"])
                del one["description"]


def _add_change(operation_id: str, responses: Document, parameters: list[Document]) -> None:
    parameters.append(_IDEMPOTENCY)
    responses |= {str(int(status)): _problem(status) for status in _PROBLEMS_OF_A_CHANGE}
    if "201" in responses:
        responses["201"]["description"] = "kept"
        location = {"Location": {"description": "what was kept", "schema": _TEXT}}
        responses["201"]["headers"] = location | {"Idempotency-Replayed": _REPLAYED}
    if "204" in responses:
        responses["204"] = {"description": "gone"}
        return
    if "202" not in responses:
        if "200" in responses:
            responses["200"]["description"] = "done"
            responses["200"]["headers"] = {"Idempotency-Replayed": _REPLAYED}
        return
    parameters += (_PREFER, _IF_MATCH) if operation_id in GUARDED else (_PREFER,)
    responses["200"]["description"] = (
        "the conflict is closed; or the job has ended within the time that `Prefer: wait=N` gave it"
        if operation_id == "resolveConflict"
        else "the job has ended within the time that `Prefer: wait=N` gave it"
    )
    responses["200"]["headers"] = {
        "Location": {"description": "the job, where there is one", "schema": _TEXT},
        "Preference-Applied": _KEPT_TO,
        "Idempotency-Replayed": _REPLAYED,
    }
    responses["202"]["description"] = "the job is committed and will be carried out"
    responses["202"]["headers"] = {
        "Location": {"description": "the job", "schema": _TEXT},
        "Retry-After": {"description": "seconds until looking at it makes sense", "schema": {"type": "integer"}},
        "Preference-Applied": _KEPT_TO,
        "Idempotency-Replayed": _REPLAYED,
    }


def _add_registration(responses: Document, parameters: list[Document]) -> None:
    parameters.append(_IF_MATCH_REGISTRATION)
    if "201" not in responses:
        return
    parameters.append(_IF_NONE_THERE)
    for status in ("200", "201"):
        responses[status]["headers"]["ETag"] = {"description": "names this registration, for If-Match", "schema": _TEXT}


_PROBLEM_CONTENT: Document = {
    "content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
}


def _problem(status: HTTPStatus) -> Document:
    return {"description": status.phrase} | _PROBLEM_CONTENT
