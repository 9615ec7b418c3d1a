"""ALTER TYPE … RENAME VALUE, and the catalog's rows changed by hand, which is how labels are removed."""

from collections.abc import Iterator

from app.domain.hazard_rules.rule import Found, Rule, Scene
from app.domain.hazards import HazardCode
from app.domain.words import Stated, shown

_CATALOG = "pg_enum"


def _judge(stated: Stated, scene: Scene) -> Iterator[Found]:
    words = stated.words
    if stated.verb == "ALTER TYPE":
        name, at = words.name(2)
        if words.begins("RENAME", "VALUE", at=at):
            happens = f"{shown(name)} has no label {' '.join(words.raw[at + 2 : at + 3])} from then on."
            yield Found(HazardCode.ENUM_LABEL_CHANGED, name, happens)
    elif _CATALOG in (word.lower() for word in words.raw[:6]):
        yield Found(HazardCode.ENUM_LABEL_CHANGED, f"pg_catalog.{_CATALOG}")


RULE = Rule(("ALTER TYPE", "DELETE", "UPDATE"), _judge)
