"""ALTER COLUMN … TYPE: the table is written anew, unless the change is one that keeps the values as they lie.

Without the column's current type a text alone does not tell; then it may be a rewrite, and says so.
"""

from collections.abc import Iterator

from app.domain.casts import Cast, cast_between, read_type, type_of
from app.domain.hazard_rules.rule import Found, Rule, Scene, actions
from app.domain.hazards import HazardCode, Risk
from app.domain.words import Stated, Words, shown


def retyped(action: Words) -> tuple[str, Words] | None:
    """The column and the words from its new type on; None for any other action."""
    if not action.begins("ALTER"):
        return None
    at = action.skipping(1, "COLUMN")
    column, after = action.column(at), action.skipping(at + 1, "SET", "DATA")
    return (column, action.between(after + 1)) if action.begins("TYPE", at=after) else None


def _judge(stated: Stated, scene: Scene) -> Iterator[Found]:
    for table, action in actions(stated, scene):
        found = retyped(action)
        if found is None:
            continue
        column, rest = found
        old = scene.column_types.get((table, column))
        name = f"{table}.{column}"
        if old is None:
            happens = f"{shown(table)} may be written anew: it depends on the type that {column} has now."
            yield Found(HazardCode.TABLE_REWRITE, name, happens, risk=Risk.MEDIUM)
        elif rest.has("USING") or cast_between(type_of(old), read_type(rest)) is not Cast.IN_PLACE:
            yield Found(HazardCode.TABLE_REWRITE, name, f"{shown(table)} is written anew: {column} is {old} now.")


RULE = Rule(("ALTER TABLE",), _judge)
