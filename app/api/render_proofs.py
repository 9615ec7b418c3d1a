"""Proofs of reversibility as JSON values."""

from typing import Any

from app.api.render_values import moment, plain
from app.domain.dry_run import DryRun, Effect
from app.domain.failure import Failure
from app.domain.hazard_kinds import KINDS
from app.domain.lock_modes import Lock
from app.domain.proof import Proof
from app.domain.words import shown

Json = dict[str, Any]


def reversibility(proof: Proof | None) -> Json | None:
    if proof is None:
        return None
    return {
        "verdict": proof.verdict.value,
        "text": proof.text,
        "checkedAt": moment(proof.checked_at),
        "jobId": str(proof.job_id),
    }


def proof_detail(proof: Proof | None) -> Json | None:
    known = reversibility(proof)
    if proof is None or known is None:
        return None
    return {
        **known,
        "serverVersion": proof.server_version,
        "failure": _failure(proof.failure),
        "differences": plain(proof.differences),
        "differencesTotal": proof.total,
        "losses": [
            {"table": one.table, "before": one.before, "lost": one.lost, "added": one.added} for one in proof.losses
        ],
        "notices": list(proof.notices),
        "dryRun": dry_run(proof.dry_run),
    }


def dry_run(seen: DryRun | None) -> Json | None:
    if seen is None:
        return None
    return {
        "changes": list(seen.changes),
        "changesTotal": seen.total,
        "locks": None if seen.locks is None else [_lock(lock) for lock in seen.locks],
        "hazards": [_hazard(effect) for effect in seen.effects],
    }


def _lock(lock: Lock) -> Json:
    return {"mode": lock.mode.value, "relation": shown(lock.relation), "says": lock.said()}


def _hazard(effect: Effect) -> Json:
    kind = KINDS[effect.code]
    return {
        "code": effect.code.value,
        "object": shown(effect.object),
        "happens": effect.happens or kind.happens,
        "toDo": effect.to_do or kind.to_do,
        "risk": (effect.risk or kind.risk).value,
    }


def _failure(failure: Failure | None) -> Json | None:
    if failure is None:
        return None
    return {
        "code": failure.code.value,
        "message": failure.message,
        "direction": failure.direction,
        "sqlstate": failure.sqlstate,
        "file": failure.file,
        "line": failure.line,
        "column": failure.column,
        "statement": failure.statement,
        "caret": failure.caret,
    }
