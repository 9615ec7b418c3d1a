"""The audit trail in memory."""

from app.domain.audit import AuditRow, Deed
from app.domain.errors import BackendUnavailable
from app.ports import AuditWanted, Clock
from tests.fakes.jobs import concerns


class MemoryTrail:
    """Implements ports.Trail."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.rows: list[AuditRow] = []
        self.unavailable: BackendUnavailable | None = None

    def add(self, deed: Deed) -> None:
        self.rows.append(AuditRow(len(self.rows) + 1, self._clock.now(), deed))

    async def note(self, deed: Deed) -> None:
        if self.unavailable is not None:
            raise self.unavailable
        self.add(deed)

    async def find(self, wanted: AuditWanted) -> tuple[AuditRow, ...]:
        found = [row for row in reversed(self.rows) if _fits(row, wanted)]
        return tuple(found[: wanted.limit])


def _fits(row: AuditRow, wanted: AuditWanted) -> bool:
    who = row.deed.origin.principal
    return (
        (wanted.before is None or row.id < wanted.before)
        and wanted.principal in (None, who.id, who.name)
        and wanted.action in (None, row.deed.action)
        and concerns(wanted.environment, row.deed.environment, with_targets=wanted.with_targets)
        and (wanted.since is None or row.at >= wanted.since)
    )
