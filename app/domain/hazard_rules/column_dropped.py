"""ALTER TABLE … DROP COLUMN, and ALTER TYPE … DROP ATTRIBUTE, which is the same for a composite type."""

from collections.abc import Iterator

from app.domain.hazard_rules.rule import Found, Rule, Scene, actions
from app.domain.hazards import HazardCode
from app.domain.words import Stated

_NO_COLUMNS = frozenset({"CONSTRAINT"})


def _judge(stated: Stated, scene: Scene) -> Iterator[Found]:
    if stated.verb == "ALTER TYPE":
        yield from _attributes(stated)
        return
    for table, action in actions(stated, scene):
        if action.begins("DROP") and action.word(1) not in _NO_COLUMNS:
            column = action.column(action.skipping(1, "COLUMN", "IF", "EXISTS"))
            yield Found(HazardCode.COLUMN_DROPPED, f"{table}.{column}")


def _attributes(stated: Stated) -> Iterator[Found]:
    name, at = stated.words.name(2)
    for action in stated.words.between(at).parts():
        if action.begins("DROP", "ATTRIBUTE"):
            column = action.column(action.skipping(2, "IF", "EXISTS"))
            yield Found(HazardCode.COLUMN_DROPPED, f"{name}.{column}")


RULE = Rule(("ALTER TABLE", "ALTER FOREIGN TABLE", "ALTER TYPE"), _judge)
