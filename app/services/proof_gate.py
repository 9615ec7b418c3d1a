"""What was proven and seen of the files that a plan would run, and where an environment demands it."""

from app.domain import proof
from app.domain.environment import Environment
from app.domain.job import JobRequest
from app.domain.proof import NO_PROOFS, KnownProofs
from app.domain.step import Plan
from app.ports import Proofs


class ProofGate:
    """A run passes with a proof of each of its files, at submission and under the fence, where that is demanded."""

    def __init__(self, environment: Environment, request: JobRequest, known: KnownProofs) -> None:
        self._environment = environment
        self._request = request
        self.known = known

    @classmethod
    async def for_plan(cls, proofs: Proofs, environment: Environment, request: JobRequest, plan: Plan) -> "ProofGate":
        """Nothing is read where nothing would be run."""
        wanted = any(proof.is_run_up(step) for step in plan.steps)
        return cls(environment, request, await proofs.of(environment.name) if wanted else NO_PROOFS)

    @classmethod
    async def for_job(cls, proofs: Proofs, environment: Environment, request: JobRequest) -> "ProofGate":
        """Before the plan is made, which is done where nothing can be waited for: only a run goes up."""
        wanted = request.kind.goes_up
        return cls(environment, request, await proofs.of(environment.name) if wanted else NO_PROOFS)

    def passed(self, plan: Plan) -> Plan:
        """Raises ProofMissing."""
        if self._environment.require_proof:
            proof.refuse_unproven(self._request, plan.steps, self.known)
        return plan
