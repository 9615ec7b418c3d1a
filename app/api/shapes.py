"""What all answers are made of."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

Id = Annotated[str, Field(json_schema_extra={"format": "uuid"}, examples=["019b7ca9-8f2e-7000-8000-010000000000"])]
Moment = Annotated[
    str,
    Field(
        pattern=r"^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d{6}Z$",
        json_schema_extra={"format": "date-time"},
        examples=["2026-01-02T03:04:05.678901Z"],
    ),
]
Href = Annotated[str, Field(pattern="^/", examples=["/jobs/019b7ca9-8f2e-7000-8000-010000000000"])]


class Answer(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel, extra="forbid")


class JobChild(Answer):
    """What a job over several targets does in one of them. `id` is null, and the state `pending`, before its turn."""

    environment: str
    id: Id | None
    state: str
    reason: str | None
    message: str | None
    links: dict[str, Href]
