"""`/jobs`: what was asked, how far it is, how it ended."""

from collections.abc import Callable
from uuid import UUID

from flask import Response, request
from flask_openapi3.blueprint import APIBlueprint
from flask_openapi3.models.tag import Tag

from app.api import lock_schemas, render, schemas, vote_schemas
from app.api.answers import encoded, etag, tagged_response
from app.api.changes import CHANGED, answer_accepted
from app.api.context import (
    access,
    base_url,
    ended_jobs,
    has_targets,
    may,
    origin,
    refuse_unheard,
    require,
    run,
    services,
    waiters,
)
from app.api.inputs import NoBody, VoteBody
from app.api.paging import after, link_next
from app.api.queries import JobPath, JobQuery, JobsQuery
from app.api.requests import checked, uuid_or_not_found
from app.api.waiting import job_at_its_end, job_when
from app.domain.access import Scope, Verb, need_of
from app.domain.job import CHORES, Job, JobId, JobRequest
from app.ports import JobQuery as JobsWanted
from app.services.submission import Submitted

api = APIBlueprint(
    "jobs", __name__, abp_tags=[Tag(name="Jobs", description="What was asked, how far it is, how it ended.")]
)

OF = "jobs"


@api.get("/jobs", responses={200: schemas.Jobs}, operation_id="listJobs")
@checked
def list_jobs(query: JobsQuery) -> Response:
    """Jobs, newest first

    Without their steps. What a schedule started is left out until it has done something, or failed, unless
    `idle=true` or its `kind` asks for it. The next page is in the `Link` header.
    """
    refuse_unheard(query.environment)
    last = after(query.page_token, OF)
    wanted = JobsWanted(
        limit=query.limit + 1,
        before=None if last is None else JobId(last),
        state=query.state,
        kind=query.kind,
        environment=query.environment,
        with_targets=has_targets(query.environment),
        chores=True,
        idle=query.idle == "true" or query.kind in CHORES,
    )
    found = run(services().migrations.jobs(wanted))
    base, caller = base_url(), may()
    response = tagged_response([render.job_summary(job, base, caller) for job in found[: query.limit]])
    return link_next(response, OF, str(found[query.limit - 1].id)) if len(found) > query.limit else response


@api.get("/jobs/<id>", responses={200: schemas.Job}, operation_id="getJob")
@checked
def get_job(path: JobPath, query: JobQuery) -> Response:
    """One job, with its steps

    `?wait=30` is a long poll: with `If-None-Match` it is answered as soon as the job is another than the
    caller has, without it as soon as the job has ended; else when the time is over.
    """
    job_id = uuid_or_not_found(path.id, "job", "/jobs")
    if query.wait == 0:
        return tagged_response(_Rendering().of(_job(job_id)))
    return _when_changed(job_id, query.wait)


@api.get("/jobs/<id>/locks", responses={200: lock_schemas.LockSamples}, operation_id="getJobLocks")
@checked
def get_job_locks(path: JobPath) -> Response:
    """Who stood in whose way while the job ran

    Taken twice a second while a step lasts, and kept whenever somebody else waits or holds.
    """
    job_id = uuid_or_not_found(path.id, "job", "/jobs")
    return tagged_response([render.lock_sample(one) for one in run(services().migrations.locks(job_id))])


@api.post("/jobs/<id>/cancel", responses=CHANGED, operation_id="cancelJob")
@checked
def cancel_job(path: JobPath, body: NoBody) -> Response:
    """Stop a job

    One that never started has ended with this answer; a running statement is interrupted, and its step
    rolled back: the job is `cancelling` until then. Steps that were done before stay.
    """
    job_id = _asked_id(path)
    return answer_accepted(body, lambda _: Submitted(run(services().migrations.cancel(job_id, origin()))))


@api.post("/jobs/<id>/pause", responses=CHANGED, operation_id="pauseJob")
@checked
def pause_job(path: JobPath, body: NoBody) -> Response:
    """Let a job go no further for now

    The step, or the range of a batch, that is under way is finished first; then nothing is locked until
    the job is resumed. It keeps its target.
    """
    job_id = _asked_id(path)
    return answer_accepted(body, lambda _: Submitted(run(services().migrations.pause(job_id, origin()))))


@api.post("/jobs/<id>/resume", responses=CHANGED, operation_id="resumeJob")
@checked
def resume_job(path: JobPath, body: NoBody) -> Response:
    """Let a paused job go on"""
    job_id = _asked_id(path)
    return answer_accepted(body, lambda _: Submitted(run(services().migrations.resume(job_id, origin()))))


@api.post("/jobs/<id>/retry", responses=CHANGED, operation_id="retryJob")
@checked
def retry_job(path: JobPath, body: NoBody) -> Response:
    """Ask for the same once more, as a new job

    Only for jobs that failed or were cancelled, and only where the same request would still do the same.
    """
    job_id = _asked_id(path)
    return answer_accepted(body, lambda claim: run(services().migrations.retry(job_id, origin(), claim)))


@api.post("/jobs/<id>/approve", responses=CHANGED, operation_id="approveJob")
@checked
def approve_job(path: JobPath, body: VoteBody) -> Response:
    """Approve a job that waits for it

    By somebody else than whoever asked for it. What is approved is what the job would run now: if files, ledger or
    schema move before it starts, it runs nothing (`approval-void`).
    """
    job_id = _voted_id(path)
    return answer_accepted(body, lambda _: Submitted(run(services().approvals.approve(job_id, body.note, origin()))))


@api.post("/jobs/<id>/reject", responses=CHANGED, operation_id="rejectJob")
@checked
def reject_job(path: JobPath, body: VoteBody) -> Response:
    """Say no to a job that waits for approval

    It is over then, as cancelled.
    """
    job_id = _voted_id(path)
    return answer_accepted(body, lambda _: Submitted(run(services().approvals.reject(job_id, body.note, origin()))))


@api.get("/jobs/<id>/approvals", responses={200: vote_schemas.Votes}, operation_id="getJobApprovals")
@checked
def get_job_approvals(path: JobPath) -> Response:
    """Who has approved a job, or rejected it"""
    job = _job(uuid_or_not_found(path.id, "job", "/jobs"))
    return tagged_response([render.vote(one) for one in run(services().approvals.votes(job.id))])


def _asked_id(path: JobPath) -> UUID:
    """Raises NotFound, or Forbidden: touching a job takes what asking for it takes."""
    return _touched(path, lambda asked: need_of(asked.kind, asked.environment))


def _voted_id(path: JobPath) -> UUID:
    """Raises NotFound or Forbidden."""
    return _touched(path, lambda asked: Scope(Verb.APPROVE, asked.environment))


def _touched(path: JobPath, need: Callable[[JobRequest], Scope]) -> UUID:
    job_id = uuid_or_not_found(path.id, "job", "/jobs")
    # who may do everything is spared the look
    everything = Scope(Verb.ADMIN)
    require(everything if access().allows(everything) else need(_job(job_id).request))
    return job_id


def _job(job_id: UUID) -> Job:
    known = ended_jobs().get(job_id)
    return known if known is not None else ended_jobs().keep(run(services().migrations.job(job_id)))


def _when_changed(job_id: UUID, seconds: int) -> Response:
    rendering, known = _Rendering(), request.if_none_match

    def moved_on(job: Job) -> bool:
        # on the services' loop: nothing of the request may be touched here
        return not known.contains_weak(etag(encoded(rendering.of(job))))

    with waiters().place():
        if "If-None-Match" in request.headers:
            job = run(job_when(services(), waiters(), job_id, moved_on, seconds))
        else:
            job = run(job_at_its_end(services(), waiters(), job_id, seconds))
    return tagged_response(rendering.of(job))


class _Rendering:
    """How this request shows a job; made on its own thread, usable on others."""

    def __init__(self) -> None:
        self._base_url = base_url()
        self._may = may()

    def of(self, job: Job) -> render.Json:
        return render.job(job, self._base_url, self._may)
