"""What a path and a query may carry: as `inputs`, which holds what they are made of."""

from typing import Annotated, Literal

from pydantic import Field

from app.api.inputs import (
    CHECK_COUNT,
    CHECK_WAIT,
    COUNT,
    DEFAULT_PAGE,
    NO_NUL,
    WAIT,
    EnvironmentName,
    Input,
    Limit,
    PageToken,
    text_of,
)
from app.domain.conflict import ConflictState
from app.domain.job import JobKind, JobState


class PlanQuery(Input):
    environment: EnvironmentName | None = None


class PlansQuery(Input):
    environment: Annotated[str, text_of(200)] | None = Field(None, description="all of them when left out")
    limit: Limit = DEFAULT_PAGE
    page_token: PageToken | None = None


class PlanPath(Input):
    id: Annotated[str, Field(json_schema_extra={"format": "uuid"})]


class EnvironmentPath(Input):
    environment: Annotated[str, Field(max_length=200, pattern=NO_NUL)]


class PreservedPath(Input):
    environment: Annotated[str, Field(max_length=200, pattern=NO_NUL)]
    id: Annotated[str, Field(json_schema_extra={"format": "uuid"})]


class ConfirmQuery(Input):
    confirm: Annotated[str, text_of(200)] | None = Field(None, description="the name of the environment again")


class EnvironmentsQuery(Input):
    status: Literal["true", "false"] = Field(
        "false", description="`true`: with the three axes, for which every target is asked at once"
    )


class CompareQuery(Input):
    source: Annotated[str, text_of(200)] = Field(alias="from", description="the environment that is the measure")
    target: Annotated[str, text_of(200)] = Field(alias="to", description="the environment that is held against it")
    strict: Literal["true", "false"] = Field(
        "false",
        description="`true`: with what databases of one schema may differ in: owners, grants, versions of collations, "
        "and the rows that PostgreSQL 18 keeps for each NOT NULL",
    )


class SchedulePath(Input):
    name: Annotated[str, Field(max_length=200, pattern=NO_NUL)]


class CountPath(Input):
    n: Annotated[int, COUNT, CHECK_COUNT, Field(description="how many of the newest applied migrations are undone")]


class NamePath(Input):
    name: Annotated[str, Field(max_length=200)]


class JobPath(Input):
    id: Annotated[str, Field(json_schema_extra={"format": "uuid"})]


class ConflictPath(Input):
    id: Annotated[str, Field(json_schema_extra={"format": "uuid"})]


class SlugPath(Input):
    slug: str


class EnvironmentQuery(Input):
    environment: EnvironmentName | None = None


class MigrationsQuery(EnvironmentQuery):
    limit: Limit | None = None
    page_token: PageToken | None = None


class ConflictsQuery(MigrationsQuery):
    environment: Annotated[str, text_of(200)] | None = Field(None, description="all of them when left out")
    state: ConflictState | None = None


class JobsQuery(Input):
    environment: Annotated[str, text_of(200)] | None = Field(None, description="all of them when left out")
    kind: JobKind | None = None
    state: JobState | None = None
    idle: Literal["true", "false"] = Field(
        "false",
        description="`true`: also what a schedule started and what came to nothing; so too where `kind` asks for it",
    )
    limit: Limit = DEFAULT_PAGE
    page_token: PageToken | None = None


class JobQuery(Input):
    wait: Annotated[int, WAIT, CHECK_WAIT] = Field(
        0,
        description="seconds; with If-None-Match until the job changes, else until it has ended",
    )
