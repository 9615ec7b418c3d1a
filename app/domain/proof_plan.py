"""What a proof tries, in the order of a run: what is asked about, and what has to be applied before it."""

from collections.abc import Sequence
from dataclasses import dataclass

from app.domain.environment import OutOfOrder
from app.domain.errors import NotFound
from app.domain.ledger import History
from app.domain.migration import Catalog
from app.domain.plan import plan_run
from app.domain.step import Plan, Step


@dataclass(frozen=True, slots=True)
class ProofPlan:
    """`steps` are applied in order; a verdict is asked of those in `asked` alone."""

    whole: Plan
    steps: tuple[Step, ...]
    asked: frozenset[str]
    notices: tuple[str, ...] = ()


def plan_proof(catalog: Catalog, history: History, policy: OutOfOrder, names: Sequence[str] = ()) -> ProofPlan:
    """Everything that is pending, or `names` of it. Raises NotFound, and what `plan_run` raises.

    What is applied is in the copy already: there is no state before it to try it on.
    """
    whole = plan_run(catalog, history, policy)
    known = {migration.name for migration in catalog.migrations}
    unknown = [name for name in names if name not in known]
    if unknown:
        raise NotFound(f"there is no migration {unknown[0]!r}", next_steps=("GET /migrations",))
    pending = [step.name for step in whole.steps]
    asked = [name for name in pending if name in names or not names]
    last = max((pending.index(name) for name in asked), default=-1)
    return ProofPlan(
        whole=whole,
        steps=whole.steps[: last + 1],
        asked=frozenset(asked),
        notices=tuple(
            f"{name} is applied already; a proof needs the schema before it, so it was not tried"
            for name in dict.fromkeys(names)
            if name not in pending
        ),
    )
