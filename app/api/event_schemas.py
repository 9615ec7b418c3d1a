"""What the questions and answers about events and logs look like."""

from typing import Annotated, Any

from pydantic import BeforeValidator, Field, RootModel
from pydantic_core import PydanticCustomError

from app.api.inputs import MOST_ON_A_PAGE, Input, Limit, text_of
from app.api.lock_schemas import LockSample
from app.api.schemas import Failure, Step
from app.api.shapes import Answer, Href, Id, Moment

MOST_ID = 2**63 - 1
MOST_TAIL = 10_000
DEFAULT_TOPICS = "jobs,conflicts,schedules"


def _whole(most: int, least: int, value: Any) -> int:
    """Digits of a query: they come as text."""
    number = int(value) if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 20 else -1
    if not least <= number <= most:
        raise PydanticCustomError(
            "out_of_range", "takes a whole number from {least} to {most}", {"least": least, "most": most}
        )
    return number


After = Annotated[
    int,
    BeforeValidator(lambda value: _whole(MOST_ID, 0, value)),
    Field(ge=0, le=MOST_ID, description="the id of the last event that the caller has"),
]
Tail = Annotated[
    int,
    BeforeValidator(lambda value: _whole(MOST_TAIL, 1, value)),
    Field(ge=1, le=MOST_TAIL, description="only so many of the last lines"),
]


class EventsQuery(Input):
    topics: Annotated[str, text_of(5000)] = Field(
        DEFAULT_TOPICS,
        description="any of `jobs`, `conflicts`, `schedules`, `job:ID`, `environment:NAME`, with commas between them",
    )


class JobEventsQuery(Input):
    after: After | None = None
    limit: Limit = MOST_ON_A_PAGE


class LogQuery(Input):
    tail: Tail | None = None


class Event(Answer):
    """What has happened. `said` is one line of it for people; the rest is there where the type of the event has it."""

    id: Annotated[str, Field(pattern="^[0-9]+$")]
    at: Moment
    topic: str
    type: Annotated[str, Field(pattern=r"^[a-z]+\.[a-z_]+$")]
    said: str
    job_id: Id | None
    environment: str | None
    subject: str | None
    kind: str | None
    state: str | None
    reason: str | None
    message: str | None
    attempt: int | None
    by: str | None
    step: Step | None
    lock: LockSample | None
    error: Failure | None
    links: dict[str, Href]


class Events(RootModel[list[Event]]):
    """Oldest first."""


_TEXT = {"schema": {"type": "string"}}
SSE: dict[str, Any] = {
    "description": "server-sent events; the data of each is an event as JSON",
    "content": {"text/event-stream": _TEXT},
}
LOG: dict[str, Any] = {"description": "a line an event", "content": {"text/plain": _TEXT}}
