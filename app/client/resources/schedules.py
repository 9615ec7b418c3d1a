"""`client.schedules`: what runs by itself."""

from app.client.documents.jobs import Job
from app.client.documents.schedules import Schedule
from app.client.resources.asking import Resource, part


class Schedules(Resource):
    def list(self) -> list[Schedule]:
        return self._list(Schedule, "/schedules")

    def get(self, name: str) -> Schedule:
        return self._one(Schedule, "GET", _at(name))

    def pause(self, name: str, note: str | None = None) -> Schedule:
        return self._one(Schedule, "POST", f"{_at(name)}/pause", body={"note": note})

    def resume(self, name: str, note: str | None = None) -> Schedule:
        return self._one(Schedule, "POST", f"{_at(name)}/resume", body={"note": note})

    def run(self, name: str, note: str | None = None) -> Job:
        """Now, paused or not."""
        return self._change("POST", f"{_at(name)}/run", {"note": note})


def _at(name: str) -> str:
    return f"/schedules/{part(name)}"
