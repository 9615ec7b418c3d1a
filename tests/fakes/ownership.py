"""Whose a target in memory is, and an audit trail in a list."""

from datetime import datetime, timedelta

from app.domain.environment import Environment
from app.domain.job import Origin
from app.ports import Clock
from tests.fakes.targets import MemoryTargets


class MemoryOwnership:
    """Implements ports.Ownership."""

    def __init__(self, targets: MemoryTargets, clock: Clock) -> None:
        self._targets = targets
        self._clock = clock

    async def unlock(self, environment: Environment, lasting: timedelta, by: str) -> datetime:
        ledger = self._targets.ledger(environment.name)
        ledger.environment, ledger.protection = environment.name, ledger.protection or environment.protection
        ledger.unlocked_until = self._clock.now() + lasting
        return ledger.unlocked_until

    async def lock(self, environment: Environment, by: str) -> None:
        self._targets.ledger(environment.name).unlocked_until = None

    async def claim(self, environment: Environment, recorded: str) -> bool:
        ledger = self._targets.ledger(environment.name)
        if ledger.environment != recorded or ledger.sticky is not None:
            return False
        ledger.environment, ledger.protection = environment.name, environment.protection
        return True


class MemoryTrail:
    """Implements ports.Trail."""

    def __init__(self) -> None:
        self.rows: list[tuple[str, str, str, str | None]] = []

    async def add(self, origin: Origin, action: str, environment: str, detail: str | None) -> None:
        self.rows.append((origin.principal.id, action, environment, detail))
