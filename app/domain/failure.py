"""What failed: where, with which SQLSTATE, what it left behind, whether to retry, what to type."""

from dataclasses import dataclass, replace
from enum import StrEnum

MOST_CHARS = 10_000
"""Of anything that is said of a failure."""


class FailureCode(StrEnum):
    """The reason of a failed job, as programs read it (the HTTP contract lists them)."""

    SQL_ERROR = "sql_error"
    PYTHON_ERROR = "python_error"
    LOCK_TIMEOUT = "lock_timeout"
    STATEMENT_TIMEOUT = "statement_timeout"
    VERIFY_FAILED = "verify_failed"
    TRANSACTION_ENDED = "transaction_ended"
    UNCERTAIN = "uncertain"
    CRASHED = "crashed"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Failure:
    """The four answers of a failed job: what failed, what was left, may it be retried, what to type.

    `line` and `column` are 1-based, in characters. `caret` is two lines of text: the source line and
    a caret under the column.
    """

    code: FailureCode
    message: str
    migration: str | None = None
    direction: str | None = None
    sqlstate: str | None = None
    detail: str | None = None
    hint: str | None = None
    file: str | None = None
    line: int | None = None
    column: int | None = None
    statement: str | None = None
    caret: str | None = None
    context: str | None = None
    left_behind: str = "nothing: the step was rolled back by its transaction"
    safe_to_retry: bool = True
    next_steps: tuple[str, ...] = ()

    @property
    def place(self) -> str:
        parts = [self.file, self.line, self.column]
        return ":".join(str(part) for part in parts if part is not None)

    def summary(self) -> str:
        """One line for the ledger's `error_message` and the log."""
        if self.code is FailureCode.UNCERTAIN:
            return self.message  # begins as the ledger knows it
        place = f"{self.place}: " if self.file else ""
        state = f" (SQLSTATE {self.sqlstate})" if self.sqlstate else ""
        return f"{place}{self.message}{state}"


def plain(text: str) -> str:
    """As every database keeps it, and in no more characters than anybody reads."""
    text = text if len(text) <= MOST_CHARS else f"{text[: MOST_CHARS - 1]}…"
    # Python may have said half of a surrogate pair
    return text.replace("\x00", "\ufffd").encode(errors="replace").decode()


def in_words(error: BaseException) -> str:
    """What it says, even where its own `__str__` raises."""
    try:
        said = str(error)
    except Exception as other:
        said = f"what it says cannot be read ({type(other).__name__})"
    return plain(f"{type(error).__name__}: {said}" if said else type(error).__name__)


def with_effects_elsewhere(failure: Failure) -> Failure:
    """Of a file that says it cannot be run twice: whether it may be tried again, nobody here can tell."""
    left = f"{failure.left_behind}; what the file has done outside of the database stays"
    return replace(failure, left_behind=left, safe_to_retry=False)
