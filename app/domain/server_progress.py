"""How far the server is with a statement that takes long, as it says itself."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ServerProgress:
    """`done` of `total` blocks, rows or bytes; `total` 0 where the server does not know it.

    https://www.postgresql.org/docs/current/progress-reporting.html
    """

    command: str
    phase: str
    relation: str | None = None
    done: int = 0
    total: int = 0

    def said(self) -> str:
        """`CREATE INDEX on orders: building index: scanning table, 45 %`"""
        on = f" on {self.relation}" if self.relation else ""
        share = f", {100 * min(self.done, self.total) // self.total} %" if self.total > 0 else ""
        return f"{self.command}{on}: {self.phase}{share}"
