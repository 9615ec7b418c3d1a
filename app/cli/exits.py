"""Exit codes: stable, documented in `docs/cli.md`, and what scripts branch on."""

from collections.abc import Mapping
from enum import IntEnum
from typing import Final


class Exit(IntEnum):
    DONE = 0
    BUG = 1
    USAGE = 2
    DIFFERENCE = 3
    CONFLICT = 4
    JOB_FAILED = 5
    BUSY = 6
    REFUSED = 7
    NOT_ALLOWED = 8
    UNREACHABLE = 9
    CANCELLED = 10
    TIMED_OUT = 124
    DETACHED = 130
    UNREAD = 141


MEANINGS: Final[Mapping[Exit, str]] = {
    Exit.DONE: "done",
    Exit.BUG: "a bug, or a file that cannot be read or written",
    Exit.USAGE: "what was typed cannot be right",
    Exit.DIFFERENCE: "there is a difference: something is pending, or has drifted",
    Exit.CONFLICT: "an open conflict stops it",
    Exit.JOB_FAILED: "the job failed, or needs a person",
    Exit.BUSY: "somebody else is at work there",
    Exit.REFUSED: "refused: protection, a hazard, a window, a plan that is out of date",
    Exit.NOT_ALLOWED: "not allowed: no token, or one without the scope",
    Exit.UNREACHABLE: "no service answers, or it failed",
    Exit.CANCELLED: "the job was cancelled",
    Exit.TIMED_OUT: "the time is over; the job goes on",
    Exit.DETACHED: "detached with Ctrl-C; the job goes on",
    Exit.UNREAD: "nobody reads the output any more, as after `| head`; a job that was watched goes on",
}

_USAGE = (
    "validation-failed", "bad-request", "malformed-json", "unsupported-media-type", "content-too-large",
    "method-not-allowed", "not-found", "migrations-invalid",
)  # fmt: skip
BY_SLUG: Final[Mapping[str, Exit]] = {
    **dict.fromkeys(_USAGE, Exit.USAGE),
    **dict.fromkeys(("unauthenticated", "forbidden", "read-only"), Exit.NOT_ALLOWED),
    **dict.fromkeys(("conflicts-open", "still-disagrees"), Exit.CONFLICT),
    **dict.fromkeys(("target-busy", "too-many-requests", "idempotency-in-progress"), Exit.BUSY),
}
_CONFLICT_REASONS = ("conflict", "conflicts-open")
_REFUSAL_REASONS = (
    "refused", "plan-stale", "approval-void", "drift-present", "drift-refused", "hazard-not-allowed", "outside-window",
    "confirmation-required", "environment-protected", "not-promoted", "proof-missing", "irreversible",
    "newer-dependents", "rollback-too-deep",
)  # fmt: skip


def exit_of_problem(slug: str, status: int) -> Exit:
    """Of a problem of a kind that is not known here: by its status."""
    known = BY_SLUG.get(slug)
    if known is not None:
        return known
    if status >= 500:
        return Exit.UNREACHABLE
    return {401: Exit.NOT_ALLOWED, 404: Exit.USAGE, 429: Exit.BUSY}.get(status, Exit.REFUSED)


def exit_of_job(state: str, reason: str) -> Exit:
    """Of a job that has ended. A worker that finds what a request would have been refused for, refuses it then."""
    if state == "succeeded":
        return Exit.DONE
    if state == "cancelled":
        return Exit.CANCELLED
    slug = reason.replace("_", "-")
    if state == "failed" and slug in _CONFLICT_REASONS:
        return Exit.CONFLICT
    if state == "failed" and slug in _REFUSAL_REASONS:
        return Exit.REFUSED
    return Exit.JOB_FAILED
