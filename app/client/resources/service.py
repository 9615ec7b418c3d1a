"""`client.service`: whether it lives, what it needs, what it is."""

import re
from collections.abc import Mapping
from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import Any

from app.client.documents.service import ProblemPage, Readiness, Version
from app.client.problems import ApiProblem
from app.client.reading import read
from app.client.resources.asking import Resource, part
from app.client.transport import Asked

_ALIVE = re.compile(r'^liftlock_processes_alive\{kind="(\w+)"\} (\S+)$', re.MULTILINE)
_OVERDUE = re.compile(r"^liftlock_schedule_overdue_seconds (\S+)$", re.MULTILINE)


class Service(Resource):
    def alive(self) -> bool:
        return bool(self._transport.json(Asked("GET", "/health/live"))["status"] == "alive")

    def ready(self) -> Readiness:
        """Also where it is not: `status` and `checks` say what is missing."""
        try:
            return self._one(Readiness, "GET", "/health/ready")
        except ApiProblem as problem:
            if "checks" not in problem.raw:
                raise
            return read(Readiness, problem.raw)

    def clock(self) -> datetime | None:
        """The service's own time, to the second."""
        said = self._transport.send(Asked("GET", "/version")).headers.get("Date")
        return None if said is None else parsedate_to_datetime(said)

    def version(self) -> Version:
        return self._one(Version, "GET", "/version")

    def processes(self) -> Mapping[str, int]:
        """How many of each kind (`api`, `worker`) have said within 30 s that they live: what `/metrics` counts."""
        return {kind: int(float(count)) for kind, count in _ALIVE.findall(self._text("/metrics"))}

    def overdue_s(self) -> float:
        """For how long what runs by itself has been due and has not begun; 0 of an older service, which is silent."""
        found = _OVERDUE.search(self._text("/metrics"))
        return 0.0 if found is None else float(found[1])

    def openapi(self) -> Any:
        """The API as OpenAPI 3.1."""
        return self._transport.json(Asked("GET", "/openapi.json"))

    def problems(self) -> list[ProblemPage]:
        """Every kind of problem, and every hazard, explained."""
        return self._list(ProblemPage, "/problems")

    def problem(self, slug: str) -> ProblemPage:
        return self._one(ProblemPage, "GET", f"/problems/{part(slug)}")
