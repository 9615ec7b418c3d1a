"""The audit trail: who asked for what, from where, and whether it was refused."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from app.domain.job import Origin


@dataclass(frozen=True, slots=True)
class Deed:
    """What somebody asked for. `subject`: a job, a conflict, a token or a schedule; `refused`: the kind of problem."""

    origin: Origin
    action: str
    environment: str | None = None
    subject: str | None = None
    refused: str | None = None
    detail: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class AuditRow:
    """A deed as it stands on the trail; `id` grows."""

    id: int
    at: datetime
    deed: Deed
