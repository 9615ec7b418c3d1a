"""Sequences as SQL."""

from app.domain.schema import SchemaObject
from app.domain.schema_statement import Passage, Phase, Statement, Statements, step

_OPTIONS = ("type", "start", "increment", "minimum", "maximum", "cache", "cycle")


def sequence_options(sequence: SchemaObject) -> str:
    """`INCREMENT BY 1 …`, without the type."""
    facts = sequence.facts
    return (
        f"INCREMENT BY {facts['increment']} MINVALUE {facts['minimum']} MAXVALUE {facts['maximum']} "
        f"START WITH {facts['start']} CACHE {facts['cache']} {'CYCLE' if facts.get('cycle') else 'NO CYCLE'}"
    )


def sequence_sql(passage: Passage) -> Statements | None:
    one = passage.one
    match passage.before, passage.after:
        case _, None:
            # it goes with the column that owns it, where that goes too
            return (
                ()
                if one.text("owned_by") and _column_goes(passage)
                else step(Phase.DROP_TYPES, f"DROP SEQUENCE {one.identity}")
            )
        case None, after:
            return None if after.facts.get("for_identity") else _create(after)
        case _, after:
            return _alter(passage, after)


def _create(sequence: SchemaObject) -> Statements:
    unlogged = "UNLOGGED " if sequence.text("persistence") else ""
    sql = f"CREATE {unlogged}SEQUENCE {sequence.identity} AS {sequence.text('type')} {sequence_options(sequence)}"
    owned_by = sequence.text("owned_by")
    owning = step(Phase.ATTACH, f"ALTER SEQUENCE {sequence.identity} OWNED BY {owned_by}") if owned_by else ()
    return (*step(Phase.CREATE_SEQUENCES, sql), *owning)


def _alter(passage: Passage, after: SchemaObject) -> Statements | None:
    if passage.differ("for_identity"):
        return None
    alter, found = f"ALTER SEQUENCE {after.identity}", []
    if passage.differ(*_OPTIONS):
        found.append(Statement(Phase.ALTER_TABLES, f"{alter} AS {after.text('type')} {sequence_options(after)}"))
    if passage.differ("persistence"):
        found.append(
            Statement(Phase.ALTER_TABLES, f"{alter} SET {'UNLOGGED' if after.text('persistence') else 'LOGGED'}")
        )
    if passage.differ("owned_by"):
        found.append(Statement(Phase.ATTACH, f"{alter} OWNED BY {after.text('owned_by') or 'NONE'}"))
        if after.text("owned_by") is None:
            # before the column goes that would take it along
            found[-1] = Statement(Phase.DROP_GUARDS, found[-1].sql)
    return tuple(found)


def _column_goes(passage: Passage) -> bool:
    return passage.goal.get("column", passage.one.text("owned_by") or "") is None
