"""What a job does, decided under its fence: the plan is made of what is there now, and kept in the target."""

from dataclasses import dataclass

from app.domain.environment import Environment
from app.domain.errors import LiftlockError
from app.domain.job import Attempt
from app.domain.pinned import Pinned, bind, done_so_far
from app.domain.promotion import Surroundings
from app.domain.step import Step
from app.ports import Proofs, Source, TargetSession
from app.services.approving import ApprovalDesk
from app.services.conflict import ConflictResolutionService
from app.services.drift import DriftGuard, DriftRecorder
from app.services.gate import HazardGate
from app.services.proof_gate import ProofGate
from app.services.second_look import SecondLook


@dataclass(frozen=True, slots=True)
class Bound:
    """The pinned plan, and its steps with the scripts of the files that are here."""

    pinned: Pinned
    steps: tuple[Step, ...]
    is_begun: bool


class Pinner:
    def __init__(
        self,
        source: Source,
        gate: HazardGate,
        conflicts: ConflictResolutionService,
        drift: DriftRecorder,
        proofs: Proofs,
        approvals: ApprovalDesk,
    ) -> None:
        self._source = source
        self._gate = gate
        self._conflicts = conflicts
        self._drift = drift
        self._proofs = proofs
        self._approvals = approvals

    async def pin(
        self,
        session: TargetSession,
        environment: Environment,
        attempt: Attempt,
        around: Surroundings | LiftlockError,
    ) -> Bound:
        """The plan that an earlier attempt has pinned, or a new one. What is found of drift is noted either way.

        Raises a Refusal, BackendUnavailable, ConnectionLost or Fenced.
        """
        catalog = await self._source.read()
        guard = DriftGuard(environment, attempt, await self._conflicts.ignored(environment.name))
        proof = await ProofGate.for_job(self._proofs, environment, attempt.request)
        try:
            lacking = await self._approvals.lacking(attempt)
            look = SecondLook(self._source, environment, attempt.request, catalog, around, guard, proof, lacking)
            pinned, history = await self._gate.pin(session, attempt.request, environment, look, proof.known)
            steps = bind(pinned, catalog, history, attempt.job_id)
        finally:
            if guard.seen is not None:
                await self._drift.note(environment.name, guard.seen)
        return Bound(pinned, steps, done_so_far(steps, history, attempt.job_id) > 0)
