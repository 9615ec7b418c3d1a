"""The proof of reversibility: what going up, down and up again has shown of a migration, and what may demand it."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType
from uuid import UUID

from app.domain.consent import call_of
from app.domain.drift import shown
from app.domain.dry_run import DryRun
from app.domain.errors import ProofMissing
from app.domain.failure import Failure
from app.domain.job import JobRequest
from app.domain.migration import Direction
from app.domain.problem import Problem
from app.domain.schema import Snapshot
from app.domain.schema_diff import Difference, diff
from app.domain.step import Deed, Step, count_of

NO_DOWN = "it has no down, or an empty one"


class Verdict(StrEnum):
    """What became of up → down → up."""

    PROVEN = "proven"
    NOT_RESTORED = "not_restored"
    ROWS_LOST = "rows_lost"
    DOWN_FAILS = "down_fails"
    UP_FAILS = "up_fails"
    IRREVERSIBLE = "irreversible"
    NOT_CHECKED = "not_checked"


@dataclass(frozen=True, slots=True)
class Rows:
    """The rows of a table: a checksum each, of the values of `columns`, which are in the order of their names."""

    columns: tuple[str, ...]
    sums: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class RowLoss:
    """`lost` of the `before` rows of a table are gone or changed, `added` were not there."""

    table: str
    before: int
    lost: int
    added: int

    @property
    def text(self) -> str:
        if self.lost == 0:
            return f"{self.table} has {count_of(self.added, 'row')} more than before"
        return f"{self.lost} of {count_of(self.before, 'row')} of {self.table} are gone or changed"


@dataclass(frozen=True, slots=True)
class Cycle:
    """What was seen of one migration. None: it did not come to that, or, of a failure, that there was none.

    `dry_run`: what its first up did.
    """

    before: Snapshot
    up: Failure | None = None
    after_up: Snapshot | None = None
    down: Failure | None = None
    after_down: Snapshot | None = None
    again: Failure | None = None
    after_again: Snapshot | None = None
    losses: tuple[RowLoss, ...] = ()
    dry_run: DryRun | None = None


@dataclass(frozen=True, slots=True)
class Judgement:
    """`differences`: of the first comparison that did not hold; of what is irreversible, what its up changes."""

    verdict: Verdict
    text: str
    failure: Failure | None = None
    differences: tuple[Difference, ...] = ()
    losses: tuple[RowLoss, ...] = ()
    dry_run: DryRun | None = None


@dataclass(frozen=True, slots=True)
class Proof:
    """A verdict as it is kept, by environment, name and raw checksum (in hex): a changed file has none.

    `differences` as `shown` gives them: the first of `total`. `checked_at` is set by who keeps it. `dry_run`: what its
    up did, whatever became of the way back; None where it did not come to that.
    """

    environment: str
    name: str
    checksum: str
    verdict: Verdict
    text: str
    job_id: UUID
    server_version: str
    failure: Failure | None = None
    differences: tuple[Mapping[str, object], ...] = ()
    total: int = 0
    losses: tuple[RowLoss, ...] = ()
    notices: tuple[str, ...] = ()
    checked_at: datetime | None = None
    dry_run: DryRun | None = None

    @property
    def key(self) -> tuple[str, str]:
        return self.name, self.checksum


@dataclass(frozen=True, eq=False)
class KnownProofs:
    """The proofs of one environment. The same object as long as none has changed."""

    by_key: Mapping[tuple[str, str], Proof] = field(default_factory=lambda: MappingProxyType({}))

    def of(self, name: str, checksum: str | None) -> Proof | None:
        return None if checksum is None else self.by_key.get((name, checksum))


NO_PROOFS = KnownProofs()


def judge(step: Step, cycle: Cycle) -> Judgement:
    """The first thing that does not hold, in the order in which it would hurt."""
    return replace(_judge(step, cycle), dry_run=cycle.dry_run)


def proof_of(step: Step, judged: Judgement, environment: str, job_id: UUID, server_version: str) -> Proof:
    return Proof(
        environment=environment,
        name=step.name,
        checksum=step.checksum.raw.hex(),
        verdict=judged.verdict,
        text=judged.text,
        job_id=job_id,
        server_version=server_version,
        failure=judged.failure,
        differences=tuple(shown(judged.differences)),
        total=len(judged.differences),
        losses=judged.losses,
        dry_run=judged.dry_run,
    )


def is_run_up(step: Step) -> bool:
    """Whether its file is carried out, and can have been tried."""
    return step.direction is Direction.UP and step.deed is Deed.EXECUTED


def dry_runs_of(steps: Sequence[Step], proofs: KnownProofs) -> Mapping[str, DryRun]:
    """What was seen of the files that would be run, just as they are, by name."""
    known = ((step.name, proofs.of(step.name, step.checksum.raw.hex())) for step in steps if is_run_up(step))
    return {name: proof.dry_run for name, proof in known if proof is not None and proof.dry_run is not None}


def losses_between(before: Mapping[str, Rows], after: Mapping[str, Rows]) -> tuple[RowLoss, ...]:
    """Of tables that are there on both sides with the same columns; of others the schemas speak."""
    return tuple(_losses(before, after))


def refuse_unproven(request: JobRequest, steps: Sequence[Step], proofs: KnownProofs) -> None:
    """Every file that would be run has to be proven as it is now. Raises ProofMissing with all that are not."""
    environment = request.environment
    missing = [step for step in steps if is_run_up(step) and not _is_proven(step, proofs)]
    if not missing:
        return
    problems = tuple(
        Problem("proof_missing", _why_missing(step, proofs), migration=step.name, file=_file_of(step))
        for step in missing
    )
    raise ProofMissing(
        f"{environment} demands a proof of each migration, and {count_of(len(missing), 'migration')} "
        f"{'has' if len(missing) == 1 else 'have'} none: {problems[0].message}; nothing was run",
        problems,
        next_steps=("POST /migrations/verify", call_of(request)),
        facts={"environment": environment, "migrations": [step.name for step in missing]},
    )


def _judge(step: Step, cycle: Cycle) -> Judgement:
    if cycle.up is not None:
        return Judgement(Verdict.UP_FAILS, f"its up fails: {cycle.up.summary()}", cycle.up)
    assert cycle.after_up is not None
    if step.down is None:
        changed = _hard(cycle.before, cycle.after_up)
        what = f"; its up leaves {_said(changed)}" if changed else ""
        return Judgement(Verdict.IRREVERSIBLE, f"{step.irreversible or NO_DOWN}{what}", None, changed)
    if cycle.down is not None:
        return Judgement(Verdict.DOWN_FAILS, f"its down fails: {cycle.down.summary()}", cycle.down)
    assert cycle.after_down is not None
    return _judge_restored(cycle, cycle.after_up, cycle.after_down)


def _judge_restored(cycle: Cycle, after_up: Snapshot, after_down: Snapshot) -> Judgement:
    again = f"; and it cannot be applied again: {cycle.again.summary()}" if cycle.again is not None else ""
    left = _hard(cycle.before, after_down)
    if left:
        text = f"its down does not restore the schema, {_said(left)}{again}"
        return Judgement(Verdict.NOT_RESTORED, text, cycle.again, left, cycle.losses)
    lost = [one for one in cycle.losses if one.lost]
    if cycle.losses:
        said = "; ".join(one.text for one in lost or cycle.losses)
        verdict = Verdict.ROWS_LOST if lost else Verdict.NOT_RESTORED
        return Judgement(verdict, f"after its down {said}{again}", cycle.again, (), cycle.losses)
    if cycle.again is not None:
        text = f"after its down it cannot be applied again: {cycle.again.summary()}"
        return Judgement(Verdict.UP_FAILS, text, cycle.again)
    assert cycle.after_again is not None
    other = _hard(after_up, cycle.after_again)
    if other:
        return Judgement(Verdict.NOT_RESTORED, f"applied again it gives another schema, {_said(other)}", None, other)
    return Judgement(Verdict.PROVEN, "up, down and up again: schema and rows are restored")


def _losses(before: Mapping[str, Rows], after: Mapping[str, Rows]) -> Iterator[RowLoss]:
    for table in sorted(before.keys() & after.keys()):
        was, now = before[table], after[table]
        if was.columns != now.columns:
            continue
        lost, added = Counter(was.sums) - Counter(now.sums), Counter(now.sums) - Counter(was.sums)
        if lost or added:
            yield RowLoss(table, len(was.sums), lost.total(), added.total())


def _hard(expected: Snapshot, found: Snapshot) -> tuple[Difference, ...]:
    if expected.fingerprint == found.fingerprint:
        return ()
    return tuple(one for one in diff(expected, found) if not one.soft)


def _said(differences: Sequence[Difference]) -> str:
    more = f", and {len(differences) - 1} more" if len(differences) > 1 else ""
    return f"{count_of(len(differences), 'difference')}: {differences[0].text}{more}"


def _file_of(step: Step) -> str | None:
    return None if step.body is None else step.body.file


def _is_proven(step: Step, proofs: KnownProofs) -> bool:
    proof = proofs.of(step.name, step.checksum.raw.hex())
    return proof is not None and proof.verdict is Verdict.PROVEN


def _why_missing(step: Step, proofs: KnownProofs) -> str:
    proof = proofs.of(step.name, step.checksum.raw.hex())
    if proof is None:
        return f"{step.name} has not been proven as it is now"
    return f"{step.name} is not proven ({proof.verdict.value}): {proof.text}"
