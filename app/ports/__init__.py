"""What the services need of the world, as Protocols; each has two implementations that pass one suite."""

from app.ports.control import (
    Changes,
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
from app.ports.target import Acquired, DoneBefore, FenceBusy, Limits, Targets, TargetSession, TargetView
from app.ports.world import Clock, Doorbell, Held, HeldElsewhere, Leases, Source

__all__ = [
    "Acquired",
    "Changes",
    "Clock",
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
    "Source",
    "StoredAnswer",
    "TargetSession",
    "TargetView",
    "Targets",
]
