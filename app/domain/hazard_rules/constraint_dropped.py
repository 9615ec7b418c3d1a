"""DROP CONSTRAINT, a primary key among them, and DROP INDEX of what a constraint is made of is refused anyway."""

from collections.abc import Iterator

from app.domain.hazard_rules.rule import Found, Rule, Scene, actions
from app.domain.hazards import HazardCode
from app.domain.words import Stated


def _judge(stated: Stated, scene: Scene) -> Iterator[Found]:
    if stated.verb == "ALTER DOMAIN":
        domain, at = stated.words.name(2)
        if stated.words.begins("DROP", "CONSTRAINT", at=at):
            yield Found(HazardCode.CONSTRAINT_DROPPED, domain)
        return
    for table, action in actions(stated, scene):
        if action.begins("DROP", "CONSTRAINT"):
            name = action.column(action.skipping(2, "IF", "EXISTS"))
            yield Found(HazardCode.CONSTRAINT_DROPPED, f"{table}.{name}")


RULE = Rule(("ALTER TABLE", "ALTER DOMAIN"), _judge)
