"""What a step has changed, a sentence for each object; what comes and goes with another one is counted there."""

from collections.abc import Iterator, Mapping

from app.domain.effects.dropped import FUNCTIONS
from app.domain.effects.passage import RELATIONS, Passage
from app.domain.schema import SOFT, SchemaObject
from app.domain.schema_folding import Differing, member
from app.domain.schema_words import counted, one_line, said

_OF_ITS_NAME = frozenset({"of", "owned_by", "definition", "constraint", "inherits", "partition_of"}) | SOFT


def changes_of(passage: Passage) -> tuple[str, ...]:
    differing = Differing.between(passage.before.schema, passage.after.schema)
    folded = differing.folded()
    found: list[str] = []
    for was, now in differing.listed().values():
        inside = folded.get(member((was, now)).identity, {})
        found += _said(passage, was, now, inside)
    again = (one for one in passage.gone(*RELATIONS, *FUNCTIONS) if one.key in passage.after.schema.objects)
    found += [f"{_name(one)} is dropped and made again" for one in again if one.key not in differing.pairs]
    return tuple(found)


def _said(
    passage: Passage, was: SchemaObject | None, now: SchemaObject | None, inside: Mapping[str, int]
) -> Iterator[str]:
    if was is not None and now is not None:
        became = passage.became(was)
        if became is None:
            yield f"{_name(now)} is dropped and made again"
            return
        if became.key == now.key:
            yield f"{_name(now)}: {_facts(was, now)}"
            return
    if was is not None:
        yield from _gone(passage, was, inside)
    if now is not None and passage.was(now) is None:
        yield f"{_name(now)} is made{_with(inside)}{_definition(now)}"


def _gone(passage: Passage, was: SchemaObject, inside: Mapping[str, int]) -> Iterator[str]:
    now = passage.became(was)
    if now is None:
        yield f"{_name(was)} is dropped{_with(inside)}"
    elif now.name != was.name:
        facts = _facts(was, now, _OF_ITS_NAME)
        yield f"{_name(was)} is called {now.name} now" + (f": {facts}" if facts else "")


def _facts(was: SchemaObject, now: SchemaObject, but: frozenset[str] = SOFT) -> str:
    names = sorted((was.facts.keys() | now.facts.keys()) - but)
    pairs = ((name, was.facts.get(name), now.facts.get(name)) for name in names)
    return "; ".join(said(name, before, after) for name, before, after in pairs if before != after)


def _definition(one: SchemaObject) -> str:
    text = one.text("type") if one.kind == "column" else one.text("definition")
    return f": {one_line(text)}" if text else ""


def _with(inside: Mapping[str, int]) -> str:
    return f" ({counted(inside)})" if inside else ""


def _name(one: SchemaObject) -> str:
    return f"{one.kind} {one.identity}"
