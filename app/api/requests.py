"""Reads a request against the types its view names, and lists everything that is wrong with it at once."""

import difflib
import json
import re
from collections.abc import Callable, Mapping
from functools import wraps
from typing import Any, NoReturn, TypeVar, get_type_hints
from urllib.parse import quote
from uuid import UUID

from flask import Response, request
from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails
from werkzeug.exceptions import HTTPException, RequestEntityTooLarge

from app.api.inputs import NO_NUL, Nothing
from app.api.refusals import BadRequest, MalformedJson, UnsupportedMediaType
from app.domain.errors import NotFound, ValidationFailed
from app.domain.problem import Problem

View = TypeVar("View", bound=Callable[..., Response])

MAX_BODY_BYTES = 1024 * 1024
MOST_PROBLEMS = 50
MOST_SHOWN_CHARS = 100
MOST_DIGITS = 4000

_EVERYWHERE = ("environment", "confirm")
"""Fields that query and body both take; given twice they must agree."""

_WORDS = {
    "string_type": "takes a text",
    "string_unicode": "holds half a character (a lone surrogate); send whole ones",
    "missing": "has to be given",
    "bool_type": "takes true or false",
    "list_type": "takes a list",
}

# a literal of members is told as `<News.JOB_FAILED: 'job.failed'>`
_MEMBER, _ITS_VALUE = re.compile(r"<\w+\.\w+: ('[^']*')>"), r"\1"


def checked(view: View) -> View:
    """Call the view with the `path`, `query` and `body` it names, validated.

    A view that names no `query` takes no query parameters. Raises ValidationFailed, MalformedJson,
    UnsupportedMediaType, or werkzeug's RequestEntityTooLarge.
    """
    hints = get_type_hints(view)
    models = {"query": Nothing} | {place: hints[place] for place in ("path", "query", "body") if place in hints}

    @wraps(view)
    def check(**path_values: str) -> Response:
        problems: list[Problem] = []
        given: dict[str, dict[str, Any]] = {"path": path_values, "query": _query(problems)}
        if "body" in models:
            given["body"] = read_body()
            problems += _contradictions(given["query"], given["body"])
        values = {place: _validated(model, given[place], place, problems) for place, model in models.items()}
        if problems:
            _refuse(problems)
        return view(**{place: value for place, value in values.items() if place in hints})

    # flask-openapi3 documents the annotations, and leaves the validation to us
    check.__delay_validate_request__ = True  # type: ignore[attr-defined]
    return check  # type: ignore[return-value]


def read_body() -> dict[str, Any]:
    """The JSON object of the body, {} when there is none."""
    text = _received()
    if len(text) > MAX_BODY_BYTES:
        # werkzeug cuts a chunked body off at its limit without a word
        raise RequestEntityTooLarge
    if not text.strip():
        return {}
    if request.content_encoding:
        raise UnsupportedMediaType(
            f"the body is encoded as {_shown(request.content_encoding)}; send it as it is, without Content-Encoding"
        )
    if request.mimetype and request.mimetype != "application/json" and not request.mimetype.endswith("+json"):
        raise UnsupportedMediaType(
            f"the body says it is {_shown(request.mimetype)}; send JSON with Content-Type: application/json, "
            f"or no body at all",
            next_steps=_without_body(),
        )
    value = _parsed(text)
    if not isinstance(value, dict):
        _refuse([Problem("wrong_type", f"the body is {_KIND[type(value)]}; it takes a JSON object", pointer="")])
    return value


def _received() -> bytes:
    try:
        return request.get_data(cache=True)
    except HTTPException:
        raise
    except Exception as error:
        # each server has exceptions of its own for chunks that are none, and for a body that ends too early
        raise BadRequest(
            "the body cannot be read: its chunks are broken, or it ended too early; send it whole",
            next_steps=_without_body(),
        ) from error


def uuid_or_not_found(text: str, what: str, list_path: str) -> UUID:
    """What is not an id names nothing."""
    try:
        return UUID(text)
    except ValueError:
        raise NotFound(f"there is no {what} {_shown(text)!r}", next_steps=(f"GET {list_path}",)) from None


_KIND: Mapping[type, str] = {
    list: "a list",
    str: "a text",
    int: "a number",
    float: "a number",
    bool: "true or false",
    type(None): "null",
}


def _parsed(text: bytes) -> Any:
    try:
        return json.loads(
            text.decode("utf-8"), object_pairs_hook=_object, parse_constant=_not_json, parse_int=_whole_number
        )
    except UnicodeDecodeError as error:
        _malformed(f"the body is not UTF-8: byte {error.start} cannot be read", None, None)
    except json.JSONDecodeError as error:
        _malformed(
            f"the body is not JSON: {error.msg} at line {error.lineno}, column {error.colno}", error.lineno, error.colno
        )
    except RecursionError:
        _malformed("the body is nested too deeply to be read", None, None)
    except _Twice as error:
        name = _shown(error.name)
        _refuse([Problem("given_twice", f"the field {name!r} is given twice; give it once", pointer=_pointer((name,)))])
    except ValueError as error:
        _malformed(f"the body is not JSON: {_shown(str(error))}", None, None)


class _Twice(Exception):
    def __init__(self, name: str) -> None:
        self.name = name


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in pairs:
        if name in found:
            raise _Twice(name)
        found[name] = value
    return found


def _not_json(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is not a value of JSON")


def _whole_number(digits: str) -> int:
    """Python's own refusal of more digits speaks of Python."""
    if len(digits) > MOST_DIGITS:
        raise ValueError(f"a number of {len(digits)} digits is more than can be read")
    return int(digits)


def _malformed(detail: str, line: int | None, column: int | None) -> NoReturn:
    problem = Problem("malformed_json", detail, line=line, column=column, pointer="")
    raise MalformedJson(detail, (problem,), next_steps=_without_body())


def _without_body() -> tuple[str, ...]:
    """Every field of a body is optional."""
    return (f"{request.method} {quote(request.path)}",)


def _query(problems: list[Problem]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, values in request.args.lists():
        found[name] = values[0]
        if len(values) > 1:
            message = f"the query parameter {_shown(name)!r} is given {len(values)} times; give it once"
            problems.append(Problem("given_twice", message, parameter=_shown(name)))
    return found


def _contradictions(query: Mapping[str, Any], body: Mapping[str, Any]) -> list[Problem]:
    return [
        Problem(
            "contradiction",
            f"`{name}` is {_shown(str(query[name]))!r} in the query and {_shown(str(body[name]))!r} in the body; "
            f"give it once",
            pointer=f"/{name}",
        )
        for name in _EVERYWHERE
        if name in query and body.get(name) is not None and query[name] != body[name]
    ]


def _validated(model: type[BaseModel], given: dict[str, Any], place: str, problems: list[Problem]) -> BaseModel | None:
    try:
        return model.model_validate(given)
    except ValidationError as error:
        problems += [_problem(one, model, place) for one in error.errors(include_url=False, include_input=False)]
        return None


def _problem(error: ErrorDetails, model: type[BaseModel], place: str) -> Problem:
    path = tuple(_shown(str(part)) for part in error["loc"])
    name = ".".join(path)
    where = f"`{name}`" if place == "body" else f"the {place} parameter `{name}`"
    code, message = _worded(error, model, name)
    if place == "body":
        return Problem(code, f"{where} {message}", pointer=_pointer(path))
    return Problem(code, f"{where} {message}", parameter=name)


def _worded(error: ErrorDetails, model: type[BaseModel], name: str) -> tuple[str, str]:
    facts = error.get("ctx", {})
    match error["type"]:
        case "extra_forbidden":
            return "unknown_field", f"is not known here; {_known(model, name)}"
        case "enum" | "literal_error":
            return "not_one_of", f"takes {_MEMBER.sub(_ITS_VALUE, facts['expected'])}"
        case "string_pattern_mismatch" as kind:
            wanted = facts["pattern"]
            return kind, "may not hold the character NUL" if wanted == NO_NUL else f"takes what matches {wanted}"
        case "string_too_long":
            return "too_long", f"takes at most {facts['max_length']} characters"
        case "too_long":
            return "too_long", f"takes at most {facts['max_length']} of them, not {facts['actual_length']}"
        case "string_too_short":
            return "too_short", "may not be empty"
        case "out_of_range":
            return "out_of_range", error["msg"]
        case kind:
            return "wrong_type" if kind in ("string_type", "bool_type") else kind, _WORDS.get(kind, error["msg"])


def _known(model: type[BaseModel], name: str) -> str:
    known = [field.alias or own for own, field in model.model_fields.items()]
    if not known:
        return "nothing is taken"
    near = difflib.get_close_matches(name, known, n=1)
    return f"did you mean `{near[0]}`?" if near else f"known are {', '.join(known)}"


def _refuse(problems: list[Problem]) -> NoReturn:
    more = f"; and {len(problems) - 1} more" if len(problems) > 1 else ""
    shown = problems[:MOST_PROBLEMS]
    if len(problems) > MOST_PROBLEMS:
        shown.append(Problem("more", f"{len(problems) - MOST_PROBLEMS} more problems are not shown"))
    raise ValidationFailed(f"{problems[0].message}{more}", tuple(shown), next_steps=("GET /docs",))


def _pointer(path: tuple[str, ...]) -> str:
    """RFC 6901."""
    return "".join("/" + part.replace("~", "~0").replace("/", "~1") for part in path)


def _shown(text: str) -> str:
    """What a stranger sent, short enough and clean enough to be said back."""
    short = text if len(text) <= MOST_SHOWN_CHARS else text[:MOST_SHOWN_CHARS] + "…"
    return short.encode("utf-8", "replace").decode()
