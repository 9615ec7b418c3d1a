"""A policy dropped, unless the same transaction makes it again; row security switched off."""

from collections.abc import Iterator

from app.domain.hazard_rules.rule import Found, Rule, Scene, actions
from app.domain.hazards import HazardCode
from app.domain.words import Stated, shown


def _judge(stated: Stated, scene: Scene) -> Iterator[Found]:
    if stated.verb == "DROP POLICY":
        yield from _dropped(stated, scene)
        return
    for table, action in actions(stated, scene):
        if action.begins("DISABLE", "ROW", "LEVEL", "SECURITY"):
            happens = f"Every policy of {shown(table)} is ignored: whoever may read the table reads every row."
            yield Found(HazardCode.ROW_SECURITY_WEAKENED, table, happens)
        elif action.begins("NO", "FORCE", "ROW", "LEVEL", "SECURITY"):
            yield Found(HazardCode.ROW_SECURITY_WEAKENED, table, f"The owner of {shown(table)} sees every row.")


def _dropped(stated: Stated, scene: Scene) -> Iterator[Found]:
    words = stated.words
    policy = words.column(words.skipping(2, "IF", "EXISTS"))
    table, _ = words.name(words.find("ON") + 1)
    made = (later.words for later in scene.later(stated) if later.verb == "CREATE POLICY")
    comes_back = scene.transactional and any(one.column(2) == policy for one in made)
    if not comes_back and table not in scene.created:
        yield Found(HazardCode.ROW_SECURITY_WEAKENED, f"{table}.{policy}")


RULE = Rule(("DROP POLICY", "ALTER TABLE"), _judge)
