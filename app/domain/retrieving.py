"""Kept rows that are put into a table of their own: what may be asked, and the step that does it."""

from app.domain.errors import CannotRestore, NotFound, ValidationFailed
from app.domain.ledger import History, LedgerEntry
from app.domain.migration import Checksum, Direction
from app.domain.preserved import Place, PreservedKind, PreservedSet, PreservedState, Retrieval
from app.domain.problem import Problem
from app.domain.step import Deed, Plan, Step

MOST_NAME_BYTES = 63
"""NAMEDATALEN - 1: a longer name would be cut by the server without a word."""

_OURS = ("liftlock", "pg_")


def plan_retrieval(history: History, retrieval: Retrieval) -> Plan:
    """One step. Raises NotFound when the ledger does not know the migration."""
    entry = history.by_name.get(retrieval.migration)
    if entry is None:
        raise NotFound(f"the ledger does not know {retrieval.migration}", next_steps=("GET /migrations",))
    return Plan((step_retrieved(entry, retrieval.direction),))


def step_retrieved(entry: LedgerEntry, direction: Direction) -> Step:
    """`direction`: of the step that would have destroyed the rows."""
    return Step(
        name=entry.name,
        version=entry.version,
        direction=direction,
        body=None,
        checksum=Checksum(entry.checksum, entry.token_checksum),
        source_format=entry.source_format,
        deed=Deed.RETRIEVED,
    )


def refuse_without_rows(one: PreservedSet) -> None:
    """Raises CannotRestore when there are no rows to put anywhere."""
    facts = {"id": str(one.id), "state": one.state.value, "kind": one.kind.value}
    if one.kind is PreservedKind.SEQUENCE:
        raise CannotRestore(f"of the sequence {one.table} only its position is kept, and no rows", facts=facts)
    if one.state is PreservedState.RESTORED:
        raise CannotRestore(f"the rows of {one.table} are back in their table, all of them", facts=facts)
    if one.state is PreservedState.PURGED:
        raise CannotRestore(f"the rows of {one.table} were purged, for their time was over", facts=facts)


def destination(one: PreservedSet, asked: str | None, stamp: str) -> tuple[str, str]:
    """Schema and name of the new table: as asked, as `name` or `schema.name`, or made of `stamp`.

    Raises ValidationFailed for what PostgreSQL would cut, and for schemas that belong to Liftlock or the server.
    """
    if asked is None:
        return one.schema, _generated(one.name, stamp)
    before, dot, after = asked.partition(".")
    schema, name = (before, after) if dot else (one.schema, asked)
    for part in (schema, name):
        if not part or len(part.encode()) > MOST_NAME_BYTES:
            raise _invalid(f"`table` takes a name, or schema.name, of at most {MOST_NAME_BYTES} bytes each")
    if schema.startswith(_OURS) or schema == "information_schema":
        raise _invalid(f"`table` may not be in the schema {schema}, which is not for tables of yours")
    return schema, name


def refuse_taken(schema: str, table: str, place: Place) -> None:
    """Raises CannotRestore where no table can be made."""
    if place is Place.TAKEN:
        raise CannotRestore(
            f"there is something of the name {table} in the schema {schema} already; give `table` another name",
            facts={"schema": schema, "table": table},
        )
    if place is Place.NO_SCHEMA:
        raise CannotRestore(
            f"there is no schema {schema}; make it, or name another one: `table` takes schema.name",
            facts={"schema": schema, "table": table},
        )


def _generated(name: str, stamp: str) -> str:
    suffix = f"_kept_{stamp}"
    return name.encode()[: MOST_NAME_BYTES - len(suffix)].decode(errors="ignore") + suffix


def _invalid(message: str) -> ValidationFailed:
    return ValidationFailed(message, (Problem("not_a_table", message, pointer="/table"),))
