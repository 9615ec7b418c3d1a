"""`client.plans`: what would be run, with its locks and hazards."""

from collections.abc import Iterator, Sequence

from app.client.documents.plans import Plan, PlanSummary
from app.client.resources.asking import Resource, part


class Plans(Resource):
    def make(
        self,
        environment: str | None = None,
        kind: str | None = None,
        to: str | None = None,
        count: int | None = None,
        atomic: str | None = None,
        source: str | None = None,
        allow_hazards: Sequence[str] = (),
    ) -> Plan:
        """`kind`: run, rollback, reset or sync, which takes over from `source`; `count` is for a rollback."""
        given = {
            "environment": environment,
            "kind": kind,
            "to": to,
            "count": count,
            "atomic": atomic,
            "from": source,
            "allow_hazards": allow_hazards or None,
        }
        return self._one(Plan, "POST", "/migrations/plan", body=given)

    def list(self, environment: str | None = None, limit: int | None = None) -> Iterator[PlanSummary]:
        """Newest first, page by page; `limit` is the size of a page."""
        return self._all(PlanSummary, "/plans", environment=environment, limit=limit)

    def get(self, plan_id: str) -> Plan:
        return self._one(Plan, "GET", f"/plans/{part(plan_id)}")

    def sql(self, plan_id: str) -> str:
        """Every step's text, byte for byte as it would be sent."""
        return self._text(f"/plans/{part(plan_id)}/sql")
