"""What is answered about approvals."""

from pydantic import RootModel

from app.api.schemas import Principal
from app.api.shapes import Answer, Moment


class Vote(Answer):
    """Somebody's word on a job that waits for approval."""

    principal: Principal
    at: Moment
    approved: bool
    note: str | None


class Votes(RootModel[list[Vote]]):
    """Oldest first."""
