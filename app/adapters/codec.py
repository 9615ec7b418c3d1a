"""Domain values as JSON columns, both ways; pydantic reads the dataclasses as they are."""

from typing import TypeVar

from pydantic import TypeAdapter

from app.domain.announced import NothingDone
from app.domain.failure import Failure
from app.domain.job import Ended, JobRequest, StepRecord
from app.domain.locks import LockSample
from app.domain.pinned import Pinned
from app.domain.planned import StoredPlan

T = TypeVar("T")

FAILURE: TypeAdapter[Failure] = TypeAdapter(Failure)
REQUEST: TypeAdapter[JobRequest] = TypeAdapter(JobRequest)
NOTHING_DONE: TypeAdapter[NothingDone] = TypeAdapter(NothingDone)
STEPS: TypeAdapter[tuple[StepRecord, ...]] = TypeAdapter(tuple[StepRecord, ...])
ENDED: TypeAdapter[Ended] = TypeAdapter(Ended)
SAMPLE: TypeAdapter[LockSample] = TypeAdapter(LockSample)
PINNED: TypeAdapter[Pinned] = TypeAdapter(Pinned)
STORED_PLAN: TypeAdapter[StoredPlan] = TypeAdapter(StoredPlan)


def to_json(adapter: TypeAdapter[T], value: T) -> str:
    return adapter.dump_json(value).decode()


def from_json(adapter: TypeAdapter[T], text: str) -> T:
    return adapter.validate_json(text)


def optional_json(adapter: TypeAdapter[T], value: T | None) -> str | None:
    return None if value is None else to_json(adapter, value)
