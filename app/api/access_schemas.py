"""What tokens and the audit trail look like, and what making a token takes."""

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, ConfigDict, Field, RootModel, StringConstraints

from app.api.inputs import DEFAULT_PAGE, NO_NUL, Input, Limit, PageToken, read_moment, text_of
from app.api.schemas import Links, Principal
from app.api.shapes import Answer, Id, Moment
from app.domain.access import Auth, Role, TokenState

MOST_SCOPES = 200

TokenName = Annotated[
    str,
    StringConstraints(min_length=1, max_length=100, pattern=r"^[^\x00-\x1f\x7f]*[^\x00-\x20\x7f][^\x00-\x1f\x7f]*$"),
    Field(description="who or what it is for; one token at a time has it"),
]
Future = Annotated[
    datetime,
    BeforeValidator(read_moment),
    Field(description="until when it is good; for ever when left out"),
]


class TokenBody(Input):
    """`role`, for all environments or those in `environments`; or `scopes`."""

    model_config = ConfigDict(
        json_schema_extra={"example": {"name": "deploy staging", "role": "operator", "environments": ["staging"]}}
    )

    name: TokenName
    role: Role | None = None
    environments: Annotated[list[Annotated[str, text_of(200)]], Field(max_length=MOST_SCOPES)] = Field(
        default_factory=list
    )
    scopes: Annotated[list[Annotated[str, text_of(300)]], Field(max_length=MOST_SCOPES)] = Field(default_factory=list)
    expires_at: Future | None = None


class TokenPath(Input):
    id: Annotated[str, Field(json_schema_extra={"format": "uuid"})]


class TokensQuery(Input):
    limit: Limit = DEFAULT_PAGE
    page_token: PageToken | None = None


class AuditQuery(Input):
    principal: Annotated[str, text_of(200)] | None = Field(None, description="the id or the name of a token")
    action: Annotated[str, text_of(100)] | None = Field(None, description="such as `migrations.run`")
    environment: Annotated[str, text_of(200)] | None = Field(None, description="all of them when left out")
    since: Annotated[datetime, BeforeValidator(read_moment)] | None = Field(None, description="a moment of RFC 3339")
    limit: Limit = DEFAULT_PAGE
    page_token: PageToken | None = None


class Token(Answer):
    """A token without its secret, which nobody can ask for. `lastUsedAt` is kept once a minute."""

    id: Id
    name: str
    role: Role | None
    scopes: list[str]
    state: TokenState
    created_at: Moment
    created_by: str
    expires_at: Moment | None
    last_used_at: Moment | None
    last_used_from: str | None
    revoked_at: Moment | None
    revoked_by: str | None
    links: Links


class MadeToken(Token):
    """`token` is shown this once; null where the answer is a repeated one."""

    token: Annotated[str, Field(pattern="^ll_[0-9a-f]{32}_[0-9a-f]{64}$")] | None


class Tokens(RootModel[list[Token]]):
    """Newest first, with those that were revoked or have expired."""


class WhoAmI(Answer):
    """Who asks, and what it may do here. `auth` off: nobody is asked, and everybody may do everything."""

    auth: Auth
    principal: Principal
    role: Role | None
    scopes: list[str]
    expires_at: Moment | None
    read_only: bool


class AuditRow(Answer):
    """What somebody asked for. `refused` is the kind of problem it was answered with; null where it was accepted."""

    id: Annotated[str, Field(pattern=NO_NUL)]
    at: Moment
    principal: Principal
    request_id: str | None
    action: str
    environment: str | None
    subject: str | None
    outcome: Literal["accepted", "refused"]
    refused: str | None
    detail: dict[str, Any]
    links: dict[str, str]


class AuditRows(RootModel[list[AuditRow]]):
    """Newest first."""
