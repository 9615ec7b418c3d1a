"""VALIDATE CONSTRAINT in the transaction that already holds a strong lock on the table.

Alone it lets reads and writes go on (SHARE UPDATE EXCLUSIVE); the lock of an ADD CONSTRAINT … NOT VALID before it is
held until the end, so that nothing is won by having taken two statements.
"""

from collections.abc import Iterator

from app.domain.hazard_rules.rule import Found, Rule, Scene, actions
from app.domain.hazards import HazardCode
from app.domain.lock_modes import Lock, LockMode
from app.domain.statement_locks import locks_of
from app.domain.words import Stated, shown

_TO_DO = "Put VALIDATE CONSTRAINT into a migration of its own."


def _judge(stated: Stated, scene: Scene) -> Iterator[Found]:
    if not any(action.begins("VALIDATE", "CONSTRAINT") for _, action in actions(stated, scene)):
        return
    held = _strongest_held(stated, scene)
    if held is not None:
        happens = f"{held.mode} on {shown(held.relation)}, taken before, is held while every row is read."
        reads_too = held.mode is LockMode.ACCESS_EXCLUSIVE
        code = HazardCode.BLOCKS_READS if reads_too else HazardCode.BLOCKS_WRITES
        yield Found(code, held.relation, happens, _TO_DO)


def _strongest_held(stated: Stated, scene: Scene) -> Lock | None:
    """Its own other actions count too: one ALTER TABLE takes the strongest lock of all."""
    earlier = scene.script[: stated.index] if scene.transactional else ()
    taken = (lock for one in (*earlier, stated) for lock in locks_of(one))
    felt = [
        lock
        for lock in taken
        if lock.relation == stated.altered.table and lock.mode.strength >= LockMode.SHARE.strength
    ]
    return max(felt, key=lambda lock: lock.mode.strength, default=None)


RULE = Rule(("ALTER TABLE",), _judge)
