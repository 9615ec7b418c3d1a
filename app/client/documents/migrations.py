"""Migrations, and how they depend on each other."""

from collections.abc import Mapping
from datetime import datetime

from app.client.documents.jobs import Action
from app.client.documents.proofs import ProofDetail, Reversibility
from app.client.reading import Document, document


@document
class Migration(Document):
    """One migration in one environment. In a list it comes without `proof` and `actions`."""

    id: str
    name: str
    version: str
    environment: str
    status: str
    state: str
    applied_at: datetime | None
    rolled_back_at: datetime | None
    created_at: datetime | None
    updated_at: datetime | None
    error_message: str | None
    dependencies: tuple[str, ...]
    blocked_by: tuple[str, ...]
    reversible: bool
    irreversible: str | None
    checksum: str | None
    applied_checksum: str | None
    format: str
    file: str | None
    job_id: str | None
    undo: str
    reversibility: Reversibility | None
    links: Mapping[str, str]
    proof: ProofDetail | None = None
    actions: tuple[Action, ...] = ()
    target: str | None = None


@document
class MatrixCell(Document):
    environment: str
    state: str
    applied_at: datetime | None
    target: str | None = None


@document
class GraphNode(Document):
    """One migration.

    `dependencies` may name what nothing defines; `dependents` need this one. `cells` in the order of the
    environments; `file` is null where no file defines it any more.
    """

    name: str
    version: str
    file: str | None
    dependencies: tuple[str, ...]
    dependents: tuple[str, ...]
    cells: tuple[MatrixCell, ...]
    links: Mapping[str, str]


@document
class Graph(Document):
    """Nodes in the order they run. With `format`, the same as SVG, as Graphviz's dot, for Mermaid or as text."""

    environments: tuple[str, ...]
    migrations: tuple[GraphNode, ...]
    links: Mapping[str, str]
