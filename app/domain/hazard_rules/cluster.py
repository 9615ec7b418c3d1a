"""CLUSTER copies the table in the order of an index under ACCESS EXCLUSIVE."""

from collections.abc import Iterator

from app.domain.hazard_rules.rule import Found, Rule, Scene
from app.domain.hazards import HazardCode
from app.domain.words import Stated


def _judge(stated: Stated, scene: Scene) -> Iterator[Found]:
    words = stated.words
    at = words.end_of_parentheses(1) if words.word(1) == "(" else words.skipping(1, "VERBOSE")
    table, after = words.name(at)
    if words.begins("ON", at=after):
        # the old form: CLUSTER index ON table
        table, _ = words.name(after + 1)
    if table not in scene.created:
        yield Found(HazardCode.TABLE_REWRITE, table, to_do="Leave it out, or run it when nobody needs the table.")


RULE = Rule(("CLUSTER",), _judge)
