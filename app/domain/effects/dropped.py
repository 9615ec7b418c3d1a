"""What is gone. What goes with something larger is said by that alone; what has come back is no loss."""

from collections.abc import Iterator

from app.domain.dry_run import Effect
from app.domain.effects.passage import RELATIONS, TABLES, Passage, made_as, stored
from app.domain.hazards import HazardCode, Risk
from app.domain.schema import SchemaObject
from app.domain.words import folded, words_of

FUNCTIONS = ("function", "procedure", "aggregate")
TYPES = ("enum", "domain", "range", "composite type", "base type")
_PLAIN = (
    *TYPES, "sequence", "collation", "language", "cast", "operator", "operator class", "operator family",
    "text search configuration", "text search dictionary", "foreign server", "foreign data wrapper", "publication",
)  # fmt: skip
_VIEWS = ("view", "materialized view")
_INDEX_DROPPED = "Nobody can read or write its table from then on until the migration has ended."
_INDEX_TO_DO = "Write DROP INDEX CONCURRENTLY, in a migration of its own."


def effects(passage: Passage) -> Iterator[Effect]:
    for one in passage.gone("schema"):
        yield Effect(HazardCode.SCHEMA_DROPPED, stored(one.identity))
    for one in passage.gone("extension"):
        yield Effect(HazardCode.EXTENSION_DROPPED, stored(one.identity))
    for one in passage.gone(*RELATIONS, *FUNCTIONS, *_PLAIN):
        if not passage.goes_with_its_schema(one) and not _goes_with_its_owner(passage, one):
            yield from _whole(passage, one)
    for one in passage.gone("column", "constraint", "domain constraint", "trigger", "rule", "policy", "index"):
        if passage.stays(one.of) is not None and not one.facts.get("inherited"):
            yield from _part(passage, one)
    for one in passage.gone("event trigger"):
        if passage.after.schema.get(*one.key) is None:
            yield Effect(HazardCode.TRIGGER_REMOVED, stored(one.identity))


def mentions_a_lost_column(passage: Passage, part: SchemaObject) -> bool:
    return any(passage.became(column) is None for column in _mentioned(passage, part))


def _whole(passage: Passage, one: SchemaObject) -> Iterator[Effect]:
    name, of = stored(one.identity), made_as(one)
    if one.kind in TABLES:
        yield Effect(HazardCode.TABLE_DROPPED, name, of)
    elif one.kind in _VIEWS:
        back = any(passage.after.schema.get(kind, one.identity) for kind in _VIEWS)
        yield Effect(HazardCode.VIEW_CHANGED if back else HazardCode.VIEW_DROPPED, name, of)
    elif one.kind in FUNCTIONS:
        back = any(stored(other.identity) == name for other in passage.fresh(*FUNCTIONS))
        yield Effect(HazardCode.FUNCTION_CHANGED if back else HazardCode.FUNCTION_DROPPED, name, of)
    elif not any(passage.after.schema.get(kind, one.identity) for kind in (one.kind, *TYPES)):
        # a name in parentheses or of an operator is no name of a table: it is shown as it is
        yield Effect(HazardCode.OBJECT_DROPPED, name if one.kind in (*TYPES, "sequence") else one.identity, of)


def _part(passage: Passage, one: SchemaObject) -> Iterator[Effect]:
    owner = stored(one.of or "")
    name = stored(one.identity)
    match one.kind:
        case "column" if passage.before.schema.get("table", one.of or "") or _is_foreign(passage, one):
            yield Effect(HazardCode.COLUMN_DROPPED, name, owner)
        case "constraint" if not _still_holds(passage, one):
            yield Effect(HazardCode.CONSTRAINT_DROPPED, name, owner)
        case "domain constraint" if not _still_holds(passage, one):
            yield Effect(HazardCode.CONSTRAINT_DROPPED, owner, owner)
        case "trigger" | "rule" if not _came_back(passage, one):
            yield Effect(HazardCode.TRIGGER_REMOVED, name, owner)
        case "policy" if not _came_back(passage, one):
            yield Effect(HazardCode.ROW_SECURITY_WEAKENED, name, owner)
        case "index" if _is_lost_index(passage, one):
            index = f"{stored(one.identity)}"
            yield Effect(HazardCode.BLOCKS_READS, index, owner, _INDEX_DROPPED, _INDEX_TO_DO, Risk.MEDIUM)


def _is_foreign(passage: Passage, column: SchemaObject) -> bool:
    return passage.before.schema.get("foreign table", column.of or "") is not None


def _goes_with_its_owner(passage: Passage, one: SchemaObject) -> bool:
    """Partitions go with their table, and the sequences of serial and identity columns with those."""
    if one.kind == "sequence" and (column := one.text("owned_by")):
        table = one.of or ""
        return bool(one.facts.get("for_identity")) or passage.column_is(table, column[len(table) + 1 :]) is None
    if one.text("bound") is None:
        return False
    return any(passage.stays(parent) is None for parent in one.texts("inherits"))


def _is_lost_index(passage: Passage, index: SchemaObject) -> bool:
    """One of a constraint goes with it, one without its columns goes with them, one of a partition with the whole."""
    if not passage.transactional or index.text("constraint") or index.text("partition_of"):
        return False
    return passage.after.schema.get(*index.key) is None and not mentions_a_lost_column(passage, index)


def _still_holds(passage: Passage, constraint: SchemaObject) -> bool:
    """Another one says the same, or what it was about is gone; a column that is given another type has it made anew."""
    owner = passage.stays(constraint.of)
    assert owner is not None
    others = [one for one in passage.after.schema.belonging_to(owner.identity) if one.kind == constraint.kind]
    if constraint.text("definition") in [one.text("definition") for one in others]:
        return True
    if mentions_a_lost_column(passage, constraint):
        return True
    return constraint.name in [one.name for one in others] and _mentions_a_retyped_column(passage, constraint)


def _came_back(passage: Passage, part: SchemaObject) -> bool:
    owner = passage.stays(part.of)
    assert owner is not None
    return passage.after.schema.get(part.kind, f"{owner.identity}.{part.name}") is not None


def _mentions_a_retyped_column(passage: Passage, part: SchemaObject) -> bool:
    pairs = ((column, passage.became(column)) for column in _mentioned(passage, part))
    return any(now is not None and now.text("type") != column.text("type") for column, now in pairs)


def _mentioned(passage: Passage, part: SchemaObject) -> Iterator[SchemaObject]:
    """Columns of its own table: what a foreign key refers to stands after REFERENCES."""
    own = (part.text("definition") or "").partition(" REFERENCES ")[0]
    words = {folded(word) for word in words_of(own).raw}
    for column in passage.before.schema.belonging_to(part.of or ""):
        if column.kind == "column" and folded(column.name) in words:
            yield column
