"""Plans as JSON values."""

from typing import Any

from app.api import render
from app.api.errors import PAGES, slugs, status_of
from app.api.may import May
from app.api.render import Json
from app.api.render_proofs import dry_run, reversibility
from app.api.render_values import moment, plain
from app.api.steps import command_with, in_environment, next_steps
from app.domain.access import need_of
from app.domain.consent import allowing, call_of, in_files
from app.domain.examination import Consent, Judged
from app.domain.hazard_kinds import KINDS
from app.domain.hazards import slug_of
from app.domain.job import JobKind
from app.domain.keeping import Keep
from app.domain.lock_modes import Lock
from app.domain.migration import Direction
from app.domain.planned import (
    PlannedKeeping,
    PlannedStatement,
    PlannedStep,
    PlannedText,
    PlanSummary,
    PlanVerdict,
    RightNow,
    StoredPlan,
    WouldRefuse,
)
from app.domain.survey import Blocker, TableSize
from app.domain.words import shown

ESTIMATED = "a rough estimate from the sizes of tables, without waiting for locks"


def plan_summary(plan: PlanSummary) -> Json:
    return {
        "id": str(plan.id),
        "kind": plan.kind,
        "environment": plan.environment,
        "verdict": plan.verdict.value,
        "createdAt": moment(plan.created_at),
        "principalId": plan.principal_id,
        "stepCount": plan.step_count,
        "hazardCount": plan.hazard_count,
        "links": {"self": f"/plans/{plan.id}", "sql": f"/plans/{plan.id}/sql"},
    }


def plan(made: StoredPlan, base_url: str, may: May) -> Json:
    request, binding = made.request, made.binding
    return {
        **plan_summary(made.summary),
        "protection": made.protection.value,
        "request": {
            "to": request.to,
            "count": request.count,
            "atomic": request.atomic.value,
            "allowHazards": list(request.allow_hazards),
        },
        "serverVersion": made.right_now.server_version,
        "ledgerPosition": None if binding is None else binding.position,
        "schemaFingerprint": None if binding is None else binding.expected_fingerprint,
        "summary": _summary(made),
        "consent": _consent(made, base_url),
        "problem": None if made.refused is None else planned_problem(made.refused, base_url, request.environment),
        "steps": [_step(step) for step in made.steps],
        "notices": list(made.notices),
        "linterNotice": made.linter_notice,
        "rightNow": _right_now(made.right_now),
        "links": _links(made),
        "actions": [_run(made, may)],
    }


def _summary(made: StoredPlan) -> Json:
    times = [step.estimate.ms for step in made.steps]
    keepings = [step.keeping for step in made.steps if step.keeping is not None]
    keeping_times = [one.estimate.ms for one in keepings]
    sets = [one for keeping in keepings for one in keeping.sets]
    return {
        "toApply": sum(step.direction is Direction.UP for step in made.steps),
        "toRollBack": sum(step.direction is Direction.DOWN for step in made.steps),
        "hazards": sum(len(step.every_hazard) for step in made.steps),
        "lacking": sum(one.consent is None for step in made.steps for one in step.every_hazard),
        "undoable": all(step.irreversible is None for step in made.steps),
        "estimatedMs": sum(one for one in times if one is not None),
        "estimateIsWhole": None not in times,
        "kept": sum(one.why_not is None for one in sets),
        "lost": sum(one.why_not is not None for one in sets),
        "keepingMs": sum(one for one in keeping_times if one is not None),
        "estimateIs": ESTIMATED,
    }


def _consent(made: StoredPlan, base_url: str) -> Json | None:
    """What is lacking and how to give it; None when nothing is."""
    if made.verdict is not PlanVerdict.NEEDS_CONSENT:
        return None
    flags = [f"--allow-hazards {','.join(made.lacking)}"] if made.lacking else []
    flags += [f"--confirm {made.request.environment}"] if made.confirm else []
    method, address, body = _call(made)
    return {
        "hazards": [code.value for code in made.lacking],
        "confirm": made.request.environment if made.confirm else None,
        "flag": " ".join(flags),
        "body": body,
        "inFile": in_files(one.hazard for step in made.steps for one in step.every_hazard if one.consent is None),
        "command": command_with(method, address, base_url, body),
    }


def _call(made: StoredPlan) -> tuple[str, str, Json]:
    """The call that runs this plan, with the consent that is lacking; a sync is held to none, and asked for anew."""
    method, address = call_of(made.request).split(" ")
    if (asked := made.request).kind is JobKind.SYNC:
        own = {"from": asked.source, "to": asked.to, "allowHazards": list(allowing(asked, made.lacking))}
        return method, address, {name: value for name, value in own.items() if value}
    body: Json = {}
    if made.request.kind is not JobKind.RESET:
        address, body = address.removesuffix(f"/{made.request.count}"), {"planId": str(made.id)}
    allowed = allowing(made.request, made.lacking)
    if made.lacking or (allowed and made.request.kind is JobKind.RESET):
        body["allowHazards"] = list(allowed)
    if made.confirm:
        body["confirm"] = made.request.environment
    return method, f"{address}?{in_environment(made.request.environment)}", body


def planned_problem(would: WouldRefuse, base_url: str, environment: str) -> Json:
    """As a run would be answered, without what belongs to a request."""
    kind = slugs()[would.slug]
    return {
        **{name: plain(fact) for name, fact in would.facts.items()},
        "type": f"{PAGES}/{would.slug}",
        "title": kind.title,
        "status": int(status_of(kind)),
        "detail": would.detail,
        "nextSteps": next_steps(would.next_steps, base_url, environment),
        "problems": [render.problem(one) for one in would.problems],
    }


def _step(step: PlannedStep) -> Json:
    body = step.body
    return {
        "ordinal": step.ordinal,
        "name": step.name,
        "version": step.version,
        "direction": step.direction.value,
        "transactional": step.apart is None,
        "apart": step.apart,
        "reversible": step.irreversible is None,
        "irreversible": step.irreversible,
        "reversibility": reversibility(step.proof),
        "dryRun": None if step.proof is None else dry_run(step.proof.dry_run),
        "format": step.source_format,
        "language": step.language.value,
        "checksum": step.checksum,
        "file": None if body is None else body.file,
        "body": _text(body),
        "verify": _text(step.verify),
        "statements": [_statement(one) for one in step.statements],
        "statementsLeftOut": step.left_out,
        "hazards": [_hazard(one) for one in step.hazards],
        "unusedAllowances": [
            {"code": one.code.value, "file": one.file, "line": one.line, "message": one.said()} for one in step.unused
        ],
        "estimatedMs": step.estimate.ms,
        "estimateFrom": step.estimate.basis,
        "keeping": None if step.keeping is None else _keeping(step.keeping),
        "notice": step.notice,
    }


def _keeping(keeping: PlannedKeeping) -> Json:
    return {
        "sets": [_kept(one) for one in keeping.sets],
        "runsTwice": keeping.twice,
        "estimatedMs": keeping.estimate.ms,
        "estimateFrom": keeping.estimate.basis,
    }


def _kept(one: Keep) -> Json:
    return {
        "kind": one.kind.value,
        "table": shown(one.table),
        "columns": list(one.columns),
        "line": one.removal.line,
        "foundBy": one.removal.found_by.value,
        "estimatedRows": one.rows,
        "bytes": one.bytes,
        "atMost": one.at_most,
        "kept": one.why_not is None,
        "whyNot": one.why_not,
        "moved": one.moved,
        "estimatedMs": one.estimate.ms,
        "estimateFrom": one.estimate.basis,
        "says": one.says,
    }


def _text(text: PlannedText | None) -> Json | None:
    if text is None:
        return None
    return {"file": text.file, "line": text.line, "bytes": text.byte_count, "sha256": text.sha256}


def _statement(one: PlannedStatement) -> Json:
    return {
        "line": one.line,
        "sql": one.sql,
        "cut": one.cut,
        "locks": [_lock(lock) for lock in one.locks],
        "tables": [_table(table) for table in one.tables],
        "estimatedMs": one.estimate.ms,
        "estimateFrom": one.estimate.basis,
        "hazards": [_hazard(judged) for judged in one.hazards],
    }


def _lock(lock: Lock) -> Json:
    return {"mode": lock.mode.value, "relation": shown(lock.relation), "ofIndex": lock.of_index, "says": lock.said()}


def _table(table: TableSize) -> Json:
    return {"name": shown(table.name), "estimatedRows": table.rows, "bytes": table.bytes}


def _hazard(judged: Judged) -> Json:
    hazard = judged.hazard
    return {
        "code": hazard.code.value,
        "title": KINDS[hazard.code].title,
        "object": hazard.object,
        "file": hazard.file,
        "line": hazard.line,
        "happens": hazard.happens,
        "toDo": hazard.to_do,
        "risk": hazard.risk.value,
        "rule": hazard.rule,
        "foundBy": hazard.found_by.value,
        "estimatedRows": hazard.rows,
        "bytes": hazard.bytes,
        "consent": None if judged.consent is None else judged.consent.value,
        "reason": hazard.allowed if judged.consent is Consent.FILE else None,
        "links": {"self": f"{PAGES}/{slug_of(hazard.code)}"},
    }


def _right_now(now: RightNow) -> Json:
    return {
        "at": moment(now.at),
        "blockers": [_blocker(one, now) for one in now.blockers],
        "openJobs": [
            {
                "id": str(job.id),
                "kind": job.kind,
                "state": job.state,
                "createdAt": moment(job.created_at),
                "links": {"self": f"/jobs/{job.id}"},
            }
            for job in now.open_jobs
        ],
        "holder": None if now.holder is None else str(now.holder),
    }


def _blocker(one: Blocker, now: RightNow) -> Json:
    return {
        **render.session(one.session),
        "table": shown(one.table),
        "holds": one.holds.value,
        "needs": one.needs.value,
        "step": one.step,
        "says": one.said(now.at),
    }


def _links(made: StoredPlan) -> dict[str, Any]:
    environment = in_environment(made.request.environment)
    return {
        "self": f"/plans/{made.id}",
        "sql": f"/plans/{made.id}/sql",
        "migrations": f"/migrations?{environment}",
    }


def _run(made: StoredPlan, may: May) -> Json:
    """The body carries the consent that is lacking: whoever sends it has read what for."""
    refusal = may.refusal(need_of(made.request.kind, made.request.environment))
    if refusal is None and made.refused is not None:
        refusal = f"it is refused: {made.refused.detail}"
    method, address, body = _call(made)
    return render.action("run", "Do what is planned here", method, address, refusal, body)
