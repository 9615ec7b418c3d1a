"""What a plan takes away, step after step: nothing that it has made itself, under the names that stood before it."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace

from app.domain.blocks import written_in
from app.domain.dry_run import DryRun
from app.domain.migration import Direction, SqlScript
from app.domain.progress import Progress
from app.domain.removals import Act, Names, Noun, Removal, Taken, taken_by, taken_in
from app.domain.step import Deed, Step
from app.domain.words import Stated, stated_in, words_of

_MADE_BY_PLANS = frozenset({Noun.RELATION, Noun.TYPE})


def removals_of(
    steps: Sequence[Step], created: Collection[str] = (), tried: Mapping[str, DryRun] | None = None
) -> tuple[Removal, ...]:
    """`created`: tables that are not in use yet. `tried`: by name, what going up did where these files were tried."""
    found: list[Removal] = []
    progress, names, made = Progress(created=set(created)), Names(), set[str]()
    for step in steps:
        if step.deed is not Deed.EXECUTED or step.body is None:
            continue
        dry_run = (tried or {}).get(step.name) if step.direction is Direction.UP else None
        before = frozenset() if dry_run is None else frozenset(progress.created | made)
        if isinstance(step.body, SqlScript):
            found += _of_script(step, step.body, progress, names)
        if dry_run is not None:
            found += _seen(step, dry_run, before)
            made |= set(dry_run.made)
    return tuple(found)


def _of_script(step: Step, script: SqlScript, progress: Progress, names: Names) -> Iterator[Removal]:
    for stated in stated_in(script):
        for one in _with_written(stated):
            for taken in taken_by(one):
                if taken.noun not in _MADE_BY_PLANS or taken.name not in progress.created:
                    line = one.statement.line + script.line - 1
                    made = taken.act is Act.RETYPED and words_of(taken.type).name(0)[0] in progress.created
                    known = replace(taken, name=names.original(taken.name), made=made)
                    yield _removal(step, known, stated.index, line)
        progress.pass_over(stated)
        names.pass_over(stated)
    progress.end_script()


def _with_written(stated: Stated) -> Iterator[Stated]:
    """And what stands in a DO block, as if every condition in it were true."""
    yield stated
    if stated.verb == "DO":
        yield from (Stated(written, stated.index) for written in written_in(stated.statement))


def _seen(step: Step, dry_run: DryRun, before: Collection[str]) -> Iterator[Removal]:
    for effect in dry_run.effects:
        taken = taken_in(effect)
        if taken is not None and effect.of not in before and effect.object not in before:
            yield _removal(step, taken, None, None)


def _removal(step: Step, taken: Taken, statement: int | None, line: int | None) -> Removal:
    file = step.name if step.body is None else step.body.file
    return Removal(taken, step.name, file, statement, line, apart=not step.transactional)
