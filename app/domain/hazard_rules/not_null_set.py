"""SET NOT NULL reads the whole table under ACCESS EXCLUSIVE, unless a validated CHECK proves it (PostgreSQL 12)."""

from collections.abc import Iterator

from app.domain.hazard_rules.rule import Found, Rule, Scene, actions, added_constraint, unvalidated
from app.domain.hazards import HazardCode
from app.domain.words import Stated, Words

_TO_DO = "Add CHECK ({column} IS NOT NULL) NOT VALID, VALIDATE it in a second migration, then SET NOT NULL."


def _judge(stated: Stated, scene: Scene) -> Iterator[Found]:
    for table, action in actions(stated, scene):
        column = _required(action)
        if column and (table, column) not in scene.not_null:
            happens = "The whole table is read while nobody can read or write it; it fails where one is NULL."
            yield Found(HazardCode.BLOCKS_READS, f"{table}.{column}", happens, _TO_DO.format(column=column))


def _required(action: Words) -> str:
    """The column of ALTER COLUMN … SET NOT NULL, or of ADD CONSTRAINT … NOT NULL column (PostgreSQL 18)."""
    at = action.skipping(1, "COLUMN")
    if action.begins("ALTER") and action.begins("SET", "NOT", "NULL", at=at + 1):
        return action.column(at)
    constraint = added_constraint(action)
    if constraint is not None and constraint.begins("NOT", "NULL") and not unvalidated(constraint):
        return constraint.column(2)
    return ""


RULE = Rule(("ALTER TABLE",), _judge)
