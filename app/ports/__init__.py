"""What the services need of the world, as Protocols; each has two implementations that pass one suite."""

from app.ports.control import (
    Answer,
    Changes,
    ConflictAnswers,
    ConflictLog,
    ConflictQuery,
    IdempotencyKeys,
    JobBoard,
    JobClaims,
    JobQuery,
    JobSweep,
    KeyClaim,
    KnownJob,
    NewJob,
    StoredAnswer,
)
from app.ports.schedules import Schedules
from app.ports.target import Acquired, DoneBefore, FenceBusy, Limits, Targets, TargetSession, TargetView
from app.ports.world import Clock, Doorbell, Held, HeldElsewhere, Leases, Source

__all__ = [
    "Acquired",
    "Answer",
    "Changes",
    "Clock",
    "ConflictAnswers",
    "ConflictLog",
    "ConflictQuery",
    "DoneBefore",
    "Doorbell",
    "FenceBusy",
    "Held",
    "HeldElsewhere",
    "IdempotencyKeys",
    "JobBoard",
    "JobClaims",
    "JobQuery",
    "JobSweep",
    "KeyClaim",
    "KnownJob",
    "Leases",
    "Limits",
    "NewJob",
    "Schedules",
    "Source",
    "StoredAnswer",
    "TargetSession",
    "TargetView",
    "Targets",
]
