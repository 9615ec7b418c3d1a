"""UPDATE without WHERE, also one inside WITH."""

from collections.abc import Iterator

from app.domain.hazard_rules.rule import Found, Rule, Scene, written_rows
from app.domain.hazards import HazardCode
from app.domain.words import Stated, Words


def _judge(stated: Stated, scene: Scene) -> Iterator[Found]:
    for _, rest in written_rows(stated.words, "UPDATE"):
        table, after = rest.name(rest.skipping(0, "ONLY"))
        if _is_update(rest, after) and not rest.has_at_top("WHERE") and table not in scene.created:
            yield Found(HazardCode.ALL_ROWS_CHANGED, table)


def _is_update(rest: Words, after: int) -> bool:
    """FOR UPDATE and DO UPDATE have no table and a SET behind them: `SET`, or an alias and then it."""
    return not rest.begins("SET") and "SET" in rest.upper[after : after + 4]


RULE = Rule(("UPDATE", "WITH"), _judge)
