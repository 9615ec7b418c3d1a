"""Rows of a table that is in use changed in the transaction that has already altered such a table."""

from collections.abc import Iterator

from app.domain.hazard_rules.rule import Found, Rule, Scene
from app.domain.hazards import HazardCode
from app.domain.lock_modes import LockMode
from app.domain.statement_locks import locks_of
from app.domain.words import Stated, shown

_STRONG = (LockMode.SHARE, LockMode.SHARE_ROW_EXCLUSIVE, LockMode.EXCLUSIVE, LockMode.ACCESS_EXCLUSIVE)


def _judge(stated: Stated, scene: Scene) -> Iterator[Found]:
    written = _written(stated)
    held = _altered_before(stated, scene) if written and scene.transactional else ""
    if held and written not in scene.created:
        happens = f"The lock on {shown(held)} is held until the rows of {shown(written)} are done."
        yield Found(HazardCode.MIXED_DATA_CHANGE, written, happens)


def _written(stated: Stated) -> str:
    """The table whose rows it changes; a few rows written out are not what takes long."""
    words = stated.words
    if stated.verb == "INSERT" and not words.has("SELECT"):
        return ""
    return words.name(words.skipping(1, "FROM", "INTO", "ONLY"))[0]


def _altered_before(stated: Stated, scene: Scene) -> str:
    for before in scene.script[: stated.index]:
        if before.statement.is_definition:
            for lock in locks_of(before):
                if lock.mode in _STRONG and lock.relation not in scene.created:
                    return lock.relation
    return ""


RULE = Rule(("UPDATE", "DELETE", "INSERT", "MERGE"), _judge)
