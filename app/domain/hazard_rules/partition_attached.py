"""ATTACH PARTITION: the new partition is read under ACCESS EXCLUSIVE, unless a CHECK proves that its rows fit.

Which CHECK would prove it the server works out; here one on that table, validated earlier in the plan, is believed.
"""

from collections.abc import Iterator

from app.domain.hazard_rules.rule import Found, Rule, Scene
from app.domain.hazards import HazardCode
from app.domain.words import Stated, shown

_TO_DO = "Add a CHECK with the partition's bounds NOT VALID, VALIDATE it in a migration before, then attach."


def _judge(stated: Stated, scene: Scene) -> Iterator[Found]:
    for action in stated.altered.actions:
        if action.begins("ATTACH", "PARTITION"):
            partition, _ = action.name(2)
            if partition not in scene.created | scene.checked:
                happens = f"Nobody can read or write {shown(partition)}, nor a default partition, while it is read."
                yield Found(HazardCode.BLOCKS_READS, partition, happens, _TO_DO)


RULE = Rule(("ALTER TABLE",), _judge)
