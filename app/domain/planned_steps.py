"""Each step of a plan in words: its text, its statements with their locks, tables, hazards and time."""

import hashlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace

from app.domain.estimate import CATALOG_MS, Estimate, estimate, total
from app.domain.examination import Consents, FoundHazards, Judged
from app.domain.hazards import HazardCode
from app.domain.keeping import Keeping
from app.domain.lock_modes import Lock
from app.domain.migration import Direction, PythonScript, SqlScript
from app.domain.planned import Language, PlannedKeeping, PlannedStatement, PlannedStep, PlannedText
from app.domain.proof import KnownProofs, Proof
from app.domain.statement_locks import locks_of
from app.domain.step import Step
from app.domain.survey import Survey, TableSize
from app.domain.words import Stated, stated_in

MOST_SQL_CHARS = 2_000
MOST_STATEMENTS = 200


@dataclass(frozen=True, slots=True)
class Read:
    """A step with its statements and the locks of each, read from its text alone."""

    step: Step
    stated: tuple[Stated, ...]
    locks: tuple[tuple[Lock, ...], ...]

    @property
    def every_lock(self) -> tuple[Lock, ...]:
        return tuple(lock for locks in self.locks for lock in locks)


def read_step(step: Step) -> Read:
    stated = stated_in(step.body) if isinstance(step.body, SqlScript) else ()
    return Read(step, stated, tuple(locks_of(one) for one in stated))


def relations_of(reads: Sequence[Read]) -> frozenset[str]:
    return frozenset(lock.relation for read in reads for lock in read.every_lock)


def planned_steps(
    reads: Sequence[Read], found: FoundHazards, verdict: Consents, survey: Survey, files: Collection[str]
) -> tuple[PlannedStep, ...]:
    """`files`: names of the migrations that have a file, and so can be run again once they are undone."""
    judged: dict[str, list[Judged]] = {}
    for one in verdict.judged:
        judged.setdefault(one.hazard.migration, []).append(one)
    return tuple(
        _planned(ordinal, read, judged.get(read.step.name, []), found, survey, files)
        for ordinal, read in enumerate(reads)
    )


def with_proofs(steps: tuple[PlannedStep, ...], known: KnownProofs) -> tuple[PlannedStep, ...]:
    """Only the verdict, its words and, of an up, what it was seen to do: the rest is at `GET /migrations/{name}`."""
    return tuple(replace(step, proof=_in_short(known.of(step.name, step.checksum), step.direction)) for step in steps)


def with_keeping(steps: tuple[PlannedStep, ...], keeping: Keeping) -> tuple[PlannedStep, ...]:
    return tuple(replace(step, keeping=_keeping(step, keeping)) for step in steps)


def _keeping(step: PlannedStep, keeping: Keeping) -> PlannedKeeping | None:
    sets = keeping.of(step.name)
    if not sets:
        return None
    twice = step.name in keeping.twice
    again = [replace(step.estimate, basis="run twice")] if twice else []
    times = [*(one.estimate for one in sets if one.why_not is None), *again]
    known = [one.ms for one in times if one.ms is not None]
    basis = "what is kept" + (", and the step once more: its first run shows what goes" if twice else "")
    left = "" if len(known) == len(times) else f", without {len(times) - len(known)} of {len(times)}"
    return PlannedKeeping(sets, twice, Estimate(sum(known) if known or not times else None, basis + left))


def _in_short(proof: Proof | None, direction: Direction) -> Proof | None:
    if proof is None:
        return None
    dry_run = proof.dry_run if direction is Direction.UP else None
    return replace(proof, failure=None, differences=(), losses=(), notices=(), dry_run=dry_run)


def _planned(
    ordinal: int, read: Read, judged: Sequence[Judged], found: FoundHazards, survey: Survey, files: Collection[str]
) -> PlannedStep:
    step = read.step
    by_statement: dict[int | None, list[Judged]] = {}
    for one in judged:
        place = one.hazard.statement
        by_statement.setdefault(None if place is None or place >= MOST_STATEMENTS else place, []).append(one)
    codes = _codes(judged)
    statements = tuple(
        _statement(read.stated[at], locks, by_statement.get(at, ()), survey, step)
        for at, locks in enumerate(read.locks[:MOST_STATEMENTS])
    )
    rest = [
        _estimate(read.stated[at], codes.get(at, frozenset()), read.locks[at], survey)
        for at in range(len(statements), len(read.stated))
    ]
    return PlannedStep(
        ordinal=ordinal,
        name=step.name,
        version=step.version,
        direction=step.direction,
        checksum=step.checksum.raw.hex(),
        source_format=step.source_format,
        language=_language(step),
        apart=_apart(step),
        irreversible=_irreversible(step, files),
        body=_text(step.body),
        verify=_text(step.verify),
        statements=statements,
        left_out=len(rest),
        hazards=tuple(by_statement.get(None, ())),
        unused=tuple(one for one in found.unused if one.migration == step.name),
        estimate=_estimate_of_step(step, [*(one.estimate for one in statements), *rest]),
        notice=step.notice,
    )


def _codes(judged: Sequence[Judged]) -> Mapping[int | None, frozenset[HazardCode]]:
    found: dict[int | None, frozenset[HazardCode]] = {}
    for one in judged:
        found[one.hazard.statement] = found.get(one.hazard.statement, frozenset()) | {one.hazard.code}
    return found


def _statement(
    stated: Stated, locks: Sequence[Lock], judged: Sequence[Judged], survey: Survey, step: Step
) -> PlannedStatement:
    text, first_line = stated.statement.text, step.body.line if isinstance(step.body, SqlScript) else 1
    tables: dict[str, TableSize] = {}
    for lock in locks:
        size = survey.size_of(lock.relation)
        if size is not None:
            tables[size.name] = size
    return PlannedStatement(
        index=stated.index,
        line=stated.statement.line + first_line - 1,
        sql=text[:MOST_SQL_CHARS],
        cut=len(text) > MOST_SQL_CHARS,
        locks=tuple(locks),
        tables=tuple(tables.values()),
        estimate=_estimate(stated, {one.hazard.code for one in judged}, locks, survey),
        hazards=tuple(judged),
    )


def _estimate(stated: Stated, codes: Collection[HazardCode], locks: Sequence[Lock], survey: Survey) -> Estimate:
    """About the table that comes first: what a foreign key points to is not read from end to end."""
    return estimate(stated, codes, survey.size_of(locks[0].relation) if locks else None)


def _estimate_of_step(step: Step, statements: Sequence[Estimate]) -> Estimate:
    if isinstance(step.body, PythonScript):
        return Estimate(None, "a migration in Python makes its statements while it runs")
    if not statements:
        return Estimate(CATALOG_MS, "nothing but a row of the ledger")
    return total(statements)


def _language(step: Step) -> Language:
    if step.body is None:
        return Language.NOTHING
    return Language.PYTHON if isinstance(step.body, PythonScript) else Language.SQL


def _apart(step: Step) -> str | None:
    if step.transactional or not isinstance(step.body, SqlScript):
        return None
    verbs = dict.fromkeys(one.verb for one in step.body.parsed.non_transactional)
    if verbs:
        return f"{' and '.join(verbs)} cannot run in a transaction"
    return "its file asks for no transaction"


def _irreversible(step: Step, files: Collection[str]) -> str | None:
    """Of a step back: whether it can be run again."""
    if step.direction is Direction.DOWN:
        return None if step.name in files else "its file is gone, so it cannot be run again"
    if step.down is None:
        return step.irreversible or "it has no down"
    if isinstance(step.down, SqlScript) and isinstance(step.body, SqlScript):
        blank = not step.down.parsed.statements and bool(step.body.parsed.statements)
        return "its down holds no statement" if blank else None
    return None


def _text(script: SqlScript | PythonScript | None) -> PlannedText | None:
    if script is None:
        return None
    raw = script.text.encode("utf-8", "replace")
    line = script.line if isinstance(script, SqlScript) else 1
    return PlannedText(script.text, script.file, line, len(raw), hashlib.sha256(raw).hexdigest())
