"""What a proof of reversibility looks like: as `schemas`, which shows it beside each migration."""

from app.api.shapes import Answer, Id, Moment
from app.domain.hazards import HazardCode, Risk
from app.domain.lock_modes import LockMode
from app.domain.proof import Verdict
from app.domain.schema_folding import How


class Reversibility(Answer):
    """What going up, down and up again on a scratch database has shown of the file as it is now; null: not tried."""

    verdict: Verdict
    text: str
    checked_at: Moment
    job_id: Id


class ProofDifference(Answer):
    """One object; `expected` and `found` are SQL where it has a definition, else its properties, one a line."""

    kind: str
    object: str
    change: How
    text: str
    expected: str | None
    found: str | None


class LostRows(Answer):
    """Of a table that stands before and after: `lost` of its `before` rows are gone or changed, `added` are new."""

    table: str
    before: int
    lost: int
    added: int


class ProofFailure(Answer):
    """What failed on the scratch database, and where."""

    code: str
    message: str
    direction: str | None
    sqlstate: str | None
    file: str | None
    line: int | None
    column: int | None
    statement: str | None
    caret: str | None


class SeenLock(Answer):
    """The strongest lock on a relation that stood before, held until the end; `says`: what it blocks."""

    mode: LockMode
    relation: str
    says: str


class SeenHazard(Answer):
    """A hazard of what was done, whether or not a statement of the file has it too."""

    code: HazardCode
    object: str
    happens: str
    to_do: str
    risk: Risk


class DryRun(Answer):
    """What going up did on a copy of the target's schema.

    `changes` holds the first 50 of `changesTotal`. `locks` null: none could be seen, without a transaction.
    """

    changes: list[str]
    changes_total: int
    locks: list[SeenLock] | None
    hazards: list[SeenHazard]


class ProofDetail(Reversibility):
    """`differences` holds the first 50 of `differencesTotal`; of what is irreversible, what its up changes."""

    server_version: str
    failure: ProofFailure | None
    differences: list[ProofDifference]
    differences_total: int
    losses: list[LostRows]
    notices: list[str]
    dry_run: DryRun | None
