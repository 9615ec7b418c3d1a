"""UNIQUE or PRIMARY KEY without USING INDEX: the index is built while nobody reads or writes the table."""

from collections.abc import Iterator

from app.domain.hazard_rules.rule import Found, Rule, Scene, actions, added_column, added_constraint
from app.domain.hazards import HazardCode
from app.domain.words import Stated, Words

_HAPPENS = "Nobody can read or write the table while the index is built; it fails where two rows are equal."
_TO_DO = "CREATE UNIQUE INDEX CONCURRENTLY first, then ADD CONSTRAINT … USING INDEX."


def _judge(stated: Stated, scene: Scene) -> Iterator[Found]:
    for table, action in actions(stated, scene):
        constraint, column = added_constraint(action), added_column(action)
        if constraint is not None and _builds(constraint):
            yield Found(HazardCode.BLOCKS_READS, table, _HAPPENS, _TO_DO)
        elif column is not None and column[1].has_at_top("UNIQUE", "PRIMARY"):
            yield Found(HazardCode.BLOCKS_READS, f"{table}.{column[0]}", _HAPPENS, _TO_DO)


def _builds(constraint: Words) -> bool:
    return constraint.word(0) in ("UNIQUE", "PRIMARY") and not constraint.has("USING", "INDEX")


RULE = Rule(("ALTER TABLE",), _judge)
