"""What went along with something that was dropped, and that the file does not name: only CASCADE takes it."""

from collections.abc import Iterator
from dataclasses import dataclass

from app.domain.dry_run import Effect
from app.domain.effects.dropped import FUNCTIONS, TYPES, mentions_a_lost_column
from app.domain.effects.passage import RELATIONS, TABLES, Passage, made_as, stored
from app.domain.hazards import HazardCode
from app.domain.schema import SchemaObject
from app.domain.words import folded, shown, words_of

MOST_NAMED = 5
_ROOTS = (*RELATIONS, *FUNCTIONS, *TYPES, "sequence")
_USERS = ("view", "materialized view", *FUNCTIONS, "trigger", "policy", "rule", "domain constraint")
_HAPPENS = "With {root} go {others}, which the file does not name; what uses them fails."


@dataclass(frozen=True, slots=True)
class _Taken:
    """One that is gone, or a part of it; `uses`: the words of its definition; `refers`: the table of a foreign key."""

    name: str
    uses: frozenset[str]
    schema: str
    refers: str = ""


def effects(passage: Passage) -> Iterator[Effect]:
    roots = [*passage.gone("schema"), *(one for one in passage.gone(*_ROOTS) if not passage.goes_with_its_schema(one))]
    columns = [one for one in passage.gone("column") if passage.stays(one.of) is not None]
    if not roots and not columns:
        return
    taken = [one for one in _taken(passage) if not passage.names(one.name)]
    for root in (*roots, *columns):
        others = sorted({one.name for one in taken if _goes_with(root, one)} - {stored(root.identity)})
        if others and not passage.back(root):
            yield _effect(root, others)


def _effect(root: SchemaObject, others: list[str]) -> Effect:
    more = f" and {len(others) - MOST_NAMED} more" if len(others) > MOST_NAMED else ""
    said = ", ".join(map(shown, others[:MOST_NAMED])) + more
    is_column = root.kind == "column"
    name = stored((root.of or "") if is_column else root.identity)
    of = name if is_column else made_as(root)
    return Effect(HazardCode.CASCADE_USED, name, of, _HAPPENS.format(root=shown(stored(root.identity)), others=said))


def _goes_with(root: SchemaObject, one: _Taken) -> bool:
    if root.kind == "schema":
        return one.schema == root.identity
    if root.kind in TABLES and one.refers:
        return one.refers == stored(root.identity)
    name = root.name if root.kind == "column" else stored(root.identity).rpartition(".")[2]
    if root.kind == "column" and stored(root.of or "").rpartition(".")[2] not in one.uses:
        return False
    return folded(name) in one.uses


def _taken(passage: Passage) -> Iterator[_Taken]:
    for one in passage.gone(*_USERS, *TABLES, "sequence"):
        if not passage.back(one) and not _goes_with_its_table(passage, one):
            yield _Taken(stored(one.identity), _words(one.text("definition")), _schema(one))
    for key in passage.gone("constraint"):
        refers = stored((key.text("definition") or "").partition(" REFERENCES ")[2])
        stands = passage.stays(key.of) is not None and not passage.back(key)
        if refers and stands and not mentions_a_lost_column(passage, key):
            yield _Taken(stored(key.identity), frozenset(), "", refers)
    for column in passage.gone("column"):
        if passage.stays(column.of) is not None and not column.facts.get("inherited"):
            yield _Taken(stored(column.identity), _words(column.text("type")), "")
    for was, now in passage.pairs("column"):
        if was.text("default") and not now.text("default"):
            yield _Taken(f"the default of {shown(stored(was.identity))}", _words(was.text("default")), "")


def _goes_with_its_table(passage: Passage, one: SchemaObject) -> bool:
    """A trigger, policy or rule, a partition, and the sequence of a column."""
    if one.of is not None and one.kind not in (*RELATIONS, *FUNCTIONS):
        return passage.stays(one.of) is None
    return one.text("bound") is not None


def _schema(one: SchemaObject) -> str:
    """As it is written before its name; '' of what is part of something else."""
    return "" if one.of else one.identity.partition(".")[0]


def _words(text: str | None) -> frozenset[str]:
    """The names in it; those in a string, as of a sequence, are parts of one too."""
    found: set[str] = set()
    for word in words_of(text or "").raw:
        found |= set(word.strip("'").replace('"', "").split(".")) if word.startswith("'") else {folded(word)}
    return frozenset(found)
