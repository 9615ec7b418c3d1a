"""LOCK TABLE: what the mode stops waits until the end of the migration."""

from collections.abc import Iterator

from app.domain.hazard_rules.rule import Found, Rule, Scene
from app.domain.hazards import HazardCode
from app.domain.lock_modes import LockMode
from app.domain.statement_locks import locks_of
from app.domain.words import Stated, shown

_TO_DO = "Leave it out where the statements take the locks they need; otherwise put it right before them."
_STOPS_WRITES = (LockMode.SHARE, LockMode.SHARE_ROW_EXCLUSIVE, LockMode.EXCLUSIVE)


def _judge(stated: Stated, scene: Scene) -> Iterator[Found]:
    for lock in locks_of(stated):
        if lock.relation in scene.created:
            continue
        happens = f"{lock.mode} on {shown(lock.relation)} is held until the migration has ended."
        if lock.mode is LockMode.ACCESS_EXCLUSIVE:
            yield Found(HazardCode.BLOCKS_READS, lock.relation, happens, _TO_DO)
        elif lock.mode in _STOPS_WRITES:
            yield Found(HazardCode.BLOCKS_WRITES, lock.relation, happens, _TO_DO)


RULE = Rule(("LOCK",), _judge)
