"""What stands where it stood, under another name or in another schema. Constraints and indexes are in no query."""

from collections.abc import Iterator

from app.domain.dry_run import Effect
from app.domain.effects.dropped import FUNCTIONS, TYPES
from app.domain.effects.passage import RELATIONS, Passage, made_as, stored
from app.domain.hazards import HazardCode
from app.domain.schema import SchemaObject
from app.domain.words import folded, shown

_NAMED = (*RELATIONS, *FUNCTIONS, *TYPES, "sequence")


def effects(passage: Passage) -> Iterator[Effect]:
    for was, now in passage.moved_schemas.items():
        yield _called(stored(was), "", stored(now))
    for one, other in passage.pairs(*_NAMED):
        yield from _moved(passage, one, other)
    for one, other in passage.pairs("column"):
        if one.name != other.name and not one.facts.get("inherited"):
            yield _called(stored(one.identity), stored(one.of or ""), folded(other.name))


def _moved(passage: Passage, was: SchemaObject, now: SchemaObject) -> Iterator[Effect]:
    before, after = stored(_carried(passage, was.identity)), stored(now.identity)
    if before == after:
        return
    (schema, name), (new_schema, new_name) = _split(before), _split(after)
    if name != new_name:
        yield _called(stored(was.identity), made_as(was), new_name)
    elif schema != new_schema:
        happens = f"{shown(stored(was.identity))} moves into the schema {new_schema}."
        yield Effect(HazardCode.OBJECT_RENAMED, stored(was.identity), made_as(was), happens)


def _called(name: str, of: str, new: str) -> Effect:
    return Effect(HazardCode.OBJECT_RENAMED, name, of, f"{shown(name)} is called {new} from then on.")


def _carried(passage: Passage, identity: str) -> str:
    """Its name, had it only gone along with its schema."""
    for was, now in passage.moved_schemas.items():
        if identity.startswith(f"{was}."):
            return now + identity[len(was) :]
    return identity


def _split(name: str) -> tuple[str, str]:
    schema, _, rest = name.partition(".")
    return schema, rest
