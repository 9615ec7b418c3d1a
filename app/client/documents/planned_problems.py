"""Why what is planned could not be run, or could not be planned."""

from app.client.reading import Document, document


@document
class FoundProblem(Document):
    """One of several; what is not known of its place is left out."""

    code: str
    message: str
    pointer: str = ""
    parameter: str = ""
    migration: str = ""
    file: str = ""
    line: int = 0
    column: int = 0


@document
class PlannedProblem(Document):
    """The problem that a run would be answered with; its facts are further members."""

    type: str
    title: str
    status: int
    detail: str
    next_steps: tuple[str, ...]
    problems: tuple[FoundProblem, ...]


@document
class TargetWithoutPlan(Document):
    """One of several that could not be looked at, and why."""

    environment: str
    problem: PlannedProblem
