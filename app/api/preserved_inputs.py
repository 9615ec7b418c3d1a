"""What may be asked of preserved data: as `inputs`, which holds what it is made of."""

from typing import Annotated

from pydantic import ConfigDict, Field

from app.api.inputs import Confirmation, Input, LockTimeout, Note, text_of
from app.domain.job import OnBusy

TableName = Annotated[
    str,
    text_of(200),
    Field(
        description="the new table: `name`, in the schema the rows are from, or `schema.name`; made up when left out"
    ),
]


class RestoreBody(Input):
    """May be left out."""

    model_config = ConfigDict(openapi_extra={"required": False})  # type: ignore[typeddict-unknown-key]

    table: TableName | None = None
    confirm: Confirmation | None = None
    on_busy: OnBusy = Field(
        OnBusy.QUEUE, description="while another job has the target: queue behind it, fail, or join"
    )
    lock_timeout_ms: LockTimeout | None = None
    note: Note | None = None
