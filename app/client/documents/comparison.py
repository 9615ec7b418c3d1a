"""Two environments side by side."""

from collections.abc import Mapping
from datetime import datetime

from app.client.documents.jobs import Action
from app.client.reading import Document, document, named


@document
class ComparedMigration(Document):
    name: str
    version: str
    checksum: str
    applied_at: datetime | None
    job_id: str | None


@document
class OtherText(Document):
    """Both have applied it, from files that differ; `commentsOnly`: not in what they do."""

    name: str
    comments_only: bool
    source: ComparedMigration = named("from")
    target: ComparedMigration = named("to")


@document
class LedgerCounts(Document):
    same: int
    only_in_from: int
    only_in_to: int
    different: int


@document
class LedgerComparison(Document):
    """What is applied; each list holds the first 500 in the order they were applied. `reason`: why one is not known."""

    verdict: str
    reason: str | None
    counts: LedgerCounts
    only_in_from: tuple[ComparedMigration, ...]
    only_in_to: tuple[ComparedMigration, ...]
    different: tuple[OtherText, ...]
    uncertain_in_from: tuple[str, ...]
    uncertain_in_to: tuple[str, ...]


@document
class ComparedObject(Document):
    """One object; each side as SQL where it has a definition, else its properties, one a line."""

    kind: str
    object: str
    change: str
    text: str
    source: str | None = named("from")
    target: str | None = named("to")


@document
class SchemaComparison(Document):
    """`missing`: only in `from`; `unexpected`: only in `to`. The first 200 of `differencesTotal`."""

    state: str
    reason: str | None
    from_fingerprint: str | None
    to_fingerprint: str | None
    differences: tuple[ComparedObject, ...]
    differences_total: int


@document
class ComparedPair(Document):
    """`to` held against `from`: it is behind it, ahead of it, has diverged from it, or is in sync with it."""

    source: str = named("from")
    target: str = named("to")
    strict: bool
    verdict: str
    message: str
    ledger: LedgerComparison
    schema: SchemaComparison
    links: Mapping[str, str]
    actions: tuple[Action, ...]
    next_steps: tuple[str, ...]


@document
class Comparison(ComparedPair):
    """`targets`: of an environment that has several, the comparison of each; this is the worst of them."""

    targets: tuple[ComparedPair, ...] = ()
