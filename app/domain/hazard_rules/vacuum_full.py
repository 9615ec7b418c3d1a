"""VACUUM FULL copies the table under ACCESS EXCLUSIVE."""

from collections.abc import Iterator

from app.domain.hazard_rules.rule import Found, Rule, Scene
from app.domain.hazards import HazardCode
from app.domain.words import Stated

_OFF = frozenset({"FALSE", "OFF", "0"})


def _judge(stated: Stated, scene: Scene) -> Iterator[Found]:
    words = stated.words
    end = words.end_of_parentheses(1) if words.word(1) == "(" else len(words)
    at = words.find("FULL")
    if not 0 < at < end or words.word(at + 1) in _OFF:
        return
    start = end if words.word(1) == "(" else words.skipping(at, "FULL", "FREEZE", "VERBOSE", "ANALYZE")
    table, _ = words.name(start)
    if table not in scene.created:
        yield Found(
            HazardCode.TABLE_REWRITE, table, to_do="Use plain VACUUM; give space back with a tool that works online."
        )


RULE = Rule(("VACUUM",), _judge)
