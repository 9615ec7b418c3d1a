"""What a body may carry, as the types that validate it and that `/openapi.json` is made of."""

from datetime import datetime
from enum import StrEnum
from functools import partial
from typing import Annotated, Any
from uuid import UUID

from pydantic import BeforeValidator, ConfigDict, Field, StrictBool, StringConstraints, field_validator
from pydantic.alias_generators import to_camel
from pydantic_core import PydanticCustomError

from app.api.shapes import Described
from app.api.waiting import LONGEST_WAIT_S
from app.domain.environment import OnDrift, OnFailure
from app.domain.hazards import HazardCode, code_of, unknown_code
from app.domain.job import OnBusy, OutsideWindows
from app.domain.settling import MarkAs, Resolution
from app.domain.step import Atomicity

MOST_ROLLBACKS = 10_000
MOST_ON_A_PAGE = 500
DEFAULT_PAGE = 50
LONGEST_LOCK_TIMEOUT_MS = 600_000
MAX_NOTE_CHARS = 1000
MOST_NAMES = 10_000
MOST_HAZARDS = 100
MAX_CODE_CHARS = 100

# PostgreSQL's text holds everything but NUL
NO_NUL = r"^[^\x00]*$"


def _in_range(least: int, most: int, value: Any) -> int:
    """A JSON number, or a parameter's text; `05` and `5.0` are neither."""
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) <= 10:
        value = int(value) if str(int(value)) == value else None
    if type(value) is not int or not least <= value <= most:
        raise PydanticCustomError(
            "out_of_range", "takes a whole number from {least} to {most}", {"least": least, "most": most}
        )
    return value


def read_moment(value: Any) -> datetime:
    """RFC 3339, with its zone."""
    try:
        moment = datetime.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise PydanticCustomError("not_a_moment", "takes a moment as RFC 3339 writes it: 2027-01-31T08:00:00Z")
    return moment


def _number(least: int, most: int) -> tuple[BeforeValidator, Any]:
    return BeforeValidator(partial(_in_range, least, most)), Field(ge=least, le=most)


def _no_text(value: Any) -> Any:
    """In a body a number is a number: `"5"` is not one."""
    return None if isinstance(value, str) else value


def text_of(most: int, least: int = 1) -> StringConstraints:
    return StringConstraints(min_length=least, max_length=most, pattern=NO_NUL, strict=True)


CHECK_COUNT, COUNT = _number(1, MOST_ROLLBACKS)
_CHECK_LIMIT, _LIMIT = _number(1, MOST_ON_A_PAGE)
CHECK_WAIT, WAIT = _number(0, LONGEST_WAIT_S)
_CHECK_LOCK_TIMEOUT, _LOCK_TIMEOUT = _number(1, LONGEST_LOCK_TIMEOUT_MS)

EnvironmentName = Annotated[str, text_of(200), Field(description="the configured default when left out")]
Confirmation = Annotated[
    str, text_of(200), Field(description="the environment's name again, where its protection asks for it")
]
NameOrVersion = Annotated[str, text_of(200), Field(description="the name or the version of a migration")]
Note = Annotated[str, text_of(MAX_NOTE_CHARS, 0), Field(description="why, for whoever reads the job later")]
LockTimeout = Annotated[
    int,
    _LOCK_TIMEOUT,
    _CHECK_LOCK_TIMEOUT,
    BeforeValidator(_no_text),
    Field(description="how long a step waits for a lock before it is rolled back and tried again"),
]
Limit = Annotated[int, _LIMIT, _CHECK_LIMIT, Field(description="how many on a page")]
PageToken = Annotated[str, text_of(500), Field(description='from the `Link: …; rel="next"` of the page before')]


def _code(value: Any) -> HazardCode:
    code = code_of(value) if isinstance(value, str) else None
    if code is None:
        said = unknown_code(value[:MAX_CODE_CHARS]) if isinstance(value, str) else "takes the name of a hazard"
        raise PydanticCustomError("unknown_hazard", "names no hazard: {said}", {"said": said})
    return code


def _id(value: Any) -> UUID:
    try:
        return UUID(value if isinstance(value, str) else "")
    except ValueError:
        raise PydanticCustomError("not_an_id", "takes the id of a plan, a UUID") from None


AllowHazards = Annotated[
    list[Annotated[HazardCode, BeforeValidator(_code)]],
    Field(max_length=MOST_HAZARDS, description="hazards that may be taken, by name; each has a page at /problems"),
]
DryRun = Annotated[StrictBool, Field(description="answer the plan, and run nothing")]
PlanId = Annotated[UUID, BeforeValidator(_id), Field(description="run this plan, or nothing when anything has moved")]


class Input(Described):
    """Unknown fields are refused: a misspelt one would otherwise be ignored without a word."""

    model_config = ConfigDict(alias_generator=to_camel, extra="forbid", frozen=True)


class Nothing(Input):
    """No parameters at all."""


class ChangeQuery(Input):
    environment: EnvironmentName | None = None
    confirm: Confirmation | None = None


class ChangeBody(Input):
    """What every change takes; all of it may be left out, and the body with it."""

    model_config = ConfigDict(openapi_extra={"required": False})  # type: ignore[typeddict-unknown-key]

    environment: EnvironmentName | None = None
    dry_run: DryRun = False
    confirm: Confirmation | None = None
    on_busy: OnBusy = Field(
        OnBusy.QUEUE,
        description="while another job has the target: queue behind it, fail, or join the open job of the same kind",
    )
    lock_timeout_ms: LockTimeout | None = None
    note: Note | None = None
    allow_hazards: AllowHazards = Field([], description="hazards that may be taken, by name; each has a page")


class RunBody(ChangeBody):
    plan_id: PlanId | None = None
    to: NameOrVersion | None = Field(None, description="run up to and with this migration; everything when left out")
    atomic: Atomicity = Field(
        Atomicity.MIGRATION, description="what commits together: each migration, or the whole run"
    )
    on_drift: OnDrift | None = Field(
        None, description="what becomes of the run when the schema has drifted; by environment when left out"
    )
    on_failure: OnFailure | None = Field(
        None, description="what becomes of the steps before the failed one; by environment when left out"
    )
    outside_window: OutsideWindows = Field(
        OutsideWindows.REFUSE,
        description="while the environment may not be changed: refuse, or queue the run until it may",
    )


class SyncBody(Input):
    """What an environment is to take over from another; all of it may be left out, and the body with it."""

    model_config = ConfigDict(openapi_extra={"required": False})  # type: ignore[typeddict-unknown-key]

    source: Annotated[
        Annotated[str, text_of(200)] | None,
        Field(alias="from", description="whose completed migrations; as the configuration says when left out"),
    ] = None
    dry_run: DryRun = False
    to: NameOrVersion | None = Field(None, description="up to and with this migration; everything when left out")
    on_busy: OnBusy = Field(
        OnBusy.QUEUE, description="while another job has the target: queue behind it, fail, or join an open sync"
    )
    on_drift: OnDrift | None = Field(None, description="as of a run")
    on_failure: OnFailure | None = Field(None, description="as of a run")
    outside_window: OutsideWindows = Field(OutsideWindows.REFUSE, description="as of a run")
    lock_timeout_ms: LockTimeout | None = None
    note: Note | None = None
    allow_hazards: AllowHazards = Field([], description="hazards that may be taken, by name; each has a page")


class RollbackBody(ChangeBody):
    plan_id: PlanId | None = None
    to: NameOrVersion | None = Field(None, description="undo everything applied after this migration, which stays")


class CountedRollbackBody(ChangeBody):
    """With `n` in the path."""


class ResetBody(ChangeBody):
    """Reset undoes everything: it takes no `to`."""

    preserve: Annotated[StrictBool, Field(description="keep the rows that go, for the next run; or none")] = True


class PlanKind(StrEnum):
    RUN = "run"
    ROLLBACK = "rollback"
    RESET = "reset"
    SYNC = "sync"


class PlanBody(Input):
    """What would be run, and what consent is given for it."""

    model_config = ConfigDict(openapi_extra={"required": False})  # type: ignore[typeddict-unknown-key]

    environment: EnvironmentName | None = None
    kind: PlanKind = Field(PlanKind.RUN, description="what the plan is for")
    to: NameOrVersion | None = Field(
        None, description="run up to and with this migration; or undo everything applied after it"
    )
    count: Annotated[int, COUNT, CHECK_COUNT, BeforeValidator(_no_text)] | None = Field(
        None, description="of a rollback: how many of the newest applied migrations are undone"
    )
    atomic: Atomicity = Field(Atomicity.MIGRATION, description="of a run: what commits together")
    source: Annotated[
        Annotated[str, text_of(200)] | None,
        Field(alias="from", description="of a sync: whose completed migrations"),
    ] = None
    allow_hazards: AllowHazards = Field([], description="hazards that may be taken, by name; each has a page")


class MarkBody(Input):
    """What is recorded, not run."""

    mark_as: Annotated[
        MarkAs,
        Field(alias="as", description="what the ledger will say of them; `baseline`: its history starts with them"),
    ]
    names: list[Annotated[str, text_of(200)]] = Field(
        [], max_length=MOST_NAMES, description="of migrations; a baseline takes all of them, or up to `to`"
    )
    to: NameOrVersion | None = Field(None, description="of a baseline: up to and with this migration")
    environment: EnvironmentName | None = None
    note: Note | None = None
    on_busy: OnBusy = Field(
        OnBusy.QUEUE, description="while another job has the target: queue behind it, fail, or join"
    )


class ResolveBody(Input):
    resolution: Annotated[
        str,
        text_of(100),
        Field(description="one of the conflict's `remedies` that has a `command`", examples=list(Resolution)),
    ]
    note: Note | None = None
    migration: NameOrVersion | None = Field(None, description="which one, where the conflict is about several")
    until: datetime | None = Field(None, description="for `ignore_until`: a moment to come, with its time zone")

    @field_validator("until", mode="before")
    @classmethod
    def _with_zone(cls, value: Any) -> Any:
        return value if value is None else read_moment(value)


class ScanBody(Input):
    """May be left out."""

    model_config = ConfigDict(openapi_extra={"required": False})  # type: ignore[typeddict-unknown-key]

    note: Note | None = None


class ScheduleBody(Input):
    """May be left out."""

    model_config = ConfigDict(openapi_extra={"required": False})  # type: ignore[typeddict-unknown-key]

    note: Note | None = None


class ConfirmedBody(Input):
    """A name, typed again to say that it is meant."""

    model_config = ConfigDict(openapi_extra={"required": False})  # type: ignore[typeddict-unknown-key]

    confirm: Annotated[str, text_of(200)] | None = Field(None, description="the name that the refusal asks for")
    note: Note | None = None


class VoteBody(Input):
    """May be left out."""

    model_config = ConfigDict(openapi_extra={"required": False})  # type: ignore[typeddict-unknown-key]

    note: Note | None = None


class NoBody(Input):
    """No fields at all; the body may be left out."""

    model_config = ConfigDict(openapi_extra={"required": False})  # type: ignore[typeddict-unknown-key]
