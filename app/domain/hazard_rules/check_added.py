"""A CHECK without NOT VALID: nobody reads or writes the table while every row is looked at."""

from collections.abc import Iterator

from app.domain.hazard_rules.rule import Found, Rule, Scene, actions, added_column, added_constraint, unvalidated
from app.domain.hazards import HazardCode
from app.domain.words import Stated

_HAPPENS = "Nobody can read or write the table while every row is looked at."
_TO_DO = "Add it NOT VALID, and VALIDATE CONSTRAINT in a second migration: that lets reads and writes go on."


def _judge(stated: Stated, scene: Scene) -> Iterator[Found]:
    if stated.verb == "ALTER DOMAIN":
        yield from _of_domain(stated)
        return
    for table, action in actions(stated, scene):
        constraint, column = added_constraint(action), added_column(action)
        if constraint is not None and constraint.begins("CHECK") and not unvalidated(constraint):
            yield Found(HazardCode.BLOCKS_READS, table, _HAPPENS, _TO_DO)
        elif column is not None and column[1].has_at_top("CHECK"):
            yield Found(HazardCode.BLOCKS_READS, f"{table}.{column[0]}", _HAPPENS, _TO_DO)


def _of_domain(stated: Stated) -> Iterator[Found]:
    """Every table with a column of the domain is looked at, under SHARE."""
    domain, at = stated.words.name(2)
    constraint = added_constraint(stated.words.between(at))
    if constraint is not None and not unvalidated(constraint):
        happens = "Nobody can write a table with a column of the domain while every row of it is looked at."
        yield Found(HazardCode.BLOCKS_WRITES, domain, happens, _TO_DO)


RULE = Rule(("ALTER TABLE", "ALTER DOMAIN"), _judge)
