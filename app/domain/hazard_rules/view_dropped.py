"""DROP VIEW; when the script makes it again, its columns and grants are what is at stake.

CREATE OR REPLACE VIEW is no hazard: the server refuses one that loses a column.
"""

from collections.abc import Iterator

from app.domain.hazard_rules.rule import Found, Rule, Scene, dropped, made_again
from app.domain.hazards import HazardCode
from app.domain.words import Stated


def _judge(stated: Stated, scene: Scene) -> Iterator[Found]:
    again = stated.verb.replace("DROP", "CREATE")
    for view in dropped(stated):
        if view not in scene.created:
            comes_back = made_again(stated, scene, again, view)
            yield Found(HazardCode.VIEW_CHANGED if comes_back else HazardCode.VIEW_DROPPED, view)


RULE = Rule(("DROP VIEW", "DROP MATERIALIZED VIEW"), _judge)
