"""A trigger or rule dropped or switched off, unless the same transaction makes it again."""

from collections.abc import Iterator

from app.domain.hazard_rules.rule import Found, Rule, Scene, actions
from app.domain.hazards import HazardCode
from app.domain.words import Stated, shown


def _judge(stated: Stated, scene: Scene) -> Iterator[Found]:
    if stated.verb.startswith("DROP"):
        yield from _dropped(stated, scene)
        return
    for table, action in actions(stated, scene):
        if action.begins("DISABLE") and action.word(1) in ("TRIGGER", "RULE"):
            name = action.column(2)
            happens = f"{name} of {shown(table)} does nothing until it is switched on again."
            yield Found(HazardCode.TRIGGER_REMOVED, f"{table}.{name}", happens)


def _dropped(stated: Stated, scene: Scene) -> Iterator[Found]:
    words = stated.words
    at = words.skipping(len(stated.verb.split()), "IF", "EXISTS")
    name, on = words.column(at), words.find("ON")
    table = words.name(on + 1)[0] if on > 0 else ""
    if table in scene.created or (scene.transactional and _comes_back(stated, scene, name)):
        return
    yield Found(HazardCode.TRIGGER_REMOVED, f"{table}.{name}" if table else name)


def _comes_back(stated: Stated, scene: Scene, name: str) -> bool:
    verb = stated.verb.replace("DROP", "CREATE")
    noun = stated.verb.split()[-1]
    made = (later.words for later in scene.later(stated) if later.verb == verb)
    return any(words.column(words.find(noun) + 1) == name for words in made)


RULE = Rule(("DROP TRIGGER", "DROP RULE", "DROP EVENT TRIGGER", "ALTER TABLE"), _judge)
