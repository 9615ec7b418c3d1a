"""`client.preserved`: rows that steps would have destroyed, and how to have them back."""

from typing import Unpack

from app.client.documents.jobs import Job
from app.client.documents.preserved import Preserved as PreservedSet
from app.client.options import Queued
from app.client.resources.asking import Resource, part


class Preserved(Resource):
    def list(self, environment: str) -> list[PreservedSet]:
        """Newest first."""
        return self._list(PreservedSet, f"/environments/{part(environment)}/preserved")

    def restore(
        self,
        environment: str,
        set_id: str,
        table: str | None = None,
        confirm: str | None = None,
        **options: Unpack[Queued],
    ) -> Job:
        """Put the rows into a table of their own; the set stays kept."""
        path = f"/environments/{part(environment)}/preserved/{part(set_id)}/restore"
        return self._change("POST", path, {"table": table, "confirm": confirm, **options})
