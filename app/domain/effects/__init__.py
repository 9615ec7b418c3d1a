"""What a step has really done to what stood before it, from its schema and rows before and after.

The same act has the code that a statement of a file would have. One kind of act a file, registered in one tuple.
"""

from collections.abc import Callable, Iterator, Sequence

from app.domain.blocks import written_in
from app.domain.dry_run import MOST_CHANGES, DryRun, Effect
from app.domain.effects import cascaded, columns, constraints, dropped, guards, renamed, rights, rows, types, waiting
from app.domain.effects.changes import changes_of
from app.domain.effects.passage import RELATIONS, Passage, Place, Seen, made_as, words_in
from app.domain.hazard_rules.rule import written_rows
from app.domain.lock_modes import Lock
from app.domain.migration import SqlScript
from app.domain.statements import Statement
from app.domain.step import Step
from app.domain.words import words_of

__all__ = ["Passage", "Place", "Seen", "dry_run_of", "effects_of"]

_RULES: tuple[Callable[[Passage], Iterator[Effect]], ...] = (
    dropped.effects,
    cascaded.effects,
    renamed.effects,
    columns.effects,
    types.effects,
    constraints.effects,
    guards.effects,
    rights.effects,
    rows.effects,
    waiting.effects,
)
_MADE = (*RELATIONS, *dropped.FUNCTIONS, *dropped.TYPES, "sequence", "index")


def dry_run_of(step: Step, before: Seen, after: Seen, locks: Sequence[Lock] | None) -> DryRun:
    """`locks`: those that it held at its end, None where nobody could look."""
    words = words_in(step.body.text if step.body is not None else "")
    passage = Passage(before, after, step.transactional, frozenset(_spoken_of(step)), words)
    changes = changes_of(passage)
    return DryRun(
        changes=changes[:MOST_CHANGES],
        total=len(changes),
        locks=None if locks is None else tuple(locks),
        effects=effects_of(passage),
        made=tuple(made_as(one) for one in passage.fresh(*_MADE)),
    )


def effects_of(passage: Passage) -> tuple[Effect, ...]:
    """Each code once for an object: the first that is said of it."""
    found: dict[tuple[str, str], Effect] = {}
    for rule in _RULES:
        for effect in rule(passage):
            found.setdefault((effect.code, effect.object), effect)
    return tuple(found.values())


def _spoken_of(step: Step) -> Iterator[str]:
    """Tables whose rows the file changes by statements that stand in it, which are judged as they stand there."""
    if not isinstance(step.body, SqlScript):
        return
    for statement in _statements(step.body):
        words = words_of(statement.text, statement.verb)
        for _, rest in (*written_rows(words, "DELETE", "FROM"), *written_rows(words, "UPDATE")):
            yield rest.name(rest.skipping(0, "ONLY"))[0]


def _statements(script: SqlScript) -> Iterator[Statement]:
    for statement in script.parsed.statements:
        yield statement
        if statement.verb == "DO":
            yield from written_in(statement)
