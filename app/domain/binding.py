"""What a stored plan is bound to, and what has moved since: a job runs what was planned, or nothing."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from app.domain.errors import Facts, PlanStale
from app.domain.ledger import History, LedgerEntry
from app.domain.migration import Direction
from app.domain.step import Plan, Step

MOST_SHOWN = 50


@dataclass(frozen=True, slots=True)
class BoundStep:
    """`checksum`: of the file's raw bytes, in hexadecimal; of a step back, as the ledger has it."""

    name: str
    direction: Direction
    checksum: str

    def said(self) -> str:
        return f"{'+' if self.direction is Direction.UP else '-'} {self.name} {self.checksum[:12]}"


@dataclass(frozen=True, slots=True)
class Binding:
    """The plan `plan_id`: its steps in their order, and where the target stood when it was made.

    `position`: see `History.position`. `expected_fingerprint`: of the schema before the first step, see
    `Snapshot.fingerprint`; None when nobody has looked.
    """

    plan_id: UUID
    steps: tuple[BoundStep, ...]
    position: int
    expected_fingerprint: str | None = None


def binding_of(plan_id: UUID, plan: Plan, history: History, fingerprint: str | None) -> Binding:
    return Binding(plan_id, tuple(bound(step) for step in plan.steps), history.position, fingerprint)


def bound(step: Step) -> BoundStep:
    return BoundStep(step.name, step.direction, step.checksum.raw.hex())


def refuse_stale(binding: Binding, plan: Plan, history: History, fingerprint: str | None = None) -> None:
    """Raises PlanStale unless `plan`, made now from `history`, is what was bound.

    `fingerprint`: of the schema as it is now; without it, or where the plan has none, the rest is compared.
    """
    reasons = stale_reasons(binding, plan, history, fingerprint)
    if not reasons:
        return
    steps = tuple(bound(step) for step in plan.steps)
    expected = binding.expected_fingerprint
    since = _since(binding, history)
    files = _files(binding.steps, steps, {entry.name for entry in since})
    schema = {"expected": expected, "actual": fingerprint} if _other_schema(binding, fingerprint) else None
    raise PlanStale(
        f"plan {binding.plan_id} is out of date: {'; '.join(reasons)}; nothing was run, plan again",
        facts={
            "planId": str(binding.plan_id),
            "expected": _place(binding.steps, binding.position, expected, steps),
            "actual": _place(steps, history.position, fingerprint, binding.steps),
            "changedBy": {
                "files": files[:MOST_SHOWN],
                "ledger": [_row(entry) for entry in since[:MOST_SHOWN]],
                "jobs": list(dict.fromkeys(str(entry.job_id) for entry in since if entry.job_id is not None)),
                "schema": schema,
            },
        },
        next_steps=(f"GET /plans/{binding.plan_id}", "POST /migrations/plan"),
    )


def does_the_same(plan: Plan, binding: Binding) -> bool:
    """Whether it is the same files in the same order, wherever the target stands."""
    return tuple(bound(step) for step in plan.steps) == binding.steps


def stale_reasons(binding: Binding, plan: Plan, history: History, fingerprint: str | None = None) -> tuple[str, ...]:
    """What has moved since; nothing where `plan`, made now from `history`, is what was bound."""
    steps = tuple(bound(step) for step in plan.steps)
    other_schema = _other_schema(binding, fingerprint)
    if steps == binding.steps and history.position == binding.position and not other_schema:
        return ()
    since = _since(binding, history)
    files = _files(binding.steps, steps, {entry.name for entry in since})
    return tuple(_reasons(binding, history, files, since, other_schema))


def _since(binding: Binding, history: History) -> tuple[LedgerEntry, ...]:
    return tuple(entry for entry in history.entries if entry.position > binding.position)


def _other_schema(binding: Binding, fingerprint: str | None) -> bool:
    expected = binding.expected_fingerprint
    return None not in (fingerprint, expected) and fingerprint != expected


def _reasons(
    binding: Binding,
    history: History,
    files: Sequence[Mapping[str, object]],
    since: Sequence[LedgerEntry],
    other_schema: bool,
) -> Iterator[str]:
    if files:
        more = f" (and {len(files) - 1} more)" if len(files) > 1 else ""
        yield f"the file of {files[0]['migration']} was {files[0]['change']}{more}"
    if since:
        jobs = sorted({str(entry.job_id) for entry in since if entry.job_id is not None})
        by = f" by job {', '.join(jobs[:3])}" if jobs else ""
        yield f"the ledger has moved from {binding.position} to {history.position}{by}"
    elif history.position != binding.position:
        # rows of the ledger never go away by themselves
        yield f"the ledger is at {history.position} and was at {binding.position}: it was restored, or is another one"
    if other_schema:
        yield "the schema is another one"
    if not files and not since and history.position == binding.position and not other_schema:
        yield "its steps would run in another order"


def _files(planned: Sequence[BoundStep], actual: Sequence[BoundStep], moved: set[str]) -> list[dict[str, str | None]]:
    """Files that are other than they were; what the ledger has moved meanwhile is explained by its rows."""
    before, after = {one.name: one for one in planned}, {one.name: one for one in actual}
    found: list[dict[str, str | None]] = []
    for name in dict.fromkeys((*before, *after)):
        one, other = before.get(name), after.get(name)
        if name in moved or one == other:
            continue
        change = "added" if one is None else "removed" if other is None else "changed"
        found.append(
            {
                "migration": name,
                "change": change,
                "expected": one.checksum if one else None,
                "actual": other.checksum if other else None,
            }
        )
    return found


def _place(steps: Sequence[BoundStep], position: int, fingerprint: str | None, others: Sequence[BoundStep]) -> Facts:
    """Of the steps those that differ from the others at the same place."""
    differing = [one.said() for at, one in enumerate(steps) if at >= len(others) or others[at] != one]
    return {
        "stepCount": len(steps),
        "differingSteps": differing[:MOST_SHOWN],
        "ledgerPosition": position,
        "schemaFingerprint": fingerprint,
    }


def _row(entry: LedgerEntry) -> Facts:
    return {
        "migration": entry.name,
        "status": entry.status.value,
        "position": entry.position,
        "jobId": None if entry.job_id is None else str(entry.job_id),
        "at": entry.updated_at,
    }
