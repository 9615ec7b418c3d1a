"""Answers as they leave: JSON bytes, their ETag, and whether the caller has them already."""

import hashlib
import json
from http import HTTPStatus
from typing import Any

from flask import Response, request

JSON = "application/json"


def json_response(value: Any, status: HTTPStatus = HTTPStatus.OK, content_type: str = JSON) -> Response:
    return Response(encoded(value), status=int(status), content_type=content_type)


def tagged_response(value: Any) -> Response:
    """With an ETag; 304 without a body for a caller that has just this."""
    body = encoded(value)
    return tagged_bytes(body, etag(body))


def tagged_bytes(body: bytes, tag: str) -> Response:
    if has_already(tag):
        response = Response(status=int(HTTPStatus.NOT_MODIFIED))
        del response.headers["Content-Type"]
    else:
        response = Response(body, content_type=JSON)
    response.set_etag(tag)
    return response


def has_already(tag: str) -> bool:
    return request.if_none_match.contains_weak(tag)


def encoded(value: Any) -> bytes:
    """Compact UTF-8 with a newline at the end, so that a prompt stays where it belongs."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return text.encode("utf-8", "replace") + b"\n"


def etag(body: bytes) -> str:
    return hashlib.sha256(body).hexdigest()[:32]
