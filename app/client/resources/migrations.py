"""`client.migrations`: where every migration stands, and the calls that move them."""

from collections.abc import Iterator, Sequence
from typing import Unpack

from app.client.documents.events import HistoryEntry
from app.client.documents.jobs import Job
from app.client.documents.migrations import Graph, Migration
from app.client.options import Change, Queued, RollbackOptions, RunOptions
from app.client.resources.asking import Resource, part


class Migrations(Resource):
    """Without an environment, the service's default is meant. Changes answer the job; `client.wait` is for its end."""

    def list(self, environment: str | None = None) -> list[Migration]:
        return self._list(Migration, "/migrations", environment=environment)

    def get(self, name: str, environment: str | None = None) -> Migration:
        return self._one(Migration, "GET", f"/migrations/{part(name)}", params={"environment": environment})

    def run(self, environment: str | None = None, **options: Unpack[RunOptions]) -> Job:
        return self._change("POST", "/migrations/run", {"environment": environment, **options})

    def rollback(
        self, environment: str | None = None, count: int | None = None, **options: Unpack[RollbackOptions]
    ) -> Job:
        """The newest migration, the newest `count`, or with `to` everything applied after that one."""
        path = "/migrations/rollback" if count is None else f"/migrations/rollback/{count}"
        return self._change("POST", path, {"environment": environment, **options})

    def reset(self, environment: str | None = None, *, preserve: bool = True, **options: Unpack[Change]) -> Job:
        """Undo everything; `preserve`: keep the rows that go."""
        return self._change(
            "DELETE", "/migrations/reset", {"environment": environment, "preserve": preserve, **options}
        )

    def mark(
        self,
        mark_as: str,
        names: Sequence[str] = (),
        environment: str | None = None,
        to: str | None = None,
        **options: Unpack[Queued],
    ) -> Job:
        """Record as `applied` or `rolled_back` without running; `baseline`: everything up to and with `to`."""
        given = {"as": mark_as, "names": names or None, "environment": environment, "to": to, **options}
        return self._change("POST", "/migrations/mark", given)

    def verify(
        self, environment: str | None = None, names: Sequence[str] = (), note: str | None = None, prefer_wait_s: int = 0
    ) -> Job:
        """Prove on a scratch database that migrations can be taken back: `names`, or all that are pending."""
        given = {"environment": environment, "names": names or None, "note": note, "prefer_wait_s": prefer_wait_s}
        return self._change("POST", "/migrations/verify", given)

    def graph(self, environment: str | None = None) -> Graph:
        return self._one(Graph, "GET", "/migrations/graph", params={"environment": environment})

    def history(
        self, environment: str | None = None, migration: str | None = None, limit: int | None = None
    ) -> Iterator[HistoryEntry]:
        """What was done with migrations and what was asked for, newest first, page by page; in all when left out."""
        return self._all(HistoryEntry, "/history", environment=environment, migration=migration, limit=limit)

    def picture(self, drawn: str = "text", environment: str | None = None) -> str:
        """The graph as `svg`, `dot`, `mermaid` or `text`."""
        return self._text("/migrations/graph", format=drawn, environment=environment)
