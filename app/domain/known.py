"""What a snapshot of the target's schema tells those who look for hazards."""

from app.domain.examination import Known
from app.domain.progress import proven_not_null
from app.domain.schema import SchemaObject, Snapshot
from app.domain.words import folded, words_of


def known_of(snapshot: Snapshot) -> Known:
    """The types of columns, and the columns that a validated CHECK proves to hold no NULL."""
    types = {
        (_table(one), folded(one.name)): found
        for one in snapshot
        if one.kind == "column" and (found := one.text("type")) is not None
    }
    proven = frozenset(
        (_table(one), column) for one in snapshot if one.kind == "constraint" and (column := _proven(one))
    )
    return Known(column_types=types, not_null=proven)


def _table(part: SchemaObject) -> str:
    """As statements name it, without the quotes that a snapshot writes where they are needed."""
    of = part.of or ""
    return words_of(of).name(0)[0] if '"' in of else of


def _proven(constraint: SchemaObject) -> str:
    """'' for one that proves nothing of the kind, or is not validated."""
    definition = constraint.text("definition") or ""
    if not definition.startswith("CHECK") or definition.endswith("NOT VALID"):
        return ""
    return proven_not_null(words_of(definition))
