"""The Idempotency-Key: the same request again gets the answer of the first one, and nothing happens twice."""

import hashlib
import json
import re
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import structlog
from flask import Response, request

from app.api.context import access, run, services
from app.domain.errors import BackendUnavailable, ValidationFailed
from app.domain.problem import Problem
from app.ports import KeyClaim, KnownJob, StoredAnswer

HEADER = "Idempotency-Key"
STORED_HEADERS = ("Content-Type", "Location", "Retry-After")

_VISIBLE_ASCII = re.compile(r"[\x21-\x7e]{1,255}")

log = structlog.get_logger()


def answered_once(
    body: dict[str, Any],
    answer: Callable[[KeyClaim | None], Response],
    answer_known: Callable[[KnownJob], Response],
) -> Response:
    """Carry out `answer` unless the key has been answered; then that, with `Idempotency-Replayed`.

    The key is free again when `answer` is refused or fails before it has committed a job.
    """
    key = _key()
    if key is None:
        return answer(None)
    begun = run(services().idempotency.begin(access().principal.id, key, _fingerprint(body)))
    match begun:
        case StoredAnswer():
            return _replayed(Response(begun.body, status=begun.status, headers=list(begun.headers)))
        case KnownJob():
            return _replayed(answer_known(begun))
        case KeyClaim():
            return _answered(begun, answer)


def _answered(claim: KeyClaim, answer: Callable[[KeyClaim | None], Response]) -> Response:
    try:
        response = answer(claim)
    except BaseException:
        # a release that fails leaves the key to lapse; one whose job is committed changes nothing
        with suppress(BackendUnavailable):
            run(services().idempotency.release(claim))
        raise
    stored = StoredAnswer(
        status=response.status_code,
        headers=tuple((name, response.headers[name]) for name in STORED_HEADERS if name in response.headers),
        body=response.get_data(as_text=True),
    )
    try:
        run(services().idempotency.complete(claim, stored))
    except BackendUnavailable as error:
        # the job is committed with the key: whoever asks again is told of it
        log.warning("idempotency.not_stored", key=claim.key, why=error.detail)
    return response


def _replayed(response: Response) -> Response:
    response.headers["Idempotency-Replayed"] = "true"
    return response


def _key() -> str | None:
    key = request.headers.get(HEADER)
    if key is not None and not _VISIBLE_ASCII.fullmatch(key):
        message = f"the header {HEADER} takes 1 to 255 visible ASCII characters"
        raise ValidationFailed(message, (Problem("idempotency_key", message, parameter=HEADER),))
    return key


def _fingerprint(body: dict[str, Any]) -> bytes:
    """Equal for requests that ask the same: the order of fields and parameters does not matter."""
    asked = [request.method, request.path, sorted(request.args.items(multi=True)), body]
    return hashlib.sha256(json.dumps(asked, sort_keys=True).encode()).digest()
