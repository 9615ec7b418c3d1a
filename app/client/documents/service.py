"""The service itself."""

from app.client.reading import Document, document


@document
class Check(Document):
    name: str
    ok: bool
    needed: bool
    detail: str


@document
class Readiness(Document):
    """`degraded` still takes requests; `unready` does not."""

    status: str
    checks: tuple[Check, ...]


@document
class Version(Document):
    name: str
    version: str
    python: str


@document
class ProblemPage(Document):
    """What a problem means, why it happens and what to do about it."""

    type: str
    title: str
    status: int | None
    means: str
    why: str
    what_to_do: str
