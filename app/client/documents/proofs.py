"""What a scratch database has shown of migrations."""

from datetime import datetime

from app.client.reading import Document, document


@document
class Reversibility(Document):
    """What going up, down and up again on a scratch database has shown of the file as it is now; null: not tried."""

    verdict: str
    text: str
    checked_at: datetime
    job_id: str


@document
class ProofDifference(Document):
    """One object; `expected` and `found` are SQL where it has a definition, else its properties, one a line."""

    kind: str
    object: str
    change: str
    text: str
    expected: str | None
    found: str | None


@document
class LostRows(Document):
    """Of a table that stands before and after: `lost` of its `before` rows are gone or changed, `added` are new."""

    table: str
    before: int
    lost: int
    added: int


@document
class ProofFailure(Document):
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


@document
class SeenLock(Document):
    """The strongest lock on a relation that stood before, held until the end; `says`: what it blocks."""

    mode: str
    relation: str
    says: str


@document
class SeenHazard(Document):
    """A hazard of what was done, whether or not a statement of the file has it too."""

    code: str
    object: str
    happens: str
    to_do: str
    risk: str


@document
class DryRun(Document):
    """What going up did on a copy of the target's schema.

    `changes` holds the first 50 of `changesTotal`. `locks` null: none could be seen, without a transaction.
    """

    changes: tuple[str, ...]
    changes_total: int
    locks: tuple[SeenLock, ...] | None
    hazards: tuple[SeenHazard, ...]


@document
class ProofDetail(Reversibility):
    """`differences` holds the first 50 of `differencesTotal`; of what is irreversible, what its up changes."""

    server_version: str
    failure: ProofFailure | None
    differences: tuple[ProofDifference, ...]
    differences_total: int
    losses: tuple[LostRows, ...]
    notices: tuple[str, ...]
    dry_run: DryRun | None
