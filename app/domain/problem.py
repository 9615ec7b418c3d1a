"""One thing that is wrong with a request, a file or a history, and where."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Problem:
    """`code` is stable and for programs; `message` says what is true, then what to do.

    `pointer` is a JSON pointer into the request body, `parameter` the name of one in path, query or headers;
    `line` and `column` are 1-based places in `file`.
    """

    code: str
    message: str
    migration: str | None = None
    file: str | None = None
    line: int | None = None
    column: int | None = None
    pointer: str | None = None
    parameter: str | None = None

    @property
    def place(self) -> str:
        """`file:line:column` as far as it is known, for a log line or a terminal."""
        parts = [self.file, self.line, self.column]
        return ":".join(str(part) for part in parts if part is not None)
