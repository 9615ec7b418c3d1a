"""The way of every change, from its request to `202 Accepted` with a job, or `200` with a finished one."""

import json
from collections.abc import Callable, Coroutine
from concurrent.futures import CancelledError
from http import HTTPStatus
from typing import Any
from uuid import UUID

import structlog
from flask import Response, request
from flask_openapi3.types import ResponseDict

from app.api import render, schemas
from app.api.answers import JSON, encoded
from app.api.context import base_url, may, origin, remember_environment, require, run, services, waiters
from app.api.idempotency import answered_once
from app.api.inputs import ChangeBody, ChangeQuery, Input, MarkBody
from app.api.listing import listing_etag
from app.api.waiting import job_at_its_end, preferred_wait_s
from app.domain.access import need_of
from app.domain.errors import BackendUnavailable, PreconditionFailed, TooManyRequests
from app.domain.job import Job, JobRequest, JobState, Origin
from app.portal import PortalClosed
from app.ports import KeyClaim, KnownJob
from app.services.submission import Submitted

Submit = Callable[[JobRequest, Origin, KeyClaim | None], Coroutine[Any, Any, Submitted]]

ASK_AGAIN_S = 1
CHANGED: ResponseDict = {202: schemas.Change, 200: schemas.Change}

log = structlog.get_logger()


def carry_out(asked: JobRequest, body: Input, submit: Submit) -> Response:
    """Answer from the Idempotency-Key, or check If-Match and submit; then wait as long as the caller prefers.

    Raises Forbidden where the caller lacks the scope for this kind of job in this environment.
    What is stored for the key is the accepted job, before any waiting: the waiting may be cut short.
    """

    require(need_of(asked.kind, asked.environment))

    def accept(claim: KeyClaim | None) -> Submitted:
        _refuse_moved(asked.environment)
        return run(submit(asked, origin(), claim))

    return answer_accepted(body, accept)


def answer_accepted(body: Input, accept: Callable[[KeyClaim | None], Submitted]) -> Response:
    """As `answer_change`, where every answer is a job."""
    return answer_change(body, lambda claim: accepted(accept(claim)))


def answer_change(body: Input, answer: Callable[[KeyClaim | None], Response]) -> Response:
    """`answer`, once for an Idempotency-Key; where it is a job, wait for it as long as the caller prefers."""

    def answer_known(known: KnownJob) -> Response:
        return _accepted(run(services().migrations.job(known.job_id)), [])

    given = body.model_dump(mode="json", by_alias=True, exclude_unset=True)
    answered = answered_once(given, answer, answer_known)
    return _after_waiting(answered) if answered.status_code == HTTPStatus.ACCEPTED else answered


def accepted(submitted: Submitted) -> Response:
    """`202` with the job."""
    job = submitted.job
    log.info(
        "change.accepted",
        job=str(job.id),
        kind=job.request.kind.value,
        environment=job.request.environment,
        path=request.path,
    )
    return _accepted(job, list(submitted.warnings))


def environment_of(query: ChangeQuery, body: ChangeBody | MarkBody) -> str:
    named = query.environment or body.environment
    if named is not None:
        remember_environment(named)
    return named or services().environments.default


def _refuse_moved(environment: str) -> None:
    """If-Match names the list of migrations that the caller has seen."""
    if "If-Match" not in request.headers:
        return
    current = listing_etag(environment)
    if not request.if_match.contains(current):
        raise PreconditionFailed(
            f"the migrations of {environment} are no longer those of the ETag in If-Match; look again, then decide",
            facts={"environment": environment, "etag": f'"{current}"'},
            next_steps=(f"GET /migrations?environment={environment}",),
        )


class _Accepted(Response):
    """`202`, and the job that it tells of."""

    job: Job
    warnings: list[str]


def _accepted(job: Job, warnings: list[str]) -> Response:
    response = _Accepted(encoded(_body(job, warnings)), status=int(HTTPStatus.ACCEPTED), content_type=JSON)
    response.job, response.warnings = job, warnings
    response.headers["Location"] = f"/jobs/{job.id}"
    response.headers["Retry-After"] = str(ASK_AGAIN_S)
    return response


def _after_waiting(response: Response) -> Response:
    """The job is accepted whatever happens here: who may not wait is answered 202."""
    seconds = preferred_wait_s(request.headers.get("Prefer", ""))
    if seconds is None:
        return response
    job_id, state, warnings, job = _told_in(response)
    if not state.final:
        try:
            with waiters().place():
                job = run(job_at_its_end(services(), waiters(), job_id, seconds, just_seen=job))
        except (TooManyRequests, BackendUnavailable, PortalClosed, CancelledError):
            return response
        response.set_data(encoded(_body(job, warnings)))
        state = job.state
    response.headers["Preference-Applied"] = f"wait={seconds}"
    if state.final:
        response.status_code = HTTPStatus.OK
        response.headers.pop("Retry-After", None)
    return response


def _told_in(response: Response) -> tuple[UUID, JobState, list[str], Job | None]:
    """None for the job where the answer is that of an earlier request with the same key."""
    if isinstance(response, _Accepted):
        return response.job.id, response.job.state, response.warnings, response.job
    stored = json.loads(response.get_data())
    return UUID(stored["id"]), JobState(stored["state"]), stored["warnings"], None


def _body(job: Job, warnings: list[str]) -> render.Json:
    return {**render.job(job, base_url(), may()), "warnings": warnings}
