"""DELETE without WHERE, also one inside WITH."""

from collections.abc import Iterator

from app.domain.hazard_rules.rule import Found, Rule, Scene, written_rows
from app.domain.hazards import HazardCode
from app.domain.words import Stated


def _judge(stated: Stated, scene: Scene) -> Iterator[Found]:
    for _, rest in written_rows(stated.words, "DELETE", "FROM"):
        table, _ = rest.name(rest.skipping(0, "ONLY"))
        if not rest.has_at_top("WHERE") and table not in scene.created:
            yield Found(HazardCode.ROWS_REMOVED, table)


RULE = Rule(("DELETE", "WITH"), _judge)
