"""Types that stand under their name: labels of enums, attributes of composite types, what a domain lets through."""

from collections.abc import Iterator

from app.domain.dry_run import Effect
from app.domain.effects.columns import narrows
from app.domain.effects.passage import Passage, stored
from app.domain.hazards import HazardCode
from app.domain.schema import SchemaObject
from app.domain.words import folded, shown, words_of

_LOOKED_AT = "Nobody can write a table with a column of the domain while every row of it is looked at."


def effects(passage: Passage) -> Iterator[Effect]:
    for was, now in _standing(passage, "enum"):
        lost = [label for label in was.texts("labels") if label not in now.texts("labels")]
        if lost:
            name = stored(was.identity)
            labels = ", ".join(f"'{label}'" for label in lost)
            happens = f"{shown(name)} has no label {labels} from then on."
            yield Effect(HazardCode.ENUM_LABEL_CHANGED, name, name, happens)
    for was, now in _standing(passage, "composite type"):
        yield from _attributes(was, now)
    for was, now in _standing(passage, "domain"):
        if now.facts.get("not_null") and not was.facts.get("not_null"):
            yield Effect(HazardCode.BLOCKS_WRITES, stored(was.identity), stored(was.identity), _LOOKED_AT)


def _standing(passage: Passage, kind: str) -> Iterator[tuple[SchemaObject, SchemaObject]]:
    """Also one that was dropped and made again under its name: whoever uses it sees no other."""
    for was in passage.before.schema:
        if was.kind == kind:
            now = passage.became(was) or passage.after.schema.get(kind, was.identity)
            if now is not None:
                yield was, now


def _attributes(was: SchemaObject, now: SchemaObject) -> Iterator[Effect]:
    owner = stored(was.identity)
    before, after = _typed(was), _typed(now)
    for at, (name, type_) in enumerate(before.items()):
        if name in after:
            if after[name] != type_ and narrows(type_, after[name]):
                happens = f"Values of {shown(owner)}.{name}, which is {type_} now, may not fit into {after[name]}."
                yield Effect(HazardCode.TYPE_NARROWED, f"{owner}.{name}", owner, happens)
            continue
        other = list(after.items())[at : at + 1]
        if other and other[0][0] not in before and other[0][1] == type_:
            happens = f"{shown(owner)}.{name} is called {other[0][0]} from then on."
            yield Effect(HazardCode.OBJECT_RENAMED, f"{owner}.{name}", owner, happens)
        else:
            yield Effect(HazardCode.COLUMN_DROPPED, f"{owner}.{name}", owner)


def _typed(composite: SchemaObject) -> dict[str, str]:
    """The types of its attributes, by name, in their order."""
    found: dict[str, str] = {}
    for attribute in composite.texts("attributes"):
        word = words_of(attribute).raw[0]
        found[folded(word)] = attribute[len(word) + 1 :]
    return found
