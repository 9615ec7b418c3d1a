"""CREATE INDEX and REINDEX CONCURRENTLY: nobody waits, but the disk works."""

from collections.abc import Iterator

from app.domain.hazard_rules.rule import Found, Rule, Scene
from app.domain.hazards import HazardCode
from app.domain.words import Stated


def _judge(stated: Stated, scene: Scene) -> Iterator[Found]:
    words = stated.words
    if stated.verb.startswith("CREATE"):
        at = words.find("ON")
        name, _ = words.name(words.skipping(at + 1, "ONLY"))
    else:
        at = words.end_of_parentheses(1) if words.word(1) == "(" else 1
        name, _ = words.name(words.skipping(at + 1, "CONCURRENTLY"))
    if name not in scene.created:
        yield Found(HazardCode.INDEX_BUILD, name)


RULE = Rule(
    (
        "CREATE INDEX CONCURRENTLY", "REINDEX TABLE CONCURRENTLY", "REINDEX INDEX CONCURRENTLY",
        "REINDEX SCHEMA CONCURRENTLY", "REINDEX DATABASE CONCURRENTLY",
    ),
    _judge,
)  # fmt: skip
