"""What was asked of a job: as its answer shows it, and as the call that asks for the same again."""

from collections.abc import Mapping
from typing import Any

from app.api.steps import in_environment
from app.domain.job import JobKind, JobRequest

Json = dict[str, Any]

_CALL_OF_KIND: Mapping[JobKind, tuple[str, str]] = {
    JobKind.RUN: ("POST", "/migrations/run"),
    JobKind.ROLLBACK: ("POST", "/migrations/rollback"),
    JobKind.RESET: ("DELETE", "/migrations/reset"),
    JobKind.MARK: ("POST", "/migrations/mark"),
}


def asked(request: JobRequest) -> Json:
    settling = request.settling
    return {
        "to": request.to,
        "count": request.count,
        **_wishes(request),
        "names": list(request.names),
        "as": request.mark_as.value if request.mark_as else None,
        "conflictId": str(settling.conflict_id) if settling else None,
        "resolution": settling.resolution.value if settling else None,
        "migration": settling.migration if settling else None,
        "schedule": request.schedule,
    }


def call_of(request: JobRequest) -> tuple[str, str]:
    """Method and address, the environment in its query."""
    if request.settling is not None:
        return "POST", f"/migrations/conflicts/{request.settling.conflict_id}/resolve"
    if request.schedule is not None:
        return "POST", f"/schedules/{request.schedule}/run"
    method, path = _CALL_OF_KIND[request.kind]
    if request.count is not None:
        path = f"{path}/{request.count}"
    return method, f"{path}?{in_environment(request.environment)}"


def body_of(request: JobRequest) -> Json:
    """What was asked otherwise than by default; `count` and `environment` are in the address."""
    return {name: value for name, value in _given(request).items() if value is not None}


def _given(request: JobRequest) -> Json:
    if request.settling is not None:
        settling = request.settling
        return {"resolution": settling.resolution.value, "migration": settling.migration, "note": request.note}
    if request.schedule is not None:
        return {"note": request.note}
    usual = _wishes(JobRequest(request.kind, request.environment))
    wishes = {name: value for name, value in _wishes(request).items() if value != usual[name]}
    if request.mark_as is not None:
        wishes = {name: value for name, value in wishes.items() if name == "onBusy"}
        wishes |= {"names": list(request.names), "as": request.mark_as.value}
    return {"to": request.to, **wishes, "note": request.note}


def _wishes(request: JobRequest) -> Json:
    return {
        "atomic": request.atomic.value,
        "onFailure": request.on_failure.value if request.on_failure else None,
        "onBusy": request.on_busy.value,
        "confirm": request.confirm,
        "lockTimeoutMs": request.lock_timeout_ms,
    }
