"""Environments, their axes and the matrix as JSON values."""

from collections.abc import Sequence
from datetime import timedelta
from urllib.parse import quote

from app.api.may import May
from app.api.render import Json, action
from app.api.render_values import moment
from app.api.steps import in_environment
from app.domain.access import Scope, Verb, need_of
from app.domain.axes import Evidence, Named, Standing, Sync
from app.domain.drift import DriftCheck, DriftState
from app.domain.environment import Dsn, Environment, Protection, SyncPolicy
from app.domain.job import Job, JobKind
from app.domain.matrix import Matrix, MatrixRow
from app.domain.shown import state_of
from app.domain.windows import Openness, Window


def environment(one: Environment, may: May, *, is_default: bool, standing: Standing | None = None) -> Json:
    """With the three axes, and what the target has on record, where it was looked at."""
    recorded = None if standing is None else standing.recorded
    effective = one.protection if standing is None else standing.protection
    foreign = _foreign(standing)
    return {
        "name": one.name,
        "isDefault": is_default,
        "state": "configured",
        "removed": None,
        **_configured(one),
        "recordedProtection": None if recorded is None else recorded.value,
        "effectiveProtection": effective.value,
        "unlocked": None if standing is None or standing.statuses is None else standing.unlocked,
        "recordedEnvironment": None if standing is None else standing.recorded_as,
        "status": None if standing is None else status(standing),
        **_targets(one),
        "links": _links(one.name),
        "actions": [
            *_actions(one, effective, may, foreign),
            _unlock(one, effective, may, foreign),
            *_claim(standing, may),
        ],
    }


def status(standing: Standing) -> Json:
    name, jobs = standing.environment.name, standing.jobs
    return {
        "environment": name,
        "sync": _sync(standing.sync),
        "drift": _drift(standing.drift),
        "lastJob": _job(jobs.last),
        "runningJob": _job(jobs.running),
        "openJobs": jobs.open,
        "window": _window(standing.window),
        "links": {**_links(name), "self": f"/environments/{name}/status"},
        **({"targets": [status(part) for part in standing.parts]} if standing.parts else {}),
    }


def matrix(found: Matrix, environments: list[Json]) -> Json:
    """`environments` as `environment` gives them, in their order."""
    names = [one.environment.name for one in found.environments]
    return {
        "environments": environments,
        "migrations": [_row(row, names) for row in found.rows],
        "links": {"self": "/matrix"},
    }


def _targets(one: Environment) -> Json:
    """Nothing where there is but one."""
    if not one.targets:
        return {}
    shown = [
        {
            "name": part.name,
            "address": str(part.dsn),
            "directAddress": _address(part.direct),
            "scope": part.scope,
            "links": _links(part.name),
        }
        for part in one.each()
    ]
    return {"targets": shown}


def _window(window: Openness | None) -> Json:
    """`opensAt` while it is closed, `closesAt` while it is open; neither where that is more than a year away."""
    if window is None:
        return {"open": True, "rule": None, "opensAt": None, "closesAt": None}
    until = moment(window.until)
    return {
        "open": window.is_open,
        "rule": window.rule,
        "opensAt": None if window.is_open else until,
        "closesAt": until if window.is_open else None,
    }


def _configured(one: Environment) -> Json:
    return {
        "address": str(one.dsn),
        "directAddress": _address(one.direct),
        "scratchAddress": _address(one.scratch),
        "scope": one.scope,
        "protection": one.protection.value,
        "onDrift": one.on_drift.value,
        "onFailure": one.on_failure.value,
        "outOfOrder": one.out_of_order.value,
        "consent": sorted(one.consent),
        "maxHoldMs": one.max_hold_ms,
        "schemaCheck": one.schema_check.value,
        "requireProof": one.require_proof,
        "requires": list(one.requires),
        "soakMs": _ms(one.soak),
        "windows": {"allow": _windows(one.windows.allow), "deny": _windows(one.windows.deny)},
        "syncPolicy": _sync_policy(one.sync),
        "approvals": one.approvals,
        "notify": None if one.notify is None else list(one.notify),
        "beforeRun": bool(one.before_run),
        "autoRun": one.auto_run,
        "lockTimeoutMs": one.lock_timeout_ms,
        "statementTimeoutMs": one.statement_timeout_ms,
        "lockTries": one.lock_tries,
    }


def _windows(windows: Sequence[Window]) -> list[Json]:
    return [{"cron": one.cron, "durationMs": _ms(one.duration), "timezone": one.zone} for one in windows]


def _sync_policy(policy: SyncPolicy | None) -> Json | None:
    if policy is None:
        return None
    return {"from": policy.source, "everyMs": None if policy.every is None else _ms(policy.every)}


def _ms(duration: timedelta) -> int:
    return round(duration.total_seconds() * 1000)


def _address(dsn: Dsn | None) -> str | None:
    return None if dsn is None else str(dsn)


def _links(name: str) -> Json:
    here, query = f"/environments/{name}", in_environment(name)
    return {
        "self": here,
        "status": f"{here}/status",
        "drift": f"{here}/drift",
        "preserved": f"{here}/preserved",
        "migrations": f"/migrations?{query}",
        "conflicts": f"/migrations/conflicts?{query}",
        "jobs": f"/jobs?{query}",
        "plans": f"/plans?{query}",
    }


def _actions(one: Environment, protection: Protection, may: May, foreign: str | None) -> list[Json]:
    name, query = one.name, in_environment(one.name)
    run, look = (may.refusal(need_of(kind, name)) or foreign for kind in (JobKind.RUN, JobKind.SCAN))
    back, reset = (may.refusal(need_of(kind, name)) or foreign for kind in (JobKind.ROLLBACK, JobKind.RESET))
    plan = may.lack(Scope(Verb.PLAN))
    leaderless = None if one.sync is not None else "it follows no environment by its configuration; name one in `from`"
    closed = None if protection is Protection.OPEN else f"reset is refused where the protection is {protection}"
    alone = look or _of_one_target(one)
    return [
        action("plan", "See what would be run", "POST", f"/migrations/plan?{query}", plan, None),
        action("run", "Run what is pending", "POST", f"/migrations/run?{query}", run, None),
        action("rollback", "Undo the newest migration", "POST", f"/migrations/rollback?{query}", back, None),
        action("reset", "Undo everything", "DELETE", f"/migrations/reset?{query}", reset or closed, None),
        action("verify", "Try what is pending", "POST", f"/migrations/verify?{query}", alone, None),
        action("sync", "Take over what is new", "POST", f"/environments/{name}/sync", run or leaderless, None),
        action("scan", "Look for drift now", "POST", f"/environments/{name}/drift/scan", look, None),
    ]


def _unlock(one: Environment, protection: Protection, may: May, foreign: str | None) -> Json:
    refusal = may.refusal(Scope(Verb.ADMIN)) or foreign
    unprotected = "its protection is open" if protection is Protection.OPEN else None
    label, href = "Protect it one step less for 15 minutes", f"/environments/{one.name}/unlock"
    return action("unlock", label, "POST", href, refusal or unprotected or _of_one_target(one), None)


def _of_one_target(one: Environment) -> str | None:
    names = ", ".join(part.name for part in one.each())
    return f"it is done to one target; name it: {names}" if one.targets else None


def _claim(standing: Standing | None, may: May) -> list[Json]:
    """Only where there is something to claim."""
    if standing is None or standing.parts or _foreign(standing) is None:
        return []
    name = standing.environment.name
    refusal = may.refusal(Scope(Verb.ADMIN))
    return [action("claim", f"Take this database for {name}", "POST", f"/environments/{name}/claim", refusal, None)]


def _foreign(standing: Standing | None) -> str | None:
    if standing is None or standing.environment.answers_to(standing.recorded_as):
        return None
    return f"this database was set up as {standing.recorded_as}"


def _sync(sync: Sync) -> Json:
    evidence = None if sync.evidence is None else _evidence(sync.evidence)
    return {"state": sync.state.value, "message": sync.message, "evidence": evidence}


def _evidence(found: Evidence) -> Json:
    return {
        "applied": found.applied,
        "pending": _named(found.pending),
        "blocked": _named(found.blocked),
        "failed": _named(found.failed),
        "missing": _named(found.missing),
        "modified": _named(found.modified),
        "uncertain": _named(found.uncertain),
    }


def _named(named: Named) -> Json:
    return {"count": named.count, "names": list(named.names)}


def _drift(check: DriftCheck) -> Json:
    return {
        "state": check.state.value,
        "message": check.message,
        "checkedAt": moment(check.checked_at),
        "firstSeenAt": moment(check.first_seen_at) if check.state is DriftState.DRIFTED else None,
        "objects": check.total,
        "conflictId": None if check.conflict_id is None else str(check.conflict_id),
    }


def _job(job: Job | None) -> Json | None:
    if job is None:
        return None
    return {
        "id": str(job.id),
        "kind": job.request.kind.value,
        "state": state_of(job),
        "reason": job.reason,
        "message": job.message,
        "createdAt": moment(job.created_at),
        "startedAt": moment(job.started_at),
        "finishedAt": moment(job.finished_at),
        "links": {"self": f"/jobs/{job.id}"},
    }


def _row(row: MatrixRow, names: list[str]) -> Json:
    return {
        "name": row.name,
        "version": row.version,
        "reversible": row.reversible,
        "risk": None if row.risk is None else row.risk.value,
        "file": row.file,
        "cells": [
            {
                "environment": name,
                "state": cell.state.value,
                "appliedAt": moment(cell.applied_at),
                **({} if cell.target is None else {"target": cell.target}),
            }
            for name, cell in zip(names, row.cells, strict=True)
        ],
        "links": {"self": f"/migrations/{quote(row.name, safe='')}"},
    }
