"""What the comparison of two environments looks like: as `schemas`, which holds what it is made of."""

from pydantic import Field

from app.api.schemas import Action, Links
from app.api.shapes import Answer, Id, Moment
from app.domain.axes import SyncState
from app.domain.comparison import Likeness
from app.domain.schema_folding import How


class ComparedMigration(Answer):
    name: str
    version: str
    checksum: str
    applied_at: Moment | None
    job_id: Id | None


class OtherText(Answer):
    """Both have applied it, from files that differ; `commentsOnly`: not in what they do."""

    name: str
    comments_only: bool
    source: ComparedMigration = Field(alias="from")
    target: ComparedMigration = Field(alias="to")


class LedgerCounts(Answer):
    same: int
    only_in_from: int
    only_in_to: int
    different: int


class LedgerComparison(Answer):
    """What is applied; each list holds the first 500 in the order they were applied. `reason`: why one is not known."""

    verdict: SyncState
    reason: str | None
    counts: LedgerCounts
    only_in_from: list[ComparedMigration]
    only_in_to: list[ComparedMigration]
    different: list[OtherText]
    uncertain_in_from: list[str]
    uncertain_in_to: list[str]


class ComparedObject(Answer):
    """One object; each side as SQL where it has a definition, else its properties, one a line."""

    kind: str
    object: str
    change: How
    text: str
    source: str | None = Field(alias="from")
    target: str | None = Field(alias="to")


class SchemaComparison(Answer):
    """`missing`: only in `from`; `unexpected`: only in `to`. The first 200 of `differencesTotal`."""

    state: Likeness
    reason: str | None
    from_fingerprint: str | None
    to_fingerprint: str | None
    differences: list[ComparedObject]
    differences_total: int


class ComparedPair(Answer):
    """`to` held against `from`: it is behind it, ahead of it, has diverged from it, or is in sync with it."""

    source: str = Field(alias="from")
    target: str = Field(alias="to")
    strict: bool
    verdict: SyncState
    message: str
    ledger: LedgerComparison
    schema_: SchemaComparison = Field(alias="schema")
    links: Links
    actions: list[Action]
    next_steps: list[str]


class Comparison(ComparedPair):
    """`targets`: of an environment that has several, the comparison of each; this is the worst of them."""

    targets: list[ComparedPair] = Field(default=[])
