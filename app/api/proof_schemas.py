"""What a proof of reversibility looks like: as `schemas`, which shows it beside each migration."""

from app.api.shapes import Answer, Id, Moment
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


class ProofDetail(Reversibility):
    """`differences` holds the first 50 of `differencesTotal`; of what is irreversible, what its up changes."""

    server_version: str
    failure: ProofFailure | None
    differences: list[ProofDifference]
    differences_total: int
    losses: list[LostRows]
    notices: list[str]
