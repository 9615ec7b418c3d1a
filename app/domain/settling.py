"""What somebody answers to a conflict, and how a migration is recorded without being run."""

from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID


class Resolution(StrEnum):
    """A way out of a conflict that somebody may ask for."""

    RETRY = "retry"
    ACCEPT_FILE = "accept_file"
    RESTORE_FILE = "restore_file"
    ROLL_BACK = "roll_back"
    MARK_APPLIED = "mark_applied"
    MARK_ROLLED_BACK = "mark_rolled_back"
    REORDER = "reorder"
    ALLOW = "allow"
    IGNORE = "ignore"
    RELEASE_TARGET = "release_target"
    ADOPT_DRIFT = "adopt_drift"
    REVERT_DRIFT = "revert_drift"
    IGNORE_UNTIL = "ignore_until"


class MarkAs(StrEnum):
    APPLIED = "applied"
    ROLLED_BACK = "rolled_back"
    BASELINE = "baseline"


@dataclass(frozen=True, slots=True)
class Settling:
    """An answer that a job carries out in the target.

    `checksum`: the raw one, in hex, of the file that is accepted; another file is another question.
    `stranded`: the job whose hold on the target is ended. `schema`: the fingerprint of the one that is adopted, and
    `draft`: the file that was written for it.
    """

    conflict_id: UUID
    resolution: Resolution
    migration: str | None = None
    checksum: str | None = None
    stranded: UUID | None = None
    schema: str | None = None
    draft: str | None = None
