"""A comparison of two environments as a JSON value, with what would bring them together."""

from collections.abc import Iterator

from app.api.render import READ_ONLY, Json, action
from app.api.render_values import moment
from app.api.steps import in_environment, next_steps
from app.domain.comparison import Comparison, LedgerComparison, Likeness, OtherText, SchemaComparison
from app.domain.ledger import LedgerEntry, settle_uncertain
from app.domain.schema_diff import Difference

MOST_MIGRATIONS = 500
MOST_OBJECTS = 200


def comparison(found: Comparison, base_url: str, *, read_only: bool) -> Json:
    source, target = found.source, found.target
    strict = "&strict=true" if found.strict else ""
    return {
        "from": source,
        "to": target,
        "strict": found.strict,
        "verdict": found.verdict.value,
        "message": found.message,
        "ledger": _ledger(found.ledger),
        "schema": _schema(found.schema),
        "links": {
            "self": f"/environments/compare?from={source}&to={target}{strict}",
            "from": f"/environments/{source}",
            "to": f"/environments/{target}",
        },
        "actions": list(_actions(found, READ_ONLY if read_only else None)),
        "nextSteps": list(_steps(found, base_url)),
    }


def _ledger(found: LedgerComparison) -> Json:
    return {
        "verdict": found.verdict.value,
        "reason": found.reason,
        "counts": {
            "same": found.same,
            "onlyInFrom": len(found.only_in_source),
            "onlyInTo": len(found.only_in_target),
            "different": len(found.other_texts),
        },
        "onlyInFrom": [_entry(one) for one in found.only_in_source[:MOST_MIGRATIONS]],
        "onlyInTo": [_entry(one) for one in found.only_in_target[:MOST_MIGRATIONS]],
        "different": [_other(one) for one in found.other_texts[:MOST_MIGRATIONS]],
        "uncertainInFrom": list(found.uncertain_in_source),
        "uncertainInTo": list(found.uncertain_in_target),
    }


def _entry(entry: LedgerEntry) -> Json:
    return {
        "name": entry.name,
        "version": entry.version,
        "checksum": entry.checksum.hex(),
        "appliedAt": moment(entry.applied_at),
        "jobId": None if entry.job_id is None else str(entry.job_id),
    }


def _other(one: OtherText) -> Json:
    return {
        "name": one.source.name,
        "commentsOnly": one.comments_only,
        "from": _entry(one.source),
        "to": _entry(one.target),
    }


def _schema(found: SchemaComparison) -> Json:
    return {
        "state": found.likeness.value,
        "reason": found.reason,
        "fromFingerprint": found.source_fingerprint,
        "toFingerprint": found.target_fingerprint,
        "differences": [_object(one) for one in found.differences[:MOST_OBJECTS]],
        "differencesTotal": len(found.differences),
    }


def _object(one: Difference) -> Json:
    return {
        "kind": one.kind,
        "object": one.identity,
        "change": one.how.value,
        "text": one.text,
        "from": one.expected,
        "to": one.found,
    }


def _actions(found: Comparison, refusal: str | None) -> Iterator[Json]:
    """What one lacks comes from the other; what one has besides goes there, or is undone."""
    source, target, ledger = found.source, found.target, found.ledger
    other = _other_text(ledger)
    if ledger.only_in_source:
        yield _plan_sync(source, target, other)
        yield _sync(source, target, refusal or other)
    if ledger.only_in_target:
        yield _plan_sync(target, source, other)
        yield _sync(target, source, refusal or other)
        yield _rollback(target, ledger, refusal or other)


def _plan_sync(source: str, target: str, refusal: str | None) -> Json:
    label, body = f"See what would bring {target} to the level of {source}", {"from": source, "dryRun": True}
    return action("plan_sync", label, "POST", f"/environments/{target}/sync", refusal, body)


def _sync(source: str, target: str, refusal: str | None) -> Json:
    label = f"Bring {target} to the level of {source}"
    return action("sync", label, "POST", f"/environments/{target}/sync", refusal, {"from": source})


def _rollback(target: str, ledger: LedgerComparison, refusal: str | None) -> Json:
    count = len(ledger.only_in_target)
    if refusal is None and ledger.tail is None:
        refusal = f"others were applied after {ledger.only_in_target[0].name}, and would be undone with it"
    href = f"/migrations/rollback/{count}?{in_environment(target)}"
    return action("rollback", f"Undo the newest {count} of {target}", "POST", href, refusal, None)


def _other_text(ledger: LedgerComparison) -> str | None:
    names = [one.source.name for one in ledger.other_texts if not one.comments_only]
    return f"{names[0]} was applied from another text there; settle that first" if names else None


def _steps(found: Comparison, base_url: str) -> Iterator[str]:
    ledger = found.ledger
    sides = ((found.source, ledger.uncertain_in_source), (found.target, ledger.uncertain_in_target))
    alike = not (ledger.only_in_source or ledger.only_in_target)
    for name, uncertain in sides:
        if _other_text(ledger) is not None:
            yield from next_steps((f"GET /migrations/conflicts?{in_environment(name)}&state=open",), base_url, name)
        if uncertain:
            yield from next_steps(settle_uncertain(uncertain[0]), base_url, name)
        if alike and found.schema.likeness is Likeness.DIFFERENT:
            yield from next_steps((f"POST /environments/{name}/drift/scan",), base_url, name)
