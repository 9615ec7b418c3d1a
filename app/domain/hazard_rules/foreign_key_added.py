"""A foreign key without NOT VALID: writes to both tables wait while the rows are compared."""

from collections.abc import Iterator

from app.domain.hazard_rules.rule import Found, Rule, Scene, actions, added_column, added_constraint, unvalidated
from app.domain.hazards import HazardCode
from app.domain.words import Stated, shown

_TO_DO = "Add it NOT VALID, and VALIDATE CONSTRAINT in a second migration: that lets writes go on."


def _judge(stated: Stated, scene: Scene) -> Iterator[Found]:
    for table, action in actions(stated, scene):
        constraint, column = added_constraint(action), added_column(action)
        if constraint is not None and constraint.begins("FOREIGN") and not unvalidated(constraint):
            other, _ = constraint.name(constraint.find("REFERENCES") + 1)
            happens = f"Nobody can write {shown(table)} or {shown(other)} while the rows are compared."
            yield Found(HazardCode.BLOCKS_WRITES, table, happens, _TO_DO)
        elif column is not None and column[1].has_at_top("REFERENCES"):
            happens = f"Nobody can read or write {shown(table)} while the new column is compared."
            to_do = "Add the column alone, then the foreign key NOT VALID, then VALIDATE CONSTRAINT."
            yield Found(HazardCode.BLOCKS_READS, f"{table}.{column[0]}", happens, to_do)


RULE = Rule(("ALTER TABLE",), _judge)
