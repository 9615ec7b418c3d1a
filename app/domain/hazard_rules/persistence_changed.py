"""SET LOGGED and SET UNLOGGED copy the table; an unlogged one is empty after a crash."""

from collections.abc import Iterator

from app.domain.hazard_rules.rule import Found, Rule, Scene, actions
from app.domain.hazards import HazardCode
from app.domain.words import Stated, shown


def _judge(stated: Stated, scene: Scene) -> Iterator[Found]:
    for table, action in actions(stated, scene):
        if action.begins("SET", "UNLOGGED"):
            happens = f"{shown(table)} is written anew, and is empty after a crash of the server from then on."
            yield Found(HazardCode.TABLE_REWRITE, table, happens)
        elif action.begins("SET", "LOGGED"):
            yield Found(HazardCode.TABLE_REWRITE, table)


RULE = Rule(("ALTER TABLE",), _judge)
