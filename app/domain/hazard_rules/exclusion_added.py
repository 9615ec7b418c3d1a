"""An exclusion constraint: there is no form of it that lets others go on."""

from collections.abc import Iterator

from app.domain.hazard_rules.rule import Found, Rule, Scene, actions, added_constraint
from app.domain.hazards import HazardCode
from app.domain.words import Stated

_HAPPENS = "Nobody can read or write the table while the index is built; it fails where two rows exclude each other."
_TO_DO = "Run it when nobody needs the table, or build it on a new table and move the rows."


def _judge(stated: Stated, scene: Scene) -> Iterator[Found]:
    for table, action in actions(stated, scene):
        constraint = added_constraint(action)
        if constraint is not None and constraint.begins("EXCLUDE"):
            yield Found(HazardCode.BLOCKS_READS, table, _HAPPENS, _TO_DO)


RULE = Rule(("ALTER TABLE",), _judge)
