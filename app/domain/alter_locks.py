"""Which lock each action of ALTER TABLE takes: the strongest of all its actions is the one it takes.

https://www.postgresql.org/docs/15/sql-altertable.html says ACCESS EXCLUSIVE unless noted; what it notes stands here.
"""

from collections.abc import Iterator

from app.domain.lock_modes import Lock, LockMode
from app.domain.words import Words, altered_table

_ACCESS_EXCLUSIVE = LockMode.ACCESS_EXCLUSIVE
_SHARE_UPDATE, _SHARE_ROW = LockMode.SHARE_UPDATE_EXCLUSIVE, LockMode.SHARE_ROW_EXCLUSIVE
_QUIET = (
    ("VALIDATE", "CONSTRAINT"),
    ("CLUSTER", "ON"),
    ("SET", "WITHOUT", "CLUSTER"),
    ("SET", "("),
    ("RESET", "("),
    ("ATTACH", "PARTITION"),
)
_TRIGGERS = (
    ("ENABLE", "TRIGGER"),
    ("DISABLE", "TRIGGER"),
    ("ENABLE", "REPLICA", "TRIGGER"),
    ("ENABLE", "ALWAYS", "TRIGGER"),
)


def locks_of_alter_table(words: Words) -> Iterator[Lock]:
    altered = altered_table(words)
    for action in altered.actions:
        yield Lock(altered.table, _mode_of(action))
        yield from _on_others(action)


def _mode_of(action: Words) -> LockMode:
    if action.begins("DETACH") and action.word(len(action) - 1) in ("CONCURRENTLY", "FINALIZE"):
        return _SHARE_UPDATE
    if any(action.begins(*phrase) for phrase in _QUIET) or _tunes_a_column(action):
        return _SHARE_UPDATE
    if any(action.begins(*phrase) for phrase in _TRIGGERS) or _adds_foreign_key(action):
        return _SHARE_ROW
    return _ACCESS_EXCLUSIVE


def _tunes_a_column(action: Words) -> bool:
    """ALTER COLUMN … SET STATISTICS, and SET or RESET of its options."""
    if not action.begins("ALTER"):
        return False
    at = action.skipping(1, "COLUMN") + 1
    return any(action.begins(*phrase, at=at) for phrase in (("SET", "STATISTICS"), ("SET", "("), ("RESET", "(")))


def _adds_foreign_key(action: Words) -> bool:
    at = 3 if action.begins("ADD", "CONSTRAINT") else 1
    return action.begins("ADD") and action.begins("FOREIGN", "KEY", at=at)


def _on_others(action: Words) -> Iterator[Lock]:
    """The table that a foreign key points to, the partition, the parent."""
    if action.begins("ADD"):
        at = action.find("REFERENCES")
        if at >= 0:
            yield Lock(action.name(at + 1)[0], _SHARE_ROW)
    elif action.begins("ATTACH", "PARTITION"):
        yield Lock(action.name(2)[0], _ACCESS_EXCLUSIVE)
    elif action.begins("DETACH", "PARTITION"):
        concurrently = action.word(len(action) - 1) == "CONCURRENTLY"
        yield Lock(action.name(2)[0], _SHARE_UPDATE if concurrently else _ACCESS_EXCLUSIVE)
    elif action.begins("INHERIT"):
        yield Lock(action.name(1)[0], _SHARE_UPDATE)
