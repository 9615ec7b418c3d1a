"""Every error as `application/problem+json`: the one place that knows which HTTP status a refusal has."""

import difflib
from collections.abc import Iterator, Mapping
from concurrent.futures import CancelledError
from http import HTTPStatus
from urllib.parse import quote

import structlog
from flask import Flask, Response, current_app, request
from werkzeug.exceptions import HTTPException, RequestEntityTooLarge
from werkzeug.exceptions import MethodNotAllowed as NoSuchMethod
from werkzeug.exceptions import NotFound as NoSuchAddress

from app.api import refusals, render
from app.api.access import challenge, note_refusal
from app.api.answers import json_response
from app.api.context import asked_environment, base_url, request_id
from app.api.render_values import plain
from app.api.requests import MAX_BODY_BYTES
from app.api.steps import next_steps
from app.domain import errors
from app.domain.errors import LiftlockError, ListedRefusal
from app.portal import PortalClosed

PROBLEM_JSON = "application/problem+json"
PAGES = "/problems"

STATUS: Mapping[type[LiftlockError], HTTPStatus] = {
    refusals.BadRequest: HTTPStatus.BAD_REQUEST,
    refusals.MalformedJson: HTTPStatus.BAD_REQUEST,
    errors.Unauthenticated: HTTPStatus.UNAUTHORIZED,
    errors.Forbidden: HTTPStatus.FORBIDDEN,
    errors.ReadOnly: HTTPStatus.FORBIDDEN,
    errors.EnvironmentProtected: HTTPStatus.FORBIDDEN,
    errors.NotFound: HTTPStatus.NOT_FOUND,
    refusals.MethodNotAllowed: HTTPStatus.METHOD_NOT_ALLOWED,
    errors.TargetBusy: HTTPStatus.CONFLICT,
    errors.ConflictsOpen: HTTPStatus.CONFLICT,
    errors.StillDisagrees: HTTPStatus.CONFLICT,
    errors.AlreadySettled: HTTPStatus.CONFLICT,
    errors.CannotMark: HTTPStatus.CONFLICT,
    errors.CannotRestore: HTTPStatus.CONFLICT,
    errors.JobEnded: HTTPStatus.CONFLICT,
    errors.NotSafeToRetry: HTTPStatus.CONFLICT,
    errors.Irreversible: HTTPStatus.CONFLICT,
    errors.NewerDependents: HTTPStatus.CONFLICT,
    errors.IdempotencyInProgress: HTTPStatus.CONFLICT,
    errors.NameTaken: HTTPStatus.CONFLICT,
    errors.PlanStale: HTTPStatus.PRECONDITION_FAILED,
    errors.PreconditionFailed: HTTPStatus.PRECONDITION_FAILED,
    refusals.ContentTooLarge: HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    refusals.UnsupportedMediaType: HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
    refusals.RangeNotSatisfiable: HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE,
    errors.HazardNotAllowed: HTTPStatus.UNPROCESSABLE_ENTITY,
    errors.ValidationFailed: HTTPStatus.UNPROCESSABLE_ENTITY,
    errors.MigrationsInvalid: HTTPStatus.UNPROCESSABLE_ENTITY,
    errors.RollbackTooDeep: HTTPStatus.UNPROCESSABLE_ENTITY,
    errors.IdempotencyKeyReused: HTTPStatus.UNPROCESSABLE_ENTITY,
    errors.ConfirmationRequired: HTTPStatus.PRECONDITION_REQUIRED,
    errors.TooManyTries: HTTPStatus.TOO_MANY_REQUESTS,
    # the places of one process, not the caller's share of them
    errors.TooManyRequests: HTTPStatus.SERVICE_UNAVAILABLE,
    errors.BackendUnavailable: HTTPStatus.SERVICE_UNAVAILABLE,
    errors.Refusal: HTTPStatus.CONFLICT,
    LiftlockError: HTTPStatus.INTERNAL_SERVER_ERROR,
}

RETRY_AFTER_S: Mapping[type[LiftlockError], int] = {
    errors.TargetBusy: 5,
    errors.IdempotencyInProgress: 1,
    errors.TooManyRequests: 2,
    errors.BackendUnavailable: 5,
}

# members of every problem: facts may add to them, never replace them
_OWN_MEMBERS = frozenset({"type", "title", "status", "detail", "instance", "requestId", "nextSteps", "problems"})

log = structlog.get_logger()


def register_errors(app: Flask) -> None:
    app.register_error_handler(LiftlockError, _refused)
    app.register_error_handler(HTTPException, _http)
    app.register_error_handler(PortalClosed, _stopping)
    app.register_error_handler(CancelledError, _stopping)
    app.register_error_handler(Exception, _crashed)


def status_of(kind: type[LiftlockError]) -> HTTPStatus:
    return next(STATUS[one] for one in kind.__mro__ if one in STATUS)


def slugs() -> dict[str, type[LiftlockError]]:
    """Every kind of problem there is."""
    return {kind.slug: kind for kind in _kinds(LiftlockError)}


def _kinds(kind: type[LiftlockError]) -> Iterator[type[LiftlockError]]:
    """BackendUnusable shares its slug with its parent, which comes later and keeps it."""
    for one in kind.__subclasses__():
        yield from _kinds(one)
    yield kind


def problem_response(error: LiftlockError) -> Response:
    status = status_of(type(error))
    body: render.Json = {
        "type": f"{PAGES}/{error.slug}",
        "title": error.title,
        "status": int(status),
        "detail": error.detail,
        "instance": quote(request.path),
        "requestId": request_id(),
        "nextSteps": next_steps(error.next_steps, base_url(), _environment_of(error)),
    }
    if isinstance(error, ListedRefusal):
        body["problems"] = [render.problem(found) for found in error.problems]
    body |= {name: plain(fact) for name, fact in error.facts.items() if name not in _OWN_MEMBERS}
    response = json_response(body, status, PROBLEM_JSON)
    response.headers["Cache-Control"] = "no-store"
    retry_after = error.facts.get("retryAfterS") or next(
        (RETRY_AFTER_S[one] for one in type(error).__mro__ if one in RETRY_AFTER_S), None
    )
    if retry_after is not None:
        response.headers["Retry-After"] = str(retry_after)
    if isinstance(error, refusals.RangeNotSatisfiable):
        response.headers["Content-Range"] = f"bytes */{error.facts['bytes']}"
    if isinstance(error, errors.Unauthenticated):
        response.headers["WWW-Authenticate"] = challenge()
    return response


def _environment_of(error: LiftlockError) -> str | None:
    """The one that was asked for, or the one of the job that it is about."""
    named = error.facts.get("environment")
    return asked_environment() or (named if isinstance(named, str) else None)


def _refused(error: LiftlockError) -> Response:
    status = status_of(type(error))
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        log.warning("request.failed", slug=error.slug, path=request.path, why=error.detail)
    else:
        log.info("request.refused", slug=error.slug, path=request.path, why=error.detail)
        note_refusal(error)
    if status is HTTPStatus.INTERNAL_SERVER_ERROR:
        # a signal of the engine that nobody answered: its text is not meant for callers
        return _crashed(error)
    return problem_response(error)


def _http(error: HTTPException) -> Response:
    """What Flask itself refuses, in our words; its headers (Allow) are kept."""
    response = problem_response(_translated(error))
    for name, value in error.get_headers():
        if name not in ("Content-Type", "Content-Length"):
            response.headers[name] = value
    return response


def _translated(error: HTTPException) -> LiftlockError:
    match error:
        case NoSuchAddress():
            return _no_such_address()
        case NoSuchMethod():
            allowed = sorted(set(error.valid_methods or ()) - {"HEAD", "OPTIONS"})
            return refusals.MethodNotAllowed(
                f"{request.path} takes {' and '.join(allowed) or 'no method'}, not {request.method}",
                facts={"allowed": allowed},
                next_steps=tuple(f"{method} {quote(request.path)}" for method in allowed),
            )
        case RequestEntityTooLarge():
            return refusals.ContentTooLarge(
                f"the body is larger than {MAX_BODY_BYTES // 1024} KiB; send less", facts={"maxBytes": MAX_BODY_BYTES}
            )
        case _ if error.code is not None and error.code < HTTPStatus.INTERNAL_SERVER_ERROR:
            return refusals.BadRequest("the request cannot be understood; look at /docs", next_steps=("GET /docs",))
        case _:
            return LiftlockError(_CRASHED)


def _no_such_address() -> errors.NotFound:
    addresses = {str(rule) for rule in current_app.url_map.iter_rules() if not rule.arguments}
    near = difflib.get_close_matches(request.path, addresses, n=3)
    meant = f"; did you mean {' or '.join(near)}?" if near else "; /docs lists every address"
    return errors.NotFound(
        f"there is nothing at {request.path[:200]}{meant}",
        facts={"didYouMean": near},
        next_steps=("GET /docs",),
    )


def _stopping(_error: BaseException) -> Response:
    return problem_response(errors.BackendUnavailable("this process is stopping; ask again", facts={"backend": "api"}))


_CRASHED = "something went wrong inside Liftlock; nothing is known of why here, its log says more under this requestId"


def _crashed(error: Exception) -> Response:
    """A bug of ours: its text and traceback go to the log, never to the caller."""
    log.error("request.crashed", path=request.path, method=request.method, exc_info=error)
    return problem_response(LiftlockError(_CRASHED))
