"""RollbackService: undo the newest migrations, or all of them."""

from dataclasses import replace

from app.domain.job import JobKind, JobRequest, Origin
from app.ports import KeyClaim
from app.services.fan_out import FanOut
from app.services.submission import Submitted


class RollbackService:
    def __init__(self, fan_out: FanOut) -> None:
        self._fan_out = fan_out

    async def submit(self, request: JobRequest, origin: Origin, idempotency: KeyClaim | None = None) -> Submitted:
        """Undo `request.count` migrations, or everything after `request.to`.

        Raises RollbackTooDeep, Irreversible, NewerDependents, ConfirmationRequired or ConflictsOpen.
        """
        return await self._fan_out.submit(replace(request, kind=JobKind.ROLLBACK), origin, idempotency)

    async def reset(self, request: JobRequest, origin: Origin, idempotency: KeyClaim | None = None) -> Submitted:
        """Undo everything, newest first. Raises EnvironmentProtected unless the protection is `open`."""
        return await self._fan_out.submit(replace(request, kind=JobKind.RESET), origin, idempotency)
