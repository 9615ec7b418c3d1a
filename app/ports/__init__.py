"""What the services need of the world, as Protocols; each has two implementations that pass one suite."""

from app.ports.access import AuditWanted, Sessions, Tokens, TokensWanted, Trail
from app.ports.commands import CommandEnd, Commands
from app.ports.control import (
    Answer,
    Approvals,
    Changes,
    ConflictAnswers,
    ConflictLog,
    ConflictQuery,
    IdempotencyKeys,
    JobBoard,
    JobClaims,
    JobControl,
    JobQuery,
    JobSweep,
    KeyClaim,
    KnownJob,
    LockLog,
    NewJob,
    StoredAnswer,
    first_state,
)
from app.ports.lint import Linter
from app.ports.overview import EnvironmentLog
from app.ports.ownership import Ownership
from app.ports.plans import Plans, PlansWanted
from app.ports.preserved import PreservedRows
from app.ports.proofs import Proofs, Scratch, Scratches
from app.ports.registry import Reader, Registry
from app.ports.schedules import Schedules
from app.ports.schema import DriftLog, Schemas
from app.ports.survey import Surveys
from app.ports.target import (
    UNGUIDED,
    Acquired,
    DoneBefore,
    FenceBusy,
    Guide,
    Limits,
    Observer,
    Observers,
    Targets,
    TargetSession,
    TargetView,
)
from app.ports.world import Clock, Doorbell, Drafts, Held, HeldElsewhere, Leases, Source

__all__ = [
    "UNGUIDED",
    "Acquired",
    "Answer",
    "Approvals",
    "AuditWanted",
    "Changes",
    "Clock",
    "CommandEnd",
    "Commands",
    "ConflictAnswers",
    "ConflictLog",
    "ConflictQuery",
    "DoneBefore",
    "Doorbell",
    "Drafts",
    "DriftLog",
    "EnvironmentLog",
    "FenceBusy",
    "Guide",
    "Held",
    "HeldElsewhere",
    "IdempotencyKeys",
    "JobBoard",
    "JobClaims",
    "JobControl",
    "JobQuery",
    "JobSweep",
    "KeyClaim",
    "KnownJob",
    "Leases",
    "Limits",
    "Linter",
    "LockLog",
    "NewJob",
    "Observer",
    "Observers",
    "Ownership",
    "Plans",
    "PlansWanted",
    "PreservedRows",
    "Proofs",
    "Reader",
    "Registry",
    "Schedules",
    "Schemas",
    "Scratch",
    "Scratches",
    "Sessions",
    "Source",
    "StoredAnswer",
    "Surveys",
    "TargetSession",
    "TargetView",
    "Targets",
    "Tokens",
    "TokensWanted",
    "Trail",
    "first_state",
]
