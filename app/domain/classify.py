"""What a statement is, judged by its leading tokens and never by a substring.

The lists follow the calls of `PreventInTransactionBlock` in PostgreSQL's sources, and were run against
a server. What only the server can know (CLUSTER or REINDEX of a partitioned table, COMMIT inside a
procedure) is left to it: it refuses with 25001 or 2D000 and the step is rolled back.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise


class StatementKind(StrEnum):
    TRANSACTIONAL = "transactional"
    NON_TRANSACTIONAL = "non_transactional"
    TRANSACTION_CONTROL = "transaction_control"
    COPY_IN = "copy_in"
    COPY_OUT = "copy_out"
    META_COMMAND = "meta_command"


Words = Sequence[str]
Phrases = dict[str, tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class Shape:
    """`leaves_session_state`: settings, roles, temporary or prepared things may outlive the statement."""

    verb: str
    kind: StatementKind
    is_definition: bool
    leaves_session_state: bool


def _by_first_word(*phrases: str) -> Phrases:
    firsts = {phrase.split()[0] for phrase in phrases}
    return {first: tuple(phrase for phrase in phrases if phrase.split()[0] == first) for first in firsts}


# Of these a few leading words tell everything, and the rest can be megabytes.
HEAD_TELLS_ALL = frozenset({"INSERT", "UPDATE", "DELETE", "MERGE", "SELECT", "WITH", "VALUES", "DO", "("})

_DEFINITIONS = frozenset({
    "CREATE", "ALTER", "DROP", "COMMENT", "GRANT", "REVOKE", "TRUNCATE", "REINDEX", "CLUSTER", "REASSIGN",
    "SECURITY", "IMPORT", "REFRESH", "LOCK",
})  # fmt: skip
_CONTROL = frozenset({"BEGIN", "COMMIT", "END", "ROLLBACK", "ABORT"})
_SET_OBJECTS = ("TRANSACTION", "CONSTRAINTS", "ROLE")
_OFF = frozenset({"FALSE", "OFF", "0"})
_MODIFIERS = frozenset({
    "OR", "REPLACE", "UNIQUE", "TEMP", "TEMPORARY", "UNLOGGED", "GLOBAL", "LOCAL", "RECURSIVE", "TRUSTED",
    "PROCEDURAL", "CONSTRAINT",
})  # fmt: skip
_PHRASES = _by_first_word(
    "START TRANSACTION", "PREPARE TRANSACTION", "COMMIT PREPARED", "ROLLBACK PREPARED", "COMMENT ON",
    "DISCARD ALL", "IMPORT FOREIGN SCHEMA", "REASSIGN OWNED", "REFRESH MATERIALIZED VIEW", "SECURITY LABEL",
    "SET CONSTRAINTS", "SET ROLE", "SET SESSION AUTHORIZATION", "SET SESSION CHARACTERISTICS",
    "SET TRANSACTION",
)  # fmt: skip
_OBJECTS = _by_first_word(
    "MATERIALIZED VIEW", "FOREIGN TABLE", "FOREIGN DATA WRAPPER", "EVENT TRIGGER", "USER MAPPING",
    "TEXT SEARCH CONFIGURATION", "TEXT SEARCH DICTIONARY", "TEXT SEARCH PARSER", "TEXT SEARCH TEMPLATE",
    "ACCESS METHOD", "OPERATOR CLASS", "OPERATOR FAMILY", "DEFAULT PRIVILEGES", "LARGE OBJECT", "OWNED BY",
)  # fmt: skip
# Creating these runs no code of the user's in our session. Index expressions do run, but under
# settings that the server takes back (DefineIndex opens a nest level of its own).
_QUIET_TO_CREATE = frozenset({
    "TABLE", "INDEX", "TYPE", "DOMAIN", "VIEW", "SEQUENCE", "FUNCTION", "PROCEDURE", "AGGREGATE",
    "TRIGGER", "POLICY", "RULE", "SCHEMA", "ROLE", "USER", "GROUP", "STATISTICS", "COLLATION",
    "PUBLICATION",
})  # fmt: skip
_QUIET_TO_ALTER = frozenset({*_QUIET_TO_CREATE, "CONSTRAINT", "DEFAULT PRIVILEGES", "ROUTINE"} - {"DOMAIN"})
_TEMPORARY = re.compile(r"\bTEMP(ORARY)?\b|PG_TEMP")
# These evaluate expressions or casts while a table or type is altered: set_config() could be among them.
_RUNS_EXPRESSIONS = frozenset({
    "USING", "DEFAULT", "CHECK", "GENERATED", "VALIDATE", "ATTACH", "TYPE", "ATTRIBUTE",
})  # fmt: skip


def classify(words: Words) -> Shape:
    """`words`: the tokens of one statement; unquoted words in upper case, everything else as written.

    Of a statement whose first word is in HEAD_TELLS_ALL a dozen words are enough.
    """
    kind = _kind(words)
    return Shape(_verb(words), kind, words[0] in _DEFINITIONS, _leaves_session_state(words))


def _kind(words: Words) -> StatementKind:
    if words[0].startswith("\\"):
        return StatementKind.META_COMMAND
    runs_alone = _RUNS_ALONE.get(words[0])
    if runs_alone and runs_alone(words):
        return StatementKind.NON_TRANSACTIONAL
    if _controls_transaction(words):
        return StatementKind.TRANSACTION_CONTROL
    if words[0] == "COPY":
        return _kind_of_copy(words)
    return StatementKind.TRANSACTIONAL


def _controls_transaction(words: Words) -> bool:
    """ROLLBACK TO a savepoint stays inside the transaction, as SAVEPOINT and RELEASE do."""
    if _starts(words, "PREPARE", "TRANSACTION") or _starts(words, "START", "TRANSACTION"):
        return True
    return words[0] in _CONTROL and not (words[0] == "ROLLBACK" and "TO" in words[1:3])


def _kind_of_copy(words: Words) -> StatementKind:
    """STDIN and STDOUT are one word to the grammar; the direction is in FROM and TO."""
    top = list(_top_level(words))
    for direction, end in pairwise(top):
        if end in ("STDIN", "STDOUT") and direction in ("FROM", "TO"):
            return StatementKind.COPY_IN if direction == "FROM" else StatementKind.COPY_OUT
    return StatementKind.TRANSACTIONAL


def _create_runs_alone(words: Words) -> bool:
    rest = words[2:] if _word(words, 1) == "UNIQUE" else words[1:]
    if _word(rest, 0) == "SUBSCRIPTION":
        options = _after(rest, "WITH")
        return not (_option_is_off(options, "CONNECT") or _option_is_off(options, "CREATE_SLOT"))
    return _word(rest, 0) in ("DATABASE", "TABLESPACE") or _starts(rest, "INDEX", "CONCURRENTLY")


def _drop_runs_alone(words: Words) -> bool:
    """DROP SUBSCRIPTION may be allowed inside when it has no slot; only the server knows."""
    objects = ("DATABASE", "TABLESPACE", "SUBSCRIPTION")
    return _word(words, 1) in objects or _starts(words[1:], "INDEX", "CONCURRENTLY")


def _alter_runs_alone(words: Words) -> bool:
    match _word(words, 1):
        case "SYSTEM":
            return True
        case "DATABASE":
            return _moves_database(words[3:])
        case "TABLE":
            return words[-1] == "CONCURRENTLY" and _contains(words, "DETACH", "PARTITION")
        case "SUBSCRIPTION":
            return _refreshes_subscription(words[3:])
        case _:
            return False


def _moves_database(action: Words) -> bool:
    """SET TABLESPACE, and its older form as an option with or without WITH (gram.y `createdb_opt_list`)."""
    rest = action[1:] if _word(action, 0) in ("SET", "WITH") else action
    return _word(rest, 0) == "TABLESPACE"


def _refreshes_subscription(action: Words) -> bool:
    """`failover` and `two_phase` are set outside a transaction from PostgreSQL 17 and 18 on."""
    if _starts(action, "SET", "("):
        return "FAILOVER" in action or "TWO_PHASE" in action
    if _word(action, 0) in ("SET", "ADD", "DROP") and _word(action, 1) == "PUBLICATION":
        return not _option_is_off(_after(action, "WITH"), "REFRESH")
    return _word(action, 0) == "REFRESH"


def _reindex_runs_alone(words: Words) -> bool:
    after = _end_of_options(words)
    if _word(words, after) in ("SCHEMA", "DATABASE", "SYSTEM") or _word(words, after + 1) == "CONCURRENTLY":
        return True
    options = words[1:after]
    return "CONCURRENTLY" in options and not _option_is_off(options, "CONCURRENTLY")


def _cluster_runs_alone(words: Words) -> bool:
    """Bare CLUSTER goes through all tables, one transaction each."""
    rest = words[_end_of_options(words) :]
    return not rest or list(rest) == ["VERBOSE"]


_RUNS_ALONE: dict[str, Callable[[Words], bool]] = {
    "CREATE": _create_runs_alone,
    "DROP": _drop_runs_alone,
    "ALTER": _alter_runs_alone,
    "REINDEX": _reindex_runs_alone,
    "CLUSTER": _cluster_runs_alone,
    "VACUUM": lambda _: True,
    "DISCARD": lambda words: _word(words, 1) == "ALL",
    "COMMIT": lambda words: _word(words, 1) == "PREPARED",
    "ROLLBACK": lambda words: _word(words, 1) == "PREPARED",
}


def _verb(words: Words) -> str:
    if words[0] in ("CREATE", "ALTER", "DROP"):
        return _verb_of_definition(words)
    if words[0] == "REINDEX":
        return _concurrently(words, ["REINDEX", _word(words, _end_of_options(words))])
    if words[0].startswith("\\"):
        return words[0].split()[0]
    if words[0] == "(":
        return next((word for word in words if word != "("), "(")
    if words[0] == "SET" and _word(words, 1) in ("LOCAL", "SESSION") and _word(words, 2) in _SET_OBJECTS:
        words = ["SET", *words[2:]]
    return _phrase(words, _PHRASES)


def _verb_of_definition(words: Words) -> str:
    rest = words[1:]
    while len(rest) > 1 and rest[0] in _MODIFIERS and words[0] == "CREATE":
        rest = rest[1:]
    return _concurrently(words, [words[0], _phrase(rest, _OBJECTS)])


def _phrase(words: Words, phrases: Phrases) -> str:
    """The phrase that `words` begin with, or their first word."""
    first = _word(words, 0)
    head = " ".join(words[:3]) + " "
    return next((phrase for phrase in phrases.get(first, ()) if head.startswith(phrase + " ")), first)


def _concurrently(words: Words, verb: list[str]) -> str:
    runs_alone = "CONCURRENTLY" in words and _RUNS_ALONE[words[0]](words)
    return " ".join([*verb, "CONCURRENTLY"] if runs_alone else verb).rstrip()


def _leaves_session_state(words: Words) -> bool:
    """True unless the statement is known to leave nothing; event triggers of the database are not judged."""
    if words[0] in ("COMMENT", "GRANT", "REVOKE", "DROP"):
        return False
    if words[0] not in ("CREATE", "ALTER") or _touches_temporary(words):
        return True
    kind = _verb_of_definition(words).removeprefix(words[0]).removesuffix("CONCURRENTLY").strip()
    if words[0] == "ALTER":
        return kind not in _QUIET_TO_ALTER or (
            kind in ("TABLE", "TYPE") and not _RUNS_EXPRESSIONS.isdisjoint(words[2:])
        )
    return kind not in _QUIET_TO_CREATE or (kind in ("TABLE", "SCHEMA") and _computes(words))


def _computes(words: Words) -> bool:
    """CREATE TABLE … AS runs a query, and the bounds of a partition are expressions."""
    return "AS" in _top_level(words) or _contains(words, "PARTITION", "OF")


def _touches_temporary(words: Words) -> bool:
    """Wherever the words stand, also in a string: here a wrong yes costs little and a wrong no much."""
    text = " ".join(words).upper()
    return 'U&"' in text or ("TEMP" in text and bool(_TEMPORARY.search(text)))


def _word(words: Words, index: int) -> str:
    return words[index] if index < len(words) else ""


def _starts(words: Words, *prefix: str) -> bool:
    return tuple(words[: len(prefix)]) == prefix


def _contains(words: Words, first: str, second: str) -> bool:
    return (first, second) in pairwise(words)


def _after(words: Words, word: str) -> Words:
    return words[words.index(word) + 1 :] if word in words else ()


def _top_level(words: Words) -> Iterator[str]:
    depth = 0
    for word in words:
        depth += (word == "(") - (word == ")")
        if depth == 0:
            yield word


def _end_of_options(words: Words) -> int:
    """The index after `VERB (option, …)`; options hold no parentheses of their own."""
    return words.index(")") + 1 if _word(words, 1) == "(" and ")" in words else 1


def _option_is_off(options: Words, name: str) -> bool:
    """The last one wins; `name` alone means on (`defGetBoolean`)."""
    values = [
        _word(options, index + 2 if _word(options, index + 1) == "=" else index + 1)
        for index, word in enumerate(options)
        if word == name
    ]
    return bool(values) and values[-1].strip("'").upper() in _OFF
