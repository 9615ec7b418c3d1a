"""Why a job that was delivered to a worker was not taken by it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from app.domain.job import JobId


class ClaimRefusal(StrEnum):
    """Why a delivered job was not taken; `NEWER_RELEASE`: it is of a kind that this release does not know."""

    UNKNOWN = "unknown"
    NEWER_RELEASE = "newer_release"
    FINISHED = "finished"
    ALREADY_RUNNING = "already_running"
    NOT_HEAD = "not_head"


@dataclass(frozen=True, slots=True)
class ClaimRefused:
    """`holder` is the job that has the target, or the job itself when it is delivered again."""

    job_id: JobId
    why: ClaimRefusal
    environment: str | None = None
    holder: JobId | None = None
    evidence: Mapping[str, object] = field(default_factory=dict)
