"""Tables that stand, and what became of their rows: written anew, gone, overwritten."""

from collections.abc import Iterator

from app.domain.dry_run import Effect
from app.domain.effects.columns import has_retyped
from app.domain.effects.passage import Passage, stored
from app.domain.hazards import HazardCode
from app.domain.schema import SchemaObject
from app.domain.step import count_of
from app.domain.words import shown

_LAID_OUT_BY = ("persistence", "tablespace", "access_method")
_GONE = "None of the {rows} that {table} held in the dry run is left."
_CHANGED = "None of the {rows} that {table} held in the dry run is as before."
_NOBODY_KNOWS = "{table} has another file: it was emptied or written anew, and held no rows here that would tell which."
_SOME_ROWS = "Say which rows with WHERE where not all are meant."


def effects(passage: Passage) -> Iterator[Effect]:
    for was, now in passage.pairs("table"):
        yield from _of_table(passage, was, now)


def _of_table(passage: Passage, was: SchemaObject, now: SchemaObject) -> Iterator[Effect]:
    name = stored(was.identity)
    before, after = passage.before.rows.get(was.identity), passage.after.rows.get(now.identity)
    held = len(before.sums) if before else 0
    left = len(after.sums) if after else 0
    rows, table = count_of(held, "row"), shown(name)
    if held and after is not None and not left:
        if name not in passage.spoken_of and not _other_partitions(passage, was, now):
            yield Effect(HazardCode.ROWS_REMOVED, name, name, _GONE.format(rows=rows, table=table), _SOME_ROWS)
        return
    if passage.has_another_file(was, now):
        yield from _rewritten(passage, was, now, known=bool(held and left))
    if before is None or after is None or left < held or name in passage.spoken_of:
        return
    comparable = held and before.columns == after.columns and not has_retyped(passage, now.identity)
    if comparable and not set(before.sums) & set(after.sums):
        yield Effect(HazardCode.ALL_ROWS_CHANGED, name, name, _CHANGED.format(rows=rows, table=table))


def _rewritten(passage: Passage, was: SchemaObject, now: SchemaObject, *, known: bool) -> Iterator[Effect]:
    """TRUNCATE gives another file too: without rows only a table that is laid out otherwise now tells them apart."""
    name, whole = stored(was.identity), _whole(passage, was)
    if known or _is_laid_out_anew(passage, was, now):
        yield Effect(HazardCode.TABLE_REWRITE, stored(whole.identity), stored(whole.identity))
    elif name not in passage.spoken_of and not _is_emptied(passage, whole):
        yield Effect(HazardCode.ROWS_REMOVED, name, name, _NOBODY_KNOWS.format(table=shown(name)), _SOME_ROWS)


def _is_laid_out_anew(passage: Passage, was: SchemaObject, now: SchemaObject) -> bool:
    columns = [one for one in passage.after.schema.belonging_to(now.identity) if one.kind == "column"]
    added = any(passage.was(column) is None for column in columns)
    moved = any(was.facts.get(fact) != now.facts.get(fact) for fact in _LAID_OUT_BY)
    return added or moved or has_retyped(passage, now.identity)


def _whole(passage: Passage, table: SchemaObject) -> SchemaObject:
    """The partitioned table that a partition is one of; any other table itself."""
    while table.text("bound") is not None:
        parents = [passage.before.schema.get("table", parent) for parent in table.texts("inherits")]
        if not parents or parents[0] is None:
            break
        table = parents[0]
    return table


def _is_emptied(passage: Passage, table: SchemaObject) -> bool:
    """Whether it held rows before and holds none now, which says it for its partitions too."""
    now = passage.became(table)
    before, after = passage.before.rows.get(table.identity), passage.after.rows.get(now.identity if now else "")
    return bool(before and before.sums and after and not after.sums)


def _other_partitions(passage: Passage, was: SchemaObject, now: SchemaObject) -> bool:
    """Rows that went with a partition are where it is."""
    before = [one for one in passage.before.schema if was.identity in one.texts("inherits")]
    return len(before) != sum(now.identity in one.texts("inherits") for one in passage.after.schema)
