"""DO and CALL: what they do is known only from running them. A whole migration in Python is judged in `examine`."""

from collections.abc import Iterator

from app.domain.blocks import is_readable
from app.domain.hazard_rules.rule import Found, Rule, Scene
from app.domain.hazards import HazardCode, Risk
from app.domain.words import Stated


def _judge(stated: Stated, scene: Scene) -> Iterator[Found]:
    if stated.verb == "CALL":
        name, _ = stated.words.name(1)
        yield Found(HazardCode.UNSEEN_STATEMENTS, name, "What the procedure does is not in this file.")
    elif not is_readable(stated.statement):
        yield Found(HazardCode.UNSEEN_STATEMENTS, "DO")
    else:
        happens = (
            "What is written in the block is judged; which of it happens, and what it calls, is known from running it."
        )
        yield Found(HazardCode.UNSEEN_STATEMENTS, "DO", happens, risk=Risk.LOW)


RULE = Rule(("DO", "CALL"), _judge)
