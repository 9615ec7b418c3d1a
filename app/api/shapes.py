"""What all answers are made of."""

from functools import cache
from typing import Annotated, Any

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


class Described(BaseModel):
    """What it looks like is asked for by every address that takes or answers it, and worked out once."""

    @classmethod
    def model_json_schema(cls, *args: Any, **kwargs: Any) -> dict[str, Any]:
        return _worked_out(cls, args, tuple(kwargs.items()))


@cache
def _worked_out(model: type[Described], args: tuple[Any, ...], named: tuple[tuple[str, Any], ...]) -> dict[str, Any]:
    return super(Described, model).model_json_schema(*args, **dict(named))


class Answer(Described):
    model_config = ConfigDict(alias_generator=to_camel, extra="forbid")


class JobChild(Answer):
    """What a job over several targets does in one of them. `id` is null, and the state `pending`, before its turn."""

    environment: str
    id: Id | None
    state: str
    reason: str | None
    message: str | None
    links: dict[str, Href]
