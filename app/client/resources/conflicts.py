"""`client.conflicts`: what two runs, two files, or a file and a database disagree about."""

from datetime import datetime

from app.client.documents.conflicts import Conflict
from app.client.documents.jobs import Job
from app.client.reading import read
from app.client.resources.asking import Resource, part
from app.client.transport import Asked


class Conflicts(Resource):
    def list(
        self, environment: str | None = None, state: str | None = None, limit: int | None = None
    ) -> list[Conflict]:
        """Newest first; `state`: open, resolved or expired."""
        return self._list(Conflict, "/migrations/conflicts", environment=environment, state=state, limit=limit)

    def get(self, conflict_id: str) -> Conflict:
        return self._one(Conflict, "GET", _at(conflict_id))

    def resolve(
        self,
        conflict_id: str,
        resolution: str,
        note: str | None = None,
        migration: str | None = None,
        until: datetime | None = None,
    ) -> Conflict | Job:
        """The closed record, or the job that does what is to be done. `until` is for `ignore_until`."""
        given = {"resolution": resolution, "note": note, "migration": migration, "until": until}
        answer = self._transport.json(Asked("POST", f"{_at(conflict_id)}/resolve", body=given))
        return read(Job, answer) if "steps" in answer else read(Conflict, answer)


def _at(conflict_id: str) -> str:
    return f"/migrations/conflicts/{part(conflict_id)}"
