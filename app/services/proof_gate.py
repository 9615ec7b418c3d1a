"""Where an environment demands proofs: a run passes with all of them, at submission and under the fence."""

from app.domain import proof
from app.domain.environment import Environment
from app.domain.proof import NO_PROOFS, KnownProofs
from app.domain.step import Plan
from app.ports import Proofs


class ProofGate:
    def __init__(self, environment: Environment, proofs: KnownProofs) -> None:
        self._environment = environment
        self._proofs = proofs

    @classmethod
    async def of(cls, proofs: Proofs, environment: Environment) -> "ProofGate":
        """Nothing is read where nothing is demanded."""
        return cls(environment, await proofs.of(environment.name) if environment.require_proof else NO_PROOFS)

    def passed(self, plan: Plan) -> Plan:
        """Raises ProofMissing."""
        if self._environment.require_proof:
            proof.refuse_unproven(self._environment.name, plan.steps, self._proofs)
        return plan


async def refuse_unproven(proofs: Proofs, environment: Environment, plan: Plan | None) -> None:
    """Where the plan is known already. Raises ProofMissing."""
    if plan is not None and environment.require_proof:
        (await ProofGate.of(proofs, environment)).passed(plan)
