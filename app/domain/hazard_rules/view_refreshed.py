"""REFRESH MATERIALIZED VIEW without CONCURRENTLY: its readers wait. WITH NO DATA empties it."""

from collections.abc import Iterator

from app.domain.hazard_rules.rule import Found, Rule, Scene
from app.domain.hazards import HazardCode
from app.domain.words import Stated

_HAPPENS = "Nobody can read the view while it is worked out."
_TO_DO = "Write REFRESH MATERIALIZED VIEW CONCURRENTLY; the view needs a unique index for that."


def _judge(stated: Stated, scene: Scene) -> Iterator[Found]:
    words = stated.words
    view, _ = words.name(words.skipping(3, "CONCURRENTLY"))
    if not words.begins("CONCURRENTLY", at=3) and view not in scene.created:
        yield Found(HazardCode.BLOCKS_READS, view, _HAPPENS, _TO_DO)


RULE = Rule(("REFRESH MATERIALIZED VIEW",), _judge)
