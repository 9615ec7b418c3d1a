"""What was asked of a job, as its answer shows it."""

from typing import Any

from app.domain.job import JobKind, JobRequest

Json = dict[str, Any]


def asked(request: JobRequest) -> Json:
    settling = request.settling
    return {
        "to": request.to,
        "count": request.count,
        **_wishes(request),
        "planId": None if request.plan is None else str(request.plan.plan_id),
        "allowHazards": list(request.allow_hazards),
        "names": list(request.names),
        "as": request.mark_as.value if request.mark_as else None,
        "conflictId": str(settling.conflict_id) if settling else None,
        "resolution": settling.resolution.value if settling else None,
        "migration": settling.migration if settling else None,
        "schedule": request.schedule,
        "preservedId": None if request.retrieval is None else str(request.retrieval.set_id),
        "preserve": request.preserve if request.kind is JobKind.RESET else None,
        "table": None if request.retrieval is None else request.retrieval.said,
        "from": request.source,
    }


def _wishes(request: JobRequest) -> Json:
    return {
        "atomic": request.atomic.value,
        "onFailure": request.on_failure.value if request.on_failure else None,
        "onBusy": request.on_busy.value,
        "confirm": request.confirm,
        "lockTimeoutMs": request.lock_timeout_ms,
        "outsideWindow": request.outside_window.value,
    }
