"""ADD COLUMN … NOT NULL without a default."""

from collections.abc import Iterator

from app.domain.hazard_rules.rule import Found, Rule, Scene, actions, added_column
from app.domain.hazards import HazardCode
from app.domain.words import Stated, Words

_FILLED = ("DEFAULT", "GENERATED")
_SERIALS = frozenset({"SERIAL", "BIGSERIAL", "SMALLSERIAL", "SERIAL2", "SERIAL4", "SERIAL8"})


def _judge(stated: Stated, scene: Scene) -> Iterator[Found]:
    for table, action in actions(stated, scene):
        found = added_column(action)
        if found is not None and _is_required(found[1]):
            yield Found(HazardCode.REQUIRED_COLUMN, f"{table}.{found[0]}")


def _is_required(definition: Words) -> bool:
    if definition.has_at_top(*_FILLED) or definition.word(0) in _SERIALS:
        return False
    return definition.has("NOT", "NULL") or definition.has("PRIMARY", "KEY")


RULE = Rule(("ALTER TABLE",), _judge)
