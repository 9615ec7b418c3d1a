"""What the services need of the world, as Protocols; each has two implementations that pass one suite."""

from app.ports.access import AuditWanted, Identity, Sessions, Tokens, TokensWanted, Trail
from app.ports.approvals import Approvals
from app.ports.census import Muster
from app.ports.commands import CommandEnd, Commands
from app.ports.control import (
    Answer,
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
from app.ports.convoys import Convoys
from app.ports.events import EventFeed, EventLog, EventsWanted, Hear, LogPart
from app.ports.fitness import Fitness
from app.ports.lint import Linter
from app.ports.overview import EnvironmentLog
from app.ports.ownership import Ownership
from app.ports.plans import Plans, PlansWanted
from app.ports.preserved import PreservedRows
from app.ports.proofs import Proofs, Scratch, Scratches
from app.ports.registry import Reader, Registry
from app.ports.removed import FileRecord
from app.ports.schedules import Schedules
from app.ports.schema import DriftLog, Schemas
from app.ports.survey import Surveys
from app.ports.target import (
    UNGUIDED,
    Acquired,
    DoneBefore,
    FenceBusy,
    Guide,
    LedgerWanted,
    Limits,
    Observer,
    Observers,
    Targets,
    TargetSession,
    TargetView,
)
from app.ports.webhooks import Courier, Deliveries, DeliveriesWanted, Message, Sort, Vault, Webhooks
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
    "Convoys",
    "Courier",
    "Deliveries",
    "DeliveriesWanted",
    "DoneBefore",
    "Doorbell",
    "Drafts",
    "DriftLog",
    "EnvironmentLog",
    "EventFeed",
    "EventLog",
    "EventsWanted",
    "FenceBusy",
    "FileRecord",
    "Fitness",
    "Guide",
    "Hear",
    "Held",
    "HeldElsewhere",
    "IdempotencyKeys",
    "Identity",
    "JobBoard",
    "JobClaims",
    "JobControl",
    "JobQuery",
    "JobSweep",
    "KeyClaim",
    "KnownJob",
    "Leases",
    "LedgerWanted",
    "Limits",
    "Linter",
    "LockLog",
    "LogPart",
    "Message",
    "Muster",
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
    "Sort",
    "Source",
    "StoredAnswer",
    "Surveys",
    "TargetSession",
    "TargetView",
    "Targets",
    "Tokens",
    "TokensWanted",
    "Trail",
    "Vault",
    "Webhooks",
    "first_state",
]
