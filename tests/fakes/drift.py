"""The last looks at schemas, and files written for somebody: in memory."""

from dataclasses import replace

from app.domain.drift import DriftCheck
from app.domain.errors import FolderNotWritable
from app.ports import Clock


class MemoryDrift:
    """Implements ports.DriftLog."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.checks: dict[str, DriftCheck] = {}

    async def put(self, check: DriftCheck) -> DriftCheck:
        self.checks[check.environment] = replace(check, checked_at=self._clock.now())
        return self.checks[check.environment]

    async def of(self, environment: str) -> DriftCheck | None:
        return self.checks.get(environment)


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
