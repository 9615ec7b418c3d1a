"""What is sent to register an environment, and what is answered."""

from pydantic import ConfigDict, Field, JsonValue

from app.api.inputs import Input
from app.api.schemas import Links
from app.api.shapes import Answer, Moment


class EnvironmentBody(Input):
    """The keys of a table of liftlock.toml. A command to run before a run stands in the file only."""

    model_config = ConfigDict(openapi_extra={"required": True})  # type: ignore[typeddict-unknown-key]

    url: JsonValue = Field(
        None, description="the address of its database: without a password, `env:NAME` or `file:PATH`"
    )
    targets: JsonValue = Field(
        None, description="instead of `url`: several, each with `name`, `url`, and perhaps `directUrl` and `scope`"
    )
    direct_url: JsonValue = Field(None, description="past a transaction pooler")
    protection: JsonValue = Field(None, description="open, confirm or locked")
    on_drift: JsonValue = Field(None, description="refuse, warn or ignore")
    on_failure: JsonValue = Field(None, description="stop or rollback")
    out_of_order: JsonValue = Field(None, description="refuse, warn or allow")
    consent: JsonValue = Field(None, description="names of hazards")
    max_hold_ms: JsonValue = Field(None, description="how long a step may keep others waiting")
    schema_check: JsonValue = Field(None, description="off, job or step")
    scratch_url: JsonValue = Field(None, description="where migrations are proven")
    require_proof: JsonValue = Field(None, description="whether a run needs proofs")
    requires: JsonValue = Field(None, description="names of environments")
    soak: JsonValue = Field(None, description="how long something must have stood there, such as 24h")
    windows: JsonValue = Field(None, description="`allow`, `deny` and `timezone`")
    sync: JsonValue = Field(None, description="`from` and `every`")
    auto_run: JsonValue = Field(None, description="whether it runs at start")
    lock_timeout_ms: JsonValue = Field(None, description="how long DDL waits for a lock")
    statement_timeout_ms: JsonValue = Field(None, description="how long a statement may run")
    lock_tries: JsonValue = Field(None, description="how often a lock is tried for")
    approvals: JsonValue = Field(None, description="how many others have to approve a job")
    notify: JsonValue = Field(None, description="names of the webhooks that hear of it; all when left out")


class Registration(Answer):
    """`document`: as it was sent."""

    name: str
    document: dict[str, JsonValue]
    version: int
    updated_at: Moment
    updated_by: str
    links: Links
