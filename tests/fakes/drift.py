"""Schemas that a test says, the last looks at them, and files written for somebody: in memory."""

from dataclasses import replace

from app.domain.drift import DriftCheck, Sight
from app.domain.environment import Environment
from app.domain.errors import BackendUnavailable, FolderNotWritable
from app.domain.schema import EMPTY, Snapshot
from app.ports import Clock


class LiteralSchemas:
    """Implements ports.Schemas: `sights` by environment; nothing is there where none is given."""

    def __init__(self) -> None:
        self.sights: dict[str, Sight] = {}
        self.unavailable: BackendUnavailable | None = None

    async def read(self, environment: Environment) -> Snapshot:
        return (await self.sight(environment)).live

    async def sight(self, environment: Environment) -> Sight:
        if self.unavailable is not None:
            raise self.unavailable
        return self.sights.get(environment.name, Sight(EMPTY))


class MemoryDrift:
    """Implements ports.DriftLog."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._checks: dict[str, DriftCheck] = {}

    async def put(self, check: DriftCheck) -> DriftCheck:
        self._checks[check.environment] = replace(check, checked_at=self._clock.now())
        return self._checks[check.environment]

    async def of(self, environment: str) -> DriftCheck | None:
        return self._checks.get(environment)


class MemoryDrafts:
    """Implements ports.Drafts."""

    def __init__(self) -> None:
        self.files: dict[str, str] = {}

    async def add(self, file: str, text: str) -> None:
        if file in self.files:
            raise FolderNotWritable(f"{file} is there already", facts={"file": file, "text": text})
        self.files[file] = text

    async def remove(self, file: str) -> None:
        self.files.pop(file, None)
