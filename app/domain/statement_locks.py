"""Which lock each statement takes on the tables it names.

From https://www.postgresql.org/docs/15/explicit-locking.html and the page of each command, held against a real
server. Only what the text names is known: tables behind views, foreign keys, triggers and partitions are not. Plain
reads of other tables (ACCESS SHARE) are left out where the statement writes or defines something.
"""

from collections.abc import Callable, Iterator

from app.domain.alter_locks import locks_of_alter_table
from app.domain.blocks import written_in
from app.domain.lock_modes import Lock, LockMode, strongest
from app.domain.words import Stated, Words

_ACCESS_EXCLUSIVE, _SHARE_UPDATE = LockMode.ACCESS_EXCLUSIVE, LockMode.SHARE_UPDATE_EXCLUSIVE
_SHARE_ROW, _ROW_EXCLUSIVE = LockMode.SHARE_ROW_EXCLUSIVE, LockMode.ROW_EXCLUSIVE
_RELATIONS = frozenset({"TABLE", "VIEW", "INDEX", "SEQUENCE", "COLUMN"})
_ROW_LOCKS = ("UPDATE", "SHARE", "KEY", "NO")


def locks_of(stated: Stated) -> tuple[Lock, ...]:
    """The strongest lock for each relation that is named; none for what takes no lock on a table.

    Of a DO block: what its body takes, should all that is written in it happen.
    """
    if stated.verb == "DO":
        written = (locks_of(Stated(one, stated.index)) for one in written_in(stated.statement))
        return strongest([lock for locks in written for lock in locks])
    reader = _READERS.get(stated.verb)
    return strongest(list(reader(stated.words))) if reader else ()


def _all_named(mode: LockMode, start: int) -> Callable[[Words], Iterator[Lock]]:
    """A list of names after `start` words and perhaps IF EXISTS."""

    def read(words: Words) -> Iterator[Lock]:
        for name in words.names(words.skipping(start, "TABLE", "IF", "EXISTS")):
            yield Lock(name, mode)

    return read


def _one_on(mode: LockMode) -> Callable[[Words], Iterator[Lock]]:
    """The table after ON, as in CREATE TRIGGER and CREATE POLICY."""

    def read(words: Words) -> Iterator[Lock]:
        at = words.find("ON")
        if at >= 0:
            yield Lock(words.name(words.skipping(at + 1, "ONLY"))[0], mode)

    return read


def _one_named(mode: LockMode, start: int) -> Callable[[Words], Iterator[Lock]]:
    def read(words: Words) -> Iterator[Lock]:
        yield Lock(words.name(words.skipping(start, "IF", "EXISTS", "ONLY"))[0], mode)

    return read


def _drop_index(mode: LockMode, start: int) -> Callable[[Words], Iterator[Lock]]:
    def read(words: Words) -> Iterator[Lock]:
        for name in words.names(words.skipping(start, "IF", "EXISTS")):
            yield Lock(name, mode)
            yield Lock(name, mode, of_index=True)

    return read


def _reindex(words: Words) -> Iterator[Lock]:
    at = words.end_of_parentheses(1) if words.word(1) == "(" else 1
    concurrently = words.has("CONCURRENTLY")
    name, _ = words.name(words.skipping(at + 1, "CONCURRENTLY"))
    mode = _SHARE_UPDATE if concurrently else LockMode.SHARE
    if words.word(at) == "TABLE":
        yield Lock(name, mode)
    elif words.word(at) == "INDEX":
        yield Lock(name, _SHARE_UPDATE if concurrently else _ACCESS_EXCLUSIVE)
        yield Lock(name, mode, of_index=True)


def _create_table(words: Words) -> Iterator[Lock]:
    """The new table is nobody else's yet; what it points to, grows from or is a part of is (CREATE TABLE, Notes)."""
    at = words.find("REFERENCES")
    while at >= 0:
        yield Lock(words.name(at + 1)[0], _SHARE_ROW)
        at = words.find("REFERENCES", start=at + 1)
    if (at := words.find("PARTITION", "OF")) >= 0:
        yield Lock(words.name(at + 2)[0], _ACCESS_EXCLUSIVE)
    if (at := words.find("INHERITS", "(")) >= 0:
        for parent in words.names(at + 2):
            yield Lock(parent, _SHARE_UPDATE)


def _create_view(words: Words) -> Iterator[Lock]:
    """Only one that is replaced stood there before."""
    if words.begins("CREATE", "OR", "REPLACE"):
        yield Lock(words.name(words.find("VIEW") + 1)[0], _ACCESS_EXCLUSIVE)


def _lock(words: Words) -> Iterator[Lock]:
    at = words.find("IN")
    end = words.find("MODE", start=max(at, 0))
    spelled = " ".join(words.upper[at + 1 : end]) if at > 0 else "ACCESS EXCLUSIVE"
    mode = LockMode(spelled) if spelled in set(LockMode) else _ACCESS_EXCLUSIVE
    for name in words.names(words.skipping(1, "TABLE")):
        yield Lock(name, mode)


def _vacuum(words: Words) -> Iterator[Lock]:
    """ANALYZE too, whose mode is the same."""
    options = words.between(1, words.end_of_parentheses(1)) if words.word(1) == "(" else words
    full = options.find("FULL")
    is_full = full >= 0 and options.word(full + 1) not in ("FALSE", "OFF", "0")
    at = words.end_of_parentheses(1) if words.word(1) == "(" else 1
    at = words.skipping(at, "FULL", "FREEZE", "VERBOSE", "ANALYZE")
    while name := words.name(at)[0]:
        yield Lock(name, _ACCESS_EXCLUSIVE if is_full else _SHARE_UPDATE)
        at = words.name(at)[1]
        at = words.end_of_parentheses(at) if words.word(at) == "(" else at
        if words.word(at) != ",":
            return
        at += 1


def _cluster(words: Words) -> Iterator[Lock]:
    at = words.end_of_parentheses(1) if words.word(1) == "(" else words.skipping(1, "VERBOSE")
    name, after = words.name(at)
    yield Lock(words.name(after + 1)[0] if words.begins("ON", at=after) else name, _ACCESS_EXCLUSIVE)


def _refresh(words: Words) -> Iterator[Lock]:
    concurrently = words.begins("CONCURRENTLY", at=3)
    mode = LockMode.EXCLUSIVE if concurrently else _ACCESS_EXCLUSIVE
    yield Lock(words.name(words.skipping(3, "CONCURRENTLY"))[0], mode)


def _comment(words: Words) -> Iterator[Lock]:
    """COMMENT ON a relation or its column; on anything else it takes none that others would feel."""
    at = words.skipping(2, "MATERIALIZED", "FOREIGN")
    if words.word(at) not in _RELATIONS:
        return
    end = words.find("IS")
    if words.word(at) == "COLUMN":
        end -= 2  # what stands before its last dot is the table
    yield Lock(words.between(0, end).name(at + 1)[0], _SHARE_UPDATE)


def _copy(words: Words) -> Iterator[Lock]:
    if words.has_at_top("FROM"):
        yield Lock(words.name(1)[0], _ROW_EXCLUSIVE)
    else:
        yield Lock(words.name(1)[0], LockMode.ACCESS_SHARE)


def _written(*after: str) -> Callable[[Words], Iterator[Lock]]:
    def read(words: Words) -> Iterator[Lock]:
        yield Lock(words.name(words.skipping(1, *after, "ONLY"))[0], _ROW_EXCLUSIVE)

    return read


def _with(words: Words) -> Iterator[Lock]:
    """The tables that are written, inside the parentheses and after them."""
    for verb in (("INSERT", "INTO"), ("DELETE", "FROM"), ("MERGE", "INTO"), ("UPDATE",)):
        at = words.find(*verb)
        while at >= 0:
            name, after = words.name(words.skipping(at + len(verb), "ONLY"))
            # FOR UPDATE and DO UPDATE have no table with a SET behind it
            if verb != ("UPDATE",) or ("SET" in words.upper[after : after + 4] and not words.begins("SET", at=at + 1)):
                yield Lock(name, _ROW_EXCLUSIVE)
            at = words.find(*verb, start=at + 1)


def _publication(words: Words) -> Iterator[Lock]:
    at = words.find("FOR", "TABLE")
    for name in words.names(at + 2) if at >= 0 else ():
        yield Lock(name, _SHARE_UPDATE)


def _select(words: Words) -> Iterator[Lock]:
    """The tables after FROM and JOIN; FOR UPDATE and its kin take ROW SHARE."""
    locking = any(words.has("FOR", kind) for kind in _ROW_LOCKS)
    mode = LockMode.ROW_SHARE if locking else LockMode.ACCESS_SHARE
    for start in ("FROM", "JOIN"):
        at = words.find(start)
        while at >= 0:
            name, after = words.name(words.skipping(at + 1, "ONLY"))
            if words.word(after) != "(":
                yield Lock(name, mode)
            at = words.find(start, start=at + 1)


def _alter_index(words: Words) -> Iterator[Lock]:
    """Renaming and its options let others go on; moving it does not."""
    name, at = words.name(words.skipping(2, "IF", "EXISTS"))
    quiet = words.begins("RENAME", at=at) or words.begins("SET", "(", at=at) or words.begins("RESET", at=at)
    yield Lock(name, _SHARE_UPDATE if quiet else _ACCESS_EXCLUSIVE)


def _alter_sequence(words: Words) -> Iterator[Lock]:
    name, at = words.name(words.skipping(2, "IF", "EXISTS"))
    defined = words.word(at) not in ("RENAME", "SET", "OWNER")
    yield Lock(name, _SHARE_ROW if defined else _ACCESS_EXCLUSIVE)


_READERS: dict[str, Callable[[Words], Iterator[Lock]]] = {
    "ALTER TABLE": locks_of_alter_table,
    "ALTER FOREIGN TABLE": locks_of_alter_table,
    "ALTER TABLE CONCURRENTLY": locks_of_alter_table,
    "ALTER INDEX": _alter_index,
    "ALTER SEQUENCE": _alter_sequence,
    "ALTER VIEW": _one_named(_ACCESS_EXCLUSIVE, 2),
    "ALTER MATERIALIZED VIEW": _one_named(_ACCESS_EXCLUSIVE, 3),
    "ALTER TRIGGER": _one_on(_ACCESS_EXCLUSIVE),
    "ALTER POLICY": _one_on(_ACCESS_EXCLUSIVE),
    "ALTER RULE": _one_on(_ACCESS_EXCLUSIVE),
    "ANALYZE": _vacuum,
    "CLUSTER": _cluster,
    "COMMENT ON": _comment,
    "COPY": _copy,
    "CREATE INDEX": _one_on(LockMode.SHARE),
    "CREATE INDEX CONCURRENTLY": _one_on(_SHARE_UPDATE),
    "CREATE POLICY": _one_on(_ACCESS_EXCLUSIVE),
    "CREATE PUBLICATION": _publication,
    "CREATE RULE": lambda words: iter((Lock(words.name(words.find("TO") + 1)[0], _ACCESS_EXCLUSIVE),)),
    "CREATE STATISTICS": lambda words: iter((Lock(words.name(words.find("FROM") + 1)[0], _SHARE_UPDATE),)),
    "CREATE TABLE": _create_table,
    "CREATE TRIGGER": _one_on(_SHARE_ROW),
    "CREATE VIEW": _create_view,
    "DELETE": _written("FROM"),
    "DROP FOREIGN TABLE": _all_named(_ACCESS_EXCLUSIVE, 3),
    "DROP INDEX": _drop_index(_ACCESS_EXCLUSIVE, 2),
    "DROP INDEX CONCURRENTLY": _drop_index(_SHARE_UPDATE, 3),
    "DROP MATERIALIZED VIEW": _all_named(_ACCESS_EXCLUSIVE, 3),
    "DROP POLICY": _one_on(_ACCESS_EXCLUSIVE),
    "DROP RULE": _one_on(_ACCESS_EXCLUSIVE),
    "DROP SEQUENCE": _all_named(_ACCESS_EXCLUSIVE, 2),
    "DROP TABLE": _all_named(_ACCESS_EXCLUSIVE, 2),
    "DROP TRIGGER": _one_on(_ACCESS_EXCLUSIVE),
    "DROP VIEW": _all_named(_ACCESS_EXCLUSIVE, 2),
    "INSERT": _written("INTO"),
    "LOCK": _lock,
    "MERGE": _written("INTO"),
    "REFRESH MATERIALIZED VIEW": _refresh,
    "REINDEX INDEX": _reindex,
    "REINDEX INDEX CONCURRENTLY": _reindex,
    "REINDEX TABLE": _reindex,
    "REINDEX TABLE CONCURRENTLY": _reindex,
    "SELECT": _select,
    "TRUNCATE": _all_named(_ACCESS_EXCLUSIVE, 1),
    "UPDATE": _written(),
    "VACUUM": _vacuum,
    "WITH": _with,
}
