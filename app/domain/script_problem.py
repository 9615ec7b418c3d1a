"""What can be wrong with a script before a server has seen it, in words that say what to do."""

from dataclasses import dataclass
from enum import StrEnum

from app.domain.tokens import FaultKind


class ScriptProblemCode(StrEnum):
    UNTERMINATED_STRING = "unterminated_string"
    UNTERMINATED_IDENTIFIER = "unterminated_identifier"
    UNTERMINATED_DOLLAR_QUOTE = "unterminated_dollar_quote"
    UNTERMINATED_COMMENT = "unterminated_comment"
    UNCLOSED_PARENTHESIS = "unclosed_parenthesis"
    UNCLOSED_ROUTINE_BODY = "unclosed_routine_body"
    UNTERMINATED_COPY_DATA = "unterminated_copy_data"
    TEXT_AFTER_COPY = "text_after_copy"
    NUL_CHARACTER = "nul_character"
    META_COMMAND = "meta_command"
    COPY_TO_STDOUT = "copy_to_stdout"
    TRANSACTION_CONTROL = "transaction_control"
    TRANSACTION_OPTIONS = "transaction_options"
    MIXED_TRANSACTIONS = "mixed_transactions"
    OTHER_ENCODING = "other_encoding"


@dataclass(frozen=True, slots=True)
class ScriptProblem:
    """`message` says what is true, then what to do. `line`, `column` 1-based, `offset` 0-based characters."""

    code: ScriptProblemCode
    message: str
    line: int
    column: int
    offset: int


NUL_MESSAGE = "the script holds a NUL character, which PostgreSQL cannot read; save the file as UTF-8 text"
COPY_OUT_MESSAGE = "COPY … TO STDOUT sends rows to a client and nobody here reads them; remove it, or copy into a table"
OPTIONS_MESSAGE = (
    "transaction options such as an isolation level cannot be honoured in the transaction that Liftlock "
    "has already opened; remove them"
)

ENCODING_MESSAGE = (
    "what is sent is UTF-8, as the file is, and the server would read it as something else; remove this statement"
)

_FAULTS = {
    FaultKind.STRING: "the string that begins here is never closed; close it with a single quote",
    FaultKind.QUOTED_NAME: "the quoted name that begins here is never closed; close it with a double quote",
    FaultKind.DOLLAR_STRING: "the dollar quote that begins here is never closed; repeat its tag at its end",
    FaultKind.COMMENT: "the comment that begins here is never closed; close each /* with its own */",
    FaultKind.PARENTHESIS: "the parenthesis that opens here is never closed; close it before the semicolon",
    FaultKind.ROUTINE_BODY: "the BEGIN ATOMIC body that begins here never ends; write END; after it",
    FaultKind.COPY_DATA: r"the data of this COPY has no end; write a line that is only \. after the last row",
    FaultKind.COPY_LINE: "text follows COPY … FROM STDIN; on its line; begin the data on the next line",
}

_META_ADVICE = (
    (("\\i", "\\ir", "\\include", "\\include_relative"), "put that file's text here"),
    (("\\copy",), "write the rows as INSERT, or use a Python migration"),
    (("\\c", "\\connect"), "remove it: the target of the run is the database"),
    (("\\g", "\\gx", "\\gset", "\\gexec", "\\gdesc", "\\crosstabview"), "end the statement with a semicolon"),
    (("\\set", "\\unset", "\\if", "\\elif", "\\else", "\\endif"), "write the value, or use a DO block"),
    (("\\.",), "remove it, and the rows before it"),
)


def fault_message(kind: FaultKind) -> str:
    return _FAULTS[kind]


def meta_command_message(command: str) -> str:
    """`command`: the word with its backslash, such as `\\i`."""
    advice = next((advice for commands, advice in _META_ADVICE if command in commands), "remove it")
    return f"{command} is a command of psql and not of PostgreSQL; {advice}"


def control_message(verb: str) -> str:
    return (
        f"{verb} would break the one transaction in which Liftlock runs and records this script; "
        "remove it, or split the script there into two migrations"
    )


def mixed_message(alone: str, alone_line: int, other: str, other_line: int) -> str:
    return (
        f"{alone} (line {alone_line}) cannot run in a transaction and {other} (line {other_line}) runs in "
        "one; put them into two migrations, or write transaction:false behind the section's marker"
    )


def wrapped_message(alone: str, alone_line: int, begin: str, begin_line: int) -> str:
    return (
        f"{alone} (line {alone_line}) cannot run in the transaction that {begin} (line {begin_line}) opens; "
        f"remove {begin} and its end"
    )
