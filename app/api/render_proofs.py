"""Proofs of reversibility as JSON values."""

from typing import Any

from app.api.render_values import moment, plain
from app.domain.failure import Failure
from app.domain.proof import Proof

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
