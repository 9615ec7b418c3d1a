"""How a schema that was found differs from the one that was expected, object by object, in words and in SQL."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from app.domain.schema import SOFT, Fact, SchemaObject, Snapshot, without
from app.domain.schema_folding import Differing, How, member
from app.domain.schema_folding import how as how_of
from app.domain.schema_sql import change_sql, in_order
from app.domain.schema_statement import Passage, Statement
from app.domain.schema_words import counted, one_line, said, value_text


@dataclass(frozen=True, slots=True)
class Change:
    """One property that differs, each side as SQL or a word; `text` says both in one sentence."""

    name: str
    expected: str
    found: str
    text: str


@dataclass(frozen=True, slots=True)
class Difference:
    """One object that differs.

    `folded` counts what comes and goes with it (columns of a table …) and is not listed apart. A soft difference
    makes no schema another one. `restore` leads from what was found to what was expected, `adopt` the other
    way; None where that cannot be written as SQL.
    """

    kind: str
    identity: str
    how: How
    text: str
    expected: str | None = None
    found: str | None = None
    changes: tuple[Change, ...] = ()
    folded: Mapping[str, int] | None = None
    soft: bool = False
    restore: tuple[Statement, ...] | None = None
    adopt: tuple[Statement, ...] | None = None


@dataclass(frozen=True, slots=True)
class Script:
    """Statements in an order in which they can run; `left` names the objects for which there is no SQL."""

    statements: tuple[str, ...]
    left: tuple[str, ...] = ()


def diff(expected: Snapshot, found: Snapshot) -> tuple[Difference, ...]:
    """Every object that differs, by kind and name; equal fingerprints give soft differences only."""
    differing = Differing.between(expected, found)
    folded = differing.folded()
    hard = [
        _difference(*pair, expected, found, folded.get(identity, {}))
        for (_, identity), pair in differing.listed().items()
    ]
    return (*hard, *_other_order(expected, found), *_other_rows(expected, found))


def restoring(differences: Iterable[Difference]) -> Script:
    """What brings the found schema back to the expected one."""
    return _script([(one, one.restore) for one in differences if not one.soft])


def adopting(differences: Iterable[Difference]) -> Script:
    """What brings the expected schema to the found one: the up of a migration that adopts drift."""
    return _script([(one, one.adopt) for one in differences if not one.soft])


def _script(ways: Sequence[tuple[Difference, tuple[Statement, ...] | None]]) -> Script:
    statements = [statement for _, way in ways for statement in way or ()]
    return Script(in_order(statements), tuple(f"{one.kind} {one.identity}" for one, way in ways if way is None))


def _difference(
    before: SchemaObject | None,
    after: SchemaObject | None,
    expected: Snapshot,
    found: Snapshot,
    folded: Mapping[str, int],
) -> Difference:
    one = member((before, after))
    changes = _changes(before, after) if before and after else ()
    how = how_of((before, after))
    return Difference(
        kind=one.kind,
        identity=one.identity,
        how=how,
        text=_text(one, how, changes, folded),
        expected=_shown(before),
        found=_shown(after),
        changes=changes,
        folded=dict(folded),
        restore=change_sql(Passage(after, before, found, expected)),
        adopt=change_sql(Passage(before, after, expected, found)),
    )


def _changes(before: SchemaObject, after: SchemaObject) -> tuple[Change, ...]:
    names = sorted((before.facts.keys() | after.facts.keys()) - SOFT)
    pairs = ((name, before.facts.get(name), after.facts.get(name)) for name in names)
    return tuple(_change(name, was, now) for name, was, now in pairs if was != now)


def _change(name: str, was: Fact | None, now: Fact | None) -> Change:
    return Change(name, value_text(name, was), value_text(name, now), said(name, was, now))


def _text(one: SchemaObject, how: How, changes: Sequence[Change], folded: Mapping[str, int]) -> str:
    name = f"{one.kind} {one.identity}"
    if how is How.CHANGED:
        return f"{name}: {'; '.join(change.text for change in changes)}"
    what = "is missing" if how is How.MISSING else "was not expected"
    inside = counted(folded)
    definition = _definition(one)
    return f"{name} {what}" + (f" ({inside})" if inside else "") + (f": {one_line(definition)}" if definition else "")


def _definition(one: SchemaObject) -> str | None:
    if one.kind == "column":
        return " ".join(filter(None, (one.text("type"), "NOT NULL" if one.facts.get("not_null") else None)))
    return one.text("definition")


def _shown(one: SchemaObject | None) -> str | None:
    """The object as SQL where it has a definition, else its facts, one a line."""
    if one is None:
        return None
    if definition := one.text("definition"):
        return definition
    facts: Mapping[str, Fact] = without(one.facts, {"of", *SOFT})
    return "\n".join(f"{name.replace('_', ' ')}: {value_text(name, fact)}" for name, fact in sorted(facts.items()))


def _other_order(expected: Snapshot, found: Snapshot) -> Iterator[Difference]:
    orders, now = _column_orders(expected), _column_orders(found)
    for table in sorted(orders.keys() & now.keys()):
        both = set(orders[table]) & set(now[table])
        was, is_now = ([name for name in names[table] if name in both] for names in (orders, now))
        if was != is_now:
            change = _change("column order", list(was), list(is_now))
            text = f"table {table}: {change.text}"
            yield Difference("table", table, How.CHANGED, text, changes=(change,), soft=True)


def _other_rows(expected: Snapshot, found: Snapshot) -> Iterator[Difference]:
    for view in (one for one in expected if one.kind == "materialized view"):
        now = found.get(*view.key)
        was, is_now = (one.facts.get("unpopulated", False) if one else None for one in (view, now))
        if now is not None and was != is_now:
            change = _change("unpopulated", was, is_now)
            text = f"{view.kind} {view.identity}: {change.text}"
            yield Difference(view.kind, view.identity, How.CHANGED, text, changes=(change,), soft=True)


def _column_orders(snapshot: Snapshot) -> dict[str, list[str]]:
    """Only of tables: a view with other columns has another definition."""
    columns = [one for one in snapshot if one.kind == "column" and ("table", one.of or "") in snapshot.objects]
    orders: dict[str, list[str]] = {}
    for one in sorted(columns, key=_position):
        orders.setdefault(one.of or "", []).append(one.name)
    return orders


def _position(column: SchemaObject) -> int:
    position = column.facts.get("position")
    return position if isinstance(position, int) else 0
