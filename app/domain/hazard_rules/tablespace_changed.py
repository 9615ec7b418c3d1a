"""SET TABLESPACE copies every file of the table, and SET ACCESS METHOD (PostgreSQL 15) every row."""

from collections.abc import Iterator

from app.domain.hazard_rules.rule import Found, Rule, Scene, actions
from app.domain.hazards import HazardCode
from app.domain.words import Stated


def _judge(stated: Stated, scene: Scene) -> Iterator[Found]:
    for table, action in actions(stated, scene):
        if action.has("SET", "TABLESPACE") or action.begins("SET", "ACCESS", "METHOD"):
            yield Found(HazardCode.TABLE_REWRITE, table)


RULE = Rule(("ALTER TABLE", "ALTER INDEX", "ALTER MATERIALIZED VIEW"), _judge)
