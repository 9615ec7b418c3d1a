"""AuditTrail: who asked for what; refused changes are noted too, within a bound."""

import structlog

from app.domain.audit import AuditRow, Deed
from app.domain.errors import BackendUnavailable
from app.domain.rate import Rate, filled, full, taken, wait_s
from app.ports import AuditWanted, Clock, Trail

REFUSALS = Rate(most=120, every_s=0.5)
"""Of one process. More than that is one caller that asks again and again: the first rows say who."""

log = structlog.get_logger()


class AuditTrail:
    def __init__(self, trail: Trail, clock: Clock, rate: Rate = REFUSALS) -> None:
        self._trail, self._clock, self._rate = trail, clock, rate
        self._bucket = full(rate, clock.now())

    async def find(self, wanted: AuditWanted) -> tuple[AuditRow, ...]:
        return await self._trail.find(wanted)

    async def note_refusal(self, deed: Deed) -> None:
        """Never raises for a database that is away: what was refused stays refused, and the log has it."""
        self._bucket = filled(self._bucket, self._rate, self._clock.now())
        if wait_s(self._bucket, self._rate):
            log.warning("audit.refusal_not_noted", action=deed.action, refused=deed.refused, why="too many")
            return
        self._bucket = taken(self._bucket)
        try:
            await self._trail.note(deed)
        except BackendUnavailable as error:
            log.warning("audit.refusal_not_noted", action=deed.action, refused=deed.refused, why=error.detail)
