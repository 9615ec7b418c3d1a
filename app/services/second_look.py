"""What a job would do, decided once more when the target is its own: everything that can be refused is refused here."""

from dataclasses import dataclass

from app.domain.approval import refuse_unapproved
from app.domain.environment import Environment
from app.domain.errors import ApprovalVoid, LiftlockError, MigrationsInvalid
from app.domain.job import JobRequest
from app.domain.migration import Catalog
from app.domain.promotion import Surroundings
from app.domain.step import Deed, Plan
from app.ports import Source, TargetView
from app.services.drift import DriftGuard
from app.services.planning import plan_job
from app.services.proof_gate import ProofGate


@dataclass(frozen=True)
class SecondLook:
    """`around`: of the other environments, or why it is not known. `lacking`: of the approvals it needs."""

    source: Source
    environment: Environment
    request: JobRequest
    catalog: Catalog
    around: Surroundings | LiftlockError
    guard: DriftGuard
    proof: ProofGate
    lacking: ApprovalVoid | None

    def __call__(self, view: TargetView) -> Plan:
        """Under the fence. Raises a Refusal, or BackendUnavailable when another environment could not be read."""
        if self.lacking is not None:
            raise self.lacking
        if isinstance(self.around, LiftlockError):
            raise self.around
        plan = self.guard.judge(plan_job(self.request, self.environment, self.catalog, view, self.around), view)
        refuse_unapproved(self.environment, self.request, plan)
        problems = self.source.unloadable([step for step in plan.steps if step.deed is Deed.EXECUTED])
        if problems:
            raise MigrationsInvalid(f"{problems[0].message}; nothing was run", problems)
        return self.proof.passed(plan)
