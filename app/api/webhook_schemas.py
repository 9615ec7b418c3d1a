"""What webhooks and their deliveries look like, and what making one takes."""

from typing import Annotated, Literal

from pydantic import ConfigDict, Field, RootModel, StringConstraints

from app.api.inputs import DEFAULT_PAGE, Input, Limit, PageToken, text_of
from app.api.schemas import Links
from app.api.shapes import Answer, Id, Moment
from app.domain.webhook import DeliveryState, Format, News

MOST_URL_CHARS = 2_000

_ITS_SHAPE = "`whsec_` and 24 to 64 bytes in base64, `env:NAME` or `file:PATH`; one is made when left out"
WebhookName = Annotated[
    str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$"), Field(description="as `notify` names it")
]
Secret = Annotated[str, text_of(1_000), Field(description=_ITS_SHAPE)]
# a test is sent when somebody asks for one, to whomever they ask it of
Wanted = Literal[
    News.JOB_SUCCEEDED,
    News.JOB_FAILED,
    News.JOB_CANCELLED,
    News.JOB_NEEDS_ATTENTION,
    News.JOB_WAITS_FOR_APPROVAL,
    News.CONFLICT_OPENED,
    News.DRIFT_FOUND,
]


class WebhookBody(Input):
    """`url` may be `env:NAME` or `file:PATH`, as `secret`."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "name": "on-call",
                "url": "https://hooks.example.com/liftlock",
                "events": ["job.failed", "job.needs_attention"],
                "environments": ["production"],
            }
        }
    )

    name: WebhookName
    url: Annotated[str, text_of(MOST_URL_CHARS)]
    format: Format = Format.STANDARD
    events: Annotated[list[Wanted], Field(max_length=50, description="all when left out")] = Field(default_factory=list)
    environments: Annotated[
        list[Annotated[str, text_of(200)]], Field(max_length=200, description="all when left out")
    ] = Field(default_factory=list)
    secret: Secret | None = None


class RotateBody(Input):
    model_config = ConfigDict(openapi_extra={"required": False})  # type: ignore[typeddict-unknown-key]

    secret: Secret | None = None


class WebhookPath(Input):
    id: Annotated[str, Field(json_schema_extra={"format": "uuid"})]


class DeliveryPath(Input):
    id: Annotated[str, Field(json_schema_extra={"format": "uuid"})]
    delivery: Annotated[str, Field(json_schema_extra={"format": "uuid"})]


class DeliveriesQuery(Input):
    limit: Limit = DEFAULT_PAGE
    page_token: PageToken | None = None


class Webhook(Answer):
    """`url`: as far as it may be shown. `rotatingUntil`: for so long the secret before signs as well.

    `state` disabled: its receiver has answered 410 Gone.
    """

    id: Id
    name: str
    url: str
    format: Format
    events: list[str]
    environments: list[str]
    state: Literal["enabled", "disabled"]
    rotating_until: Moment | None
    created_at: Moment
    created_by: str
    links: Links


class MadeWebhook(Webhook):
    """`secret` is shown this once; null where it was given by reference, or where the answer is a repeated one."""

    secret: Annotated[str, Field(pattern="^whsec_")] | None


class Webhooks(RootModel[list[Webhook]]):
    """By name."""


class Try(Answer):
    """`status` null: there was no answer, and `error` says why. `answer`: how it began."""

    at: Moment
    duration_ms: int
    status: int | None
    answer: str
    error: str | None


class Delivery(Answer):
    """`messageId` is the `webhook-id` of the message: the same when it is delivered again."""

    id: Id
    message_id: str
    type: News
    state: DeliveryState
    body: str
    tries: list[Try]
    next_try_at: Moment | None
    created_at: Moment
    finished_at: Moment | None
    links: Links


class Deliveries(RootModel[list[Delivery]]):
    """Newest first."""
