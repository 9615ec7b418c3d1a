"""A PostgreSQL error as a Failure: file, line, column, statement and a caret, also inside functions.

`position` is 1-based, in characters, of the statement that was sent; errors inside functions and DO
blocks carry `internal_position` within `internal_query`, and a context that names the line of the body.
https://www.postgresql.org/docs/current/protocol-error-fields.html
"""

import re
import traceback
from dataclasses import replace

import asyncpg

from app.adapters.python_connection import NotAwaited
from app.adapters.target.hints import NO_RIGHT, hint_on
from app.domain.failure import Failure, FailureCode, in_words
from app.domain.migration import PythonScript, SqlScript
from app.domain.statements import Place, Statement, caret, place_of
from app.domain.step import Step

STATEMENT_CHARS = 2_000
SWALLOWED = "25P02"
SAVEPOINT_HINT = "wrap the statement that may fail in `async with connection.transaction():`"

_BODY = re.compile(r"\$(?:[A-Za-z_\x80-\uffff][A-Za-z_0-9\x80-\uffff]*)?\$")
_INLINE_LINE = re.compile(r"inline_code_block line (\d+)")


def sql_failure(error: asyncpg.PostgresError, step: Step, script: SqlScript, statement: Statement) -> Failure:
    place = place_of(script.text, statement.offset + _offset_in(error, statement.text))
    return _failure(error, step, statement.text, script.file, place, script.line)


def failure_in_message(error: asyncpg.PostgresError, step: Step, script: SqlScript) -> Failure | None:
    """As `sql_failure`, when all statements were sent as one message that begins with the first of them.

    None where it takes another try, statement by statement, to know which it was. Whoever has waited in vain, for
    a lock or for the end of a statement, does not wait again for that.
    """
    statements, position = script.parsed.statements, _said(error, "position")
    at = statements[0].offset + int(position) - 1 if position is not None else None
    if at is not None and at <= statements[-1].offset + len(statements[-1].text):
        statement = next(one for one in reversed(statements) if one.offset <= at)
        return _failure(error, step, statement.text, script.file, place_of(script.text, at), script.line)
    if len(statements) == 1 and error.sqlstate != NO_RIGHT:
        # only a right may have been missing for the ledger row that went with it
        return sql_failure(error, step, script, statements[0])
    if error.sqlstate not in _CODES:
        return None
    return _failure(error, step, None, script.file, None, script.line)


def commit_failure(error: asyncpg.PostgresError, step: Step) -> Failure:
    """A deferred constraint speaks at COMMIT: no statement of the file can be blamed."""
    file = step.body.file if step.body is not None else None
    if error.sqlstate == SWALLOWED:
        message = "it caught an error of a statement and went on, but that error had ended its transaction"
        return replace(_failure(error, step, None, file, None, 1), message=message, hint=SAVEPOINT_HINT)
    return _failure(error, step, None, file, None, 1)


def python_failure(error: BaseException, step: Step, script: PythonScript, statement: str | None) -> Failure:
    """Where the migration's own code stood, and the statement it was running, if any."""
    line, column = _own_frame(error, script.file)
    place = place_of(script.text, _offset_of_line(script.text, line, column)) if line else None
    if isinstance(error, asyncpg.PostgresError):
        return _failure(error, step, statement, script.file, place, 1)
    # the driver writes it so
    said, _, hint = in_words(error).partition("\nHINT:  ")
    return Failure(
        code=FailureCode.PYTHON_ERROR,
        message=said,
        hint=hint or None,
        migration=step.name,
        direction=step.direction.value,
        file=script.file,
        line=place.line if place else None,
        column=place.column if place else None,
        statement=statement,
        caret=caret(place) if place else None,
        next_steps=_next_steps(step),
    )


def verify_failure(step: Step, script: SqlScript, statement: Statement, answer: object) -> Failure:
    place = place_of(script.text, statement.offset)
    return Failure(
        code=FailureCode.VERIFY_FAILED,
        message=f"the verify block of {step.name} answered {answer!r}; it must answer true in every row",
        migration=step.name,
        direction=step.direction.value,
        file=script.file,
        line=place.line + script.line - 1,
        column=place.column,
        statement=statement.text[:STATEMENT_CHARS],
        caret=caret(place),
        next_steps=_next_steps(step),
    )


def _failure(
    error: asyncpg.PostgresError,
    step: Step,
    statement: str | None,
    file: str | None,
    place: Place | None,
    first_line: int,
) -> Failure:
    state, message = error.sqlstate or "", _said(error, "message") or str(error)
    return Failure(
        code=_CODES.get(state, FailureCode.SQL_ERROR),
        message=message,
        migration=step.name,
        direction=step.direction.value,
        sqlstate=state or None,
        detail=_said(error, "detail"),
        hint=hint_on(state, message, _said(error, "hint")),
        file=file,
        line=place.line + first_line - 1 if place else None,
        column=place.column if place else None,
        statement=statement[:STATEMENT_CHARS] if statement else None,
        caret=caret(place) if place else None,
        context=_said(error, "context"),
        next_steps=_next_steps(step, state),
    )


_CODES = {
    "55P03": FailureCode.LOCK_TIMEOUT,
    "40P01": FailureCode.LOCK_TIMEOUT,
    "40001": FailureCode.LOCK_TIMEOUT,
    "57014": FailureCode.STATEMENT_TIMEOUT,
}
_THERE_ALREADY = frozenset({"42P06", "42P07", "42701", "42710", "42723"})
"""A schema, a relation, a column, an object, a function."""

_NOT_OF_THE_FILE = {
    NO_RIGHT: "give the role that right",
    "53100": "make room on the disk of the target's server",
    "53200": "give the target's server more memory",
    "53400": "raise that limit of the target's server",
    "58030": "look into the log of the target's server and mend its disk",
}
"""What a server lacked: the file may be as it should."""


def _next_steps(step: Step, state: str = "") -> tuple[str, ...]:
    file = step.body.file if step.body is not None else step.name
    before = _NOT_OF_THE_FILE.get(state, f"correct {file}")
    if step.direction != "up":
        return (f"{before}, then POST /migrations/rollback again",)
    correct = f"{before}, then POST /migrations/run again"
    if state not in _THERE_ALREADY:
        return (correct,)
    # the first run on a database that is older than its files
    mark = f'POST /migrations/mark {{"as": "applied", "names": ["{step.name}"]}}'
    return (correct, f"or record what the database has had since before, without running it: {mark}")


def _said(error: asyncpg.PostgresError, field: str) -> str | None:
    value = getattr(error, field, None)
    return str(value) if value else None


def _offset_in(error: asyncpg.PostgresError, text: str) -> int:
    """The 0-based character of `text` that the error points at; its beginning when it points nowhere."""
    position = _said(error, "position")
    if position is not None:
        return min(int(position) - 1, len(text))
    return _offset_in_body(error, text)


def _offset_in_body(error: asyncpg.PostgresError, text: str) -> int:
    body = _BODY.search(text)
    if body is None:
        return 0
    inner, position = _said(error, "internal_query"), _said(error, "internal_position")
    if inner and position and text.count(inner) == 1:
        return text.index(inner) + int(position) - 1
    line = _INLINE_LINE.findall(_said(error, "context") or "")
    if not line:
        return 0
    at = body.end()
    for _ in range(int(line[-1]) - 1):
        newline = text.find("\n", at)
        if newline < 0:
            break
        at = newline + 1
    return at + len(text[at:]) - len(text[at:].lstrip(" \t"))


def _own_frame(error: BaseException, file: str) -> tuple[int | None, int | None]:
    if isinstance(error, SyntaxError) and error.filename == file:
        return error.lineno, error.offset
    if isinstance(error, NotAwaited) and error.filename == file:
        return error.lineno, None
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename == file]
    return (frames[-1].lineno, (frames[-1].colno or 0) + 1) if frames else (None, None)


def _offset_of_line(text: str, line: int, column: int | None) -> int:
    """Without a column that of the line's first word."""
    lines = text.split("\n")
    at = column - 1 if column is not None else len(lines[line - 1]) - len(lines[line - 1].lstrip())
    return sum(len(before) + 1 for before in lines[: line - 1]) + at
