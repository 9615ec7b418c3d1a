"""Targets that only answer questions."""

from contextlib import AbstractAsyncContextManager

from app.domain.environment import Environment
from app.domain.errors import BackendUnavailable
from app.domain.job import Attempt
from app.domain.ledger import History, LedgerEntry
from app.ports import TargetSession, TargetView


class ReadOnlyTargets:
    """Implements the reading half of ports.Targets. `entries` is the ledger of every environment."""

    def __init__(self, *entries: LedgerEntry) -> None:
        self.entries = entries
        self.unavailable: BackendUnavailable | None = None

    def open(self, environment: Environment, attempt: Attempt) -> AbstractAsyncContextManager[TargetSession]:
        raise NotImplementedError(f"nothing runs in {environment.name} for {attempt.job_id}")

    async def read(self, _environment: Environment) -> TargetView:
        if self.unavailable is not None:
            raise self.unavailable
        return TargetView(History.of(self.entries))
