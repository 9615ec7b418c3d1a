"""Domain values as JSON values: plain dicts, since a list may hold ten thousand of them."""

from collections.abc import Callable
from typing import Any
from urllib.parse import quote

from app.api.asking import asked
from app.api.may import May
from app.api.render_children import children
from app.api.render_proofs import proof_detail, reversibility
from app.api.render_values import moment
from app.api.steps import in_environment, next_steps
from app.domain.access import Scope, Verb, need_of
from app.domain.again import refuse_unsafe_retry
from app.domain.approval import Vote, asked_by
from app.domain.errors import NotSafeToRetry
from app.domain.failure import Failure
from app.domain.job import CONTROL, Job, JobKind, JobState, StepRecord
from app.domain.locks import LockSample, Session
from app.domain.principal import Principal
from app.domain.problem import Problem
from app.domain.shown import state_of
from app.domain.standing import MigrationState, MigrationStatus

Json = dict[str, Any]

_STANDING = frozenset({MigrationState.APPLIED, MigrationState.MODIFIED, MigrationState.MISSING})


def job_summary(job: Job, base_url: str, may: May) -> Json:
    request, origin = job.request, job.origin
    return {
        "id": str(job.id),
        "kind": request.kind.value,
        "environment": None if request.environment == CONTROL else request.environment,
        "state": state_of(job),
        "reason": job.reason,
        "message": job.message,
        "attempt": job.attempt,
        "createdAt": moment(job.created_at),
        "updatedAt": moment(job.updated_at),
        "startedAt": moment(job.started_at),
        "finishedAt": moment(job.finished_at),
        "durationMs": _duration_ms(job),
        "request": asked(request),
        "principal": principal(origin.principal),
        "requestId": origin.request_id,
        "retryOf": str(request.retry_of) if request.retry_of else None,
        "pausedBy": None if job.state.final else job.paused_by,
        "notBefore": moment(job.not_before) if job.state is JobState.WAITING else None,
        "approvalsNeeded": job.approvals_needed,
        "note": request.note,
        "notices": list(job.notices),
        "error": failure_value(job.error, base_url, request.environment),
        "links": _job_links(job),
        "actions": [one(job, may) for one in (_cancel, _retry, *_votes_on(job))],
        **({} if request.parent is None else {"parent": str(request.parent)}),
    }


def job(job: Job, base_url: str, may: May) -> Json:
    return {
        **job_summary(job, base_url, may),
        "steps": [step_value(step, base_url, job.request.environment) for step in job.steps],
        **children(job),
    }


def vote(vote: Vote) -> Json:
    return {
        "principal": principal(vote.by),
        "at": moment(vote.at),
        "approved": vote.approved,
        "note": vote.note,
    }


def principal(one: Principal) -> Json:
    return {"id": one.id, "kind": one.kind, "address": one.address, "name": one.name}


def lock_sample(sample: LockSample) -> Json:
    return {
        "at": moment(sample.at),
        "pid": sample.pid,
        "step": sample.step,
        "mode": sample.mode,
        "relation": sample.relation,
        "blockers": [session(one) for one in sample.blockers],
        "blocked": [session(one) for one in sample.blocked],
    }


def migration_row(status: MigrationStatus) -> Json:
    links = {"self": _migration_href(status)}
    if status.job_id is not None:
        links["job"] = f"/jobs/{status.job_id}"
    return {
        "id": str(status.id),
        "name": status.name,
        "version": status.version,
        "environment": status.environment,
        "status": status.status,
        "state": status.state,
        "appliedAt": moment(status.applied_at),
        "rolledBackAt": moment(status.rolled_back_at),
        "createdAt": moment(status.created_at),
        "updatedAt": moment(status.updated_at),
        "errorMessage": status.error_message,
        "dependencies": list(status.dependencies),
        "blockedBy": list(status.blocked_by),
        "reversible": status.reversible,
        "irreversible": status.irreversible,
        "checksum": status.checksum,
        "appliedChecksum": status.applied_checksum,
        "format": status.source_format,
        "file": status.file,
        "jobId": str(status.job_id) if status.job_id else None,
        "undo": status.undo,
        "reversibility": reversibility(status.proof),
        "links": links,
        **({} if status.target is None else {"target": status.target}),
    }


def migration(status: MigrationStatus, may: May) -> Json:
    return {
        **migration_row(status),
        "proof": proof_detail(status.proof),
        "actions": [_run_to(status, may), _back_to(status, may)],
    }


def problem(found: Problem) -> Json:
    members = {
        "code": found.code,
        "message": found.message,
        "pointer": found.pointer,
        "parameter": found.parameter,
        "migration": found.migration,
        "file": found.file,
        "line": found.line,
        "column": found.column,
    }
    return {name: value for name, value in members.items() if value is not None}


def _duration_ms(job: Job) -> int | None:
    if job.started_at is None or job.finished_at is None:
        return None
    return round((job.finished_at - job.started_at).total_seconds() * 1000)


def step_value(step: StepRecord, base_url: str, environment: str) -> Json:
    return {
        "ordinal": step.ordinal,
        "name": step.name,
        "version": step.version,
        "direction": step.direction,
        "state": step.state.value,
        "startedAt": moment(step.started_at),
        "finishedAt": moment(step.finished_at),
        "durationMs": step.duration_ms,
        "notice": step.notice,
        "error": failure_value(step.error, base_url, environment),
    }


def session(one: Session) -> Json:
    return {
        "pid": one.pid,
        "user": one.user,
        "application": one.application,
        "state": one.state,
        "query": one.query,
        "since": moment(one.since),
        "transactionSince": moment(one.transaction_since),
    }


def failure_value(failure: Failure | None, base_url: str, environment: str) -> Json | None:
    if failure is None:
        return None
    return {
        "code": failure.code.value,
        "message": failure.message,
        "migration": failure.migration,
        "direction": failure.direction,
        "sqlstate": failure.sqlstate,
        "detail": failure.detail,
        "hint": failure.hint,
        "file": failure.file,
        "line": failure.line,
        "column": failure.column,
        "statement": failure.statement,
        "caret": failure.caret,
        "context": failure.context,
        "leftBehind": failure.left_behind,
        "safeToRetry": failure.safe_to_retry,
        "nextSteps": next_steps(failure.next_steps, base_url, environment),
    }


def _job_links(job: Job) -> Json:
    at = f"/jobs/{job.id}"
    links = {"self": at, "events": f"{at}/events", "log": f"{at}/log", "locks": f"{at}/locks"}
    if job.request.kind.writes_target:
        links["migrations"] = f"/migrations?{in_environment(job.request.environment)}"
    if job.request.plan is not None:
        links["plan"] = f"/plans/{job.request.plan.plan_id}"
    if job.request.parent is not None:
        links["parent"] = f"/jobs/{job.request.parent}"
    if not job.state.final:
        links["wait"] = f"/jobs/{job.id}?wait=30"
    return links


def _cancel(job: Job, may: May) -> Json:
    refusal = may.refusal(need_of(job.request.kind, job.request.environment))
    if refusal is None and job.state.final:
        refusal = "the job has ended"
    elif refusal is None and job.cancelling:
        refusal = "it has been asked to stop already"
    return action("cancel", "Stop the job", "POST", f"/jobs/{job.id}/cancel", refusal, None)


def _retry(job: Job, may: May) -> Json:
    """What came after the job is not looked at here: the request itself may still be refused."""
    refusal = may.refusal(need_of(job.request.kind, job.request.environment))
    if refusal is None:
        try:
            refuse_unsafe_retry(job, ())
        except NotSafeToRetry as unsafe:
            refusal = unsafe.detail
    return action("retry", "Ask for the same again", "POST", f"/jobs/{job.id}/retry", refusal, None)


def _votes_on(job: Job) -> tuple[Callable[[Job, May], Json], ...]:
    return (_approve, _reject) if job.state is JobState.WAITING and job.approvals_needed else ()


def _vote_refusal(job: Job, may: May) -> str | None:
    own = f"{may.caller.label} asked for it; somebody else has to say so" if asked_by(job, may.caller) else None
    return may.refusal(Scope(Verb.APPROVE, job.request.environment)) or own


def _approve(job: Job, may: May) -> Json:
    refusal = _vote_refusal(job, may)
    return action("approve", "Approve what it would run", "POST", f"/jobs/{job.id}/approve", refusal, None)


def _reject(job: Job, may: May) -> Json:
    refusal = _vote_refusal(job, may)
    return action("reject", "Say no to it", "POST", f"/jobs/{job.id}/reject", refusal, None)


def _run_to(status: MigrationStatus, may: May) -> Json:
    refusal = may.refusal(need_of(JobKind.RUN, status.environment))
    if refusal is None and status.state in _STANDING:
        refusal = "it is applied"
    elif refusal is None and status.state is MigrationState.BLOCKED:
        refusal = f"it is blocked by {', '.join(status.blocked_by)}"
    href = f"/migrations/run?{in_environment(status.environment)}"
    return action("run", "Run up to and with this migration", "POST", href, refusal, {"to": status.name})


def _back_to(status: MigrationStatus, may: May) -> Json:
    refusal = may.refusal(need_of(JobKind.ROLLBACK, status.environment))
    if refusal is None and status.state not in _STANDING:
        refusal = "it is not applied"
    href = f"/migrations/rollback?{in_environment(status.environment)}"
    return action("rollback", "Undo everything applied after this one", "POST", href, refusal, {"to": status.name})


def action(name: str, label: str, method: str, href: str, refusal: str | None, body: Json | None) -> Json:
    return {
        "name": name,
        "label": label,
        "method": method,
        "href": href,
        "body": body,
        "allowed": refusal is None,
        "reason": refusal,
    }


def _migration_href(status: MigrationStatus) -> str:
    return f"/migrations/{quote(status.name, safe='')}?{in_environment(status.environment)}"
