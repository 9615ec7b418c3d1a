"""Pages of lists: an opaque token says after which element, and of which list, the next one begins."""

import base64
import binascii
import json
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from flask import Response, request

from app.domain.errors import ValidationFailed
from app.domain.problem import Problem


def after(token: str | None, of: str) -> UUID | None:
    """The id of the last element of the page before. Raises ValidationFailed for a token of another list."""
    text = text_after(token, of)
    try:
        return None if text is None else UUID(text)
    except ValueError:
        raise stale() from None


def text_after(token: str | None, of: str) -> str | None:
    """The same of a list whose elements have no such ids."""
    if token is None:
        return None
    try:
        found = json.loads(base64.urlsafe_b64decode(token.encode("ascii") + b"=="))
        if found["of"] == of and isinstance(found["after"], str):
            return str(found["after"])
    except (ValueError, TypeError, KeyError, AttributeError, binascii.Error):
        pass
    raise stale()


def next_token(of: str, last: str) -> str:
    return base64.urlsafe_b64encode(json.dumps({"of": of, "after": last}).encode()).decode().rstrip("=")


def cut(items: tuple[Any, ...], limit: int, token: str | None, of: str) -> tuple[Any, ...]:
    """The page of a whole list that follows `token`, with one element more if there is one."""
    last = after(token, of)
    if last is None:
        return items[: limit + 1]
    at = next((i for i, item in enumerate(items) if item.id == last), None)
    if at is None:
        raise stale()
    return items[at + 1 : at + 2 + limit]


def link_next(response: Response, of: str, last: str) -> Response:
    """With the caller's own filters, and a place to go on at."""
    query = {**request.args.to_dict(), "pageToken": next_token(of, last)}
    response.headers["Link"] = f'<{request.path}?{urlencode(query)}>; rel="next"'
    return response


def stale() -> ValidationFailed:
    message = "the query parameter `pageToken` does not belong to this list; begin again without it"
    return ValidationFailed(message, (Problem("page_token", message, parameter="pageToken"),))
