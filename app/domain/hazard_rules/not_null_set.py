"""SET NOT NULL reads the whole table under ACCESS EXCLUSIVE, unless a validated CHECK proves it (PostgreSQL 12)."""

from collections.abc import Iterator

from app.domain.hazard_rules.rule import Found, Rule, Scene, actions
from app.domain.hazards import HazardCode
from app.domain.words import Stated

_TO_DO = "Add CHECK ({column} IS NOT NULL) NOT VALID, VALIDATE it in a second migration, then SET NOT NULL."


def _judge(stated: Stated, scene: Scene) -> Iterator[Found]:
    for table, action in actions(stated, scene):
        at = action.skipping(1, "COLUMN")
        column = action.column(at)
        sets = action.begins("ALTER") and action.begins("SET", "NOT", "NULL", at=at + 1)
        if sets and (table, column) not in scene.not_null:
            happens = "The whole table is read while nobody can read or write it; it fails where one is NULL."
            yield Found(HazardCode.BLOCKS_READS, f"{table}.{column}", happens, _TO_DO.format(column=column))


RULE = Rule(("ALTER TABLE",), _judge)
