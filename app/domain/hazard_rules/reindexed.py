"""REINDEX without CONCURRENTLY: writes wait, and every query that could use the index."""

from collections.abc import Iterator

from app.domain.hazard_rules.rule import Found, Rule, Scene
from app.domain.hazards import HazardCode
from app.domain.words import Stated

_HAPPENS = "Nobody can write the table, nor plan a query that could use the index, while it is built."
_TO_DO = "Write REINDEX … CONCURRENTLY, in a migration of its own."


def _judge(stated: Stated, scene: Scene) -> Iterator[Found]:
    words = stated.words
    at = words.end_of_parentheses(1) if words.word(1) == "(" else 1
    name, _ = words.name(at + 1)
    if name not in scene.created:
        yield Found(HazardCode.BLOCKS_READS, name, _HAPPENS, _TO_DO)


RULE = Rule(("REINDEX TABLE", "REINDEX INDEX", "REINDEX SCHEMA", "REINDEX DATABASE", "REINDEX SYSTEM"), _judge)
