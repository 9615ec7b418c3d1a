"""CASCADE at the end of a DROP, TRUNCATE, REVOKE or ALTER … DROP; that of a foreign key is another word."""

from collections.abc import Iterator

from app.domain.hazard_rules.rule import Found, Rule, Scene, actions, dropped
from app.domain.hazards import HazardCode
from app.domain.words import Stated

_OF_TABLES = ("DROP TABLE", "DROP VIEW", "DROP MATERIALIZED VIEW", "DROP FOREIGN TABLE")


def _judge(stated: Stated, scene: Scene) -> Iterator[Found]:
    if stated.verb in ("ALTER TABLE", "ALTER FOREIGN TABLE"):
        for table, action in actions(stated, scene):
            if action.begins("DROP") and _ends_so(action.upper):
                yield Found(HazardCode.CASCADE_USED, table)
    elif _ends_so(stated.words.upper) and not _is_new(stated, scene):
        names = dropped(stated) if stated.verb.startswith("DROP") else ()
        yield Found(HazardCode.CASCADE_USED, names[0] if names else "")


def _ends_so(words: tuple[str, ...]) -> bool:
    return bool(words) and words[-1] == "CASCADE"


def _is_new(stated: Stated, scene: Scene) -> bool:
    return stated.verb in _OF_TABLES and all(name in scene.created for name in dropped(stated))


RULE = Rule(("DROP", "TRUNCATE", "REVOKE", "ALTER TABLE", "ALTER FOREIGN TABLE", "ALTER DOMAIN", "ALTER TYPE"), _judge)
