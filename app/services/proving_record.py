"""What a proof has found so far: kept as soon as it is known, shown by the job, said at its end."""

from collections.abc import Sequence
from dataclasses import replace

import structlog

from app.domain.environment import Environment
from app.domain.failure import Failure, FailureCode
from app.domain.job import Attempt, Ended, JobState, StepState
from app.domain.proof import Judgement, Proof, Verdict, proof_of
from app.domain.proof_plan import ProofPlan
from app.domain.scratch import Copied, CopyWay
from app.domain.step import Step, count_of
from app.ports import Proofs
from app.services.progress import Progress

log = structlog.get_logger()

_WAYS = {
    CopyWay.DUMP: "a dump of its schema",
    CopyWay.REPLAY: "the migrations that its ledger has recorded, run again",
    CopyWay.GENERATED: "SQL made from what was read of its schema",
}
_STATES = {
    Verdict.PROVEN: StepState.APPLIED,
    Verdict.IRREVERSIBLE: StepState.SKIPPED,
    Verdict.NOT_CHECKED: StepState.SKIPPED,
}


class Record:
    """What has become of each migration so far, and how the job ends with it."""

    def __init__(
        self, environment: Environment, attempt: Attempt, plan: ProofPlan, proofs: Proofs, progress: Progress
    ) -> None:
        self._environment = environment
        self._attempt = attempt
        self.plan = plan
        self._proofs = proofs
        self.progress = progress
        self._verdicts: list[Proof] = []
        self._done: set[int] = set()
        self._notices: tuple[str, ...] = plan.notices

    def copied(self, copied: Copied, differs: tuple[str, ...]) -> None:
        way = f"the schema of {self._environment.name} was copied by {_WAYS[copied.way]}"
        self._notices = (*self._notices, way, *copied.notices, *differs)

    async def judged(
        self, ordinal: int, step: Step, judged: Judgement, server_version: str, notices: Sequence[str] = ()
    ) -> None:
        proof = proof_of(step, judged, self._environment.name, self._attempt.job_id, server_version)
        proof = replace(proof, notices=(*self._notices[len(self.plan.notices) :], *notices))
        await self._proofs.put(proof)
        self._verdicts.append(proof)
        self._done.add(ordinal)
        state = _STATES.get(judged.verdict, StepState.FAILED)
        self.progress.judged(ordinal, state, f"{judged.verdict.value}: {judged.text}", judged.failure)
        log.info("proof.judged", job=str(self._attempt.job_id), migration=step.name, verdict=judged.verdict.value)

    def passed(self, ordinal: int, why_not: str | None, failure: Failure | None) -> None:
        self._done.add(ordinal)
        state = StepState.SKIPPED if failure is None else StepState.FAILED
        said = failure.summary() if failure is not None else why_not or "applied for those after it"
        self.progress.judged(ordinal, state, f"it was not asked about; {said}", failure)

    def leave_rest(self, why: str) -> None:
        for ordinal, _ in enumerate(self.plan.steps):
            if ordinal not in self._done:
                self.progress.judged(ordinal, StepState.SKIPPED, f"{Verdict.NOT_CHECKED.value}: {why}")

    def ended(self) -> Ended:
        missed = [one for one in self._verdicts if one.verdict is not Verdict.PROVEN]
        reason = "not_proven" if missed or not self._verdicts else "proven"
        message = self._summary
        if missed:
            more = f"; and {len(missed) - 1} more are not" if len(missed) > 1 else ""
            message += f"; {missed[0].name} is not ({missed[0].verdict.value}): {missed[0].text}{more}"
        return Ended(JobState.SUCCEEDED, reason, message, notices=self._notices)

    def cancelled(self, by: str) -> Ended:
        message = f"the proof was cancelled by {by}; {self._summary} before; the target was only read"
        return Ended(JobState.CANCELLED, "by_user", message, notices=self._notices)

    def out_of_time(self, timeout_ms: int) -> Ended:
        failure = Failure(
            code=FailureCode.STATEMENT_TIMEOUT,
            message=f"the proof took longer than {timeout_ms} ms and was ended; {self._summary} before",
            left_behind="nothing: it ran in a scratch database, not in the target",
            next_steps=(
                "raise LIFTLOCK_VERIFY_TIMEOUT_MS, or prove fewer at a time",
                f'POST /migrations/verify {{"names": ["{self.plan.steps[-1].name}"]}}',
            ),
        )
        return Ended(JobState.FAILED, "timed_out", failure.message, failure, notices=self._notices)

    @property
    def _summary(self) -> str:
        proven = sum(one.verdict is Verdict.PROVEN for one in self._verdicts)
        asked = count_of(len(self.plan.asked), "migration")
        return f"{proven} of {asked} proven in {self._environment.name}"


def nothing_to_prove(environment: str, plan: ProofPlan) -> Ended:
    message = f"nothing to prove: no migration that was asked about is pending in {environment}"
    return Ended(JobState.SUCCEEDED, "nothing_to_do", message, notices=plan.notices)


def ended_without(reason: str, why: str, next_steps: tuple[str, ...] = ()) -> Ended:
    failure = Failure(
        code=FailureCode.REFUSED,
        message=why,
        left_behind="nothing in the target; a scratch database that could not be dropped is dropped by the purge",
        next_steps=(*next_steps, "POST /migrations/verify"),
    )
    return Ended(JobState.FAILED, reason, why, failure)
