"""A doorbell that remembers who it was rung for."""

from app.domain.job import JobId


class RecordingDoorbell:
    """Implements ports.Doorbell. With `reachable` False, nobody hears it."""

    def __init__(self) -> None:
        self.rung: list[JobId] = []
        self.reachable = True

    async def ring(self, job_id: JobId) -> bool:
        if self.reachable:
            self.rung.append(job_id)
        return self.reachable
