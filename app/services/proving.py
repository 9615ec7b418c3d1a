"""Carries out the proof: on a copy of the target's schema each migration goes up, down and up again."""

import asyncio
import uuid
from dataclasses import dataclass

from app.domain.environment import Environment
from app.domain.errors import BackendUnavailable, BackendUnusable, MigrationsInvalid, Refusal
from app.domain.job import Attempt, Outcome, Superseded
from app.domain.proof import Judgement, Verdict
from app.domain.proof_plan import ProofPlan, plan_proof
from app.domain.signals import Cancelled, ConnectionLost, Fenced
from app.domain.step import Step
from app.ports import (
    Acquired,
    Clock,
    JobClaims,
    Limits,
    Proofs,
    Schemas,
    Scratch,
    Scratches,
    Source,
    Targets,
)
from app.services.environments import Environments
from app.services.lookout import Watch
from app.services.outcomes import refused
from app.services.progress import Progress
from app.services.proving_course import Course, copy_differs
from app.services.proving_record import Record, ended_without, nothing_to_prove
from app.services.watchdog import Watchdog


@dataclass(frozen=True, slots=True)
class ProvingPolicy:
    """The limits of statements are those of a run; `timeout_ms` is for the whole job."""

    limits: Limits
    timeout_ms: int


class Prover:
    def __init__(
        self,
        environments: Environments,
        source: Source,
        targets: Targets,
        schemas: Schemas,
        scratches: Scratches,
        proofs: Proofs,
        claims: JobClaims,
        watchdog: Watchdog,
        clock: Clock,
        policy: ProvingPolicy,
    ) -> None:
        self._environments = environments
        self._source = source
        self._targets = targets
        self._schemas = schemas
        self._scratches = scratches
        self._proofs = proofs
        self._claims = claims
        self._watchdog = watchdog
        self._clock = clock
        self._policy = policy

    async def prove(self, attempt: Attempt) -> Outcome:
        """Plan from files and ledger; create a scratch database; copy the schema; try each migration; drop it.

        Of the target nothing but its ledger and its schema is read. A verdict is on record as soon as it is known.
        """
        environment = self._environments.named(attempt.request.environment)
        try:
            plan = await self._plan(environment, attempt)
            if not plan.steps:
                return nothing_to_prove(environment.name, plan)
            return await self._tried(environment, attempt, plan)
        except Refusal as refusal:
            return refused(refusal, attempt)
        except BackendUnusable as error:
            return ended_without("scratch_refused", error.detail, error.next_steps)
        except BackendUnavailable as error:
            return ended_without("backend_unavailable", error.detail, error.next_steps)
        except ConnectionLost as error:
            return ended_without("connection_lost", f"the scratch database was lost: {error.detail}")
        except Fenced as error:
            return Superseded(error.detail)

    async def _plan(self, environment: Environment, attempt: Attempt) -> ProofPlan:
        catalog, view = await self._source.read(), await self._targets.read(environment)
        plan = plan_proof(catalog, view.history, environment.out_of_order, attempt.request.names)
        problems = self._source.unloadable(plan.steps)
        if problems:
            raise MigrationsInvalid(f"{problems[0].message}; nothing was tried", problems)
        return plan

    async def _tried(self, environment: Environment, attempt: Attempt, plan: ProofPlan) -> Outcome:
        nonce, elsewhere = uuid.uuid4(), self._scratches.environment(environment, attempt)
        async with (
            self._watchdog.watch(elsewhere, attempt, nonce) as watch,
            Progress(attempt, self._claims, self._clock) as progress,
        ):
            progress.planned(plan.steps)
            watch.tell = progress.say
            record = Record(environment, attempt, plan, self._proofs, progress)
            try:
                async with self._scratches.open(environment, attempt) as scratch:
                    return await self._within_time(environment, attempt, record, scratch, watch, nonce)
            except Cancelled as asked:
                record.leave_rest(f"{asked.by} cancelled the job before it came to that")
                return record.cancelled(asked.by)

    async def _within_time(
        self,
        environment: Environment,
        attempt: Attempt,
        record: Record,
        scratch: Scratch,
        watch: Watch,
        nonce: uuid.UUID,
    ) -> Outcome:
        """Inside the bracket of the database: what takes too long is cut off, and the database is dropped after it."""
        try:
            async with asyncio.timeout(self._policy.timeout_ms / 1000) as deadline:
                return await self._on(scratch, environment, attempt, record, watch, nonce)
        except TimeoutError:
            if not deadline.expired():
                raise
            record.leave_rest(f"the time for the whole job was over ({self._policy.timeout_ms} ms)")
            return record.out_of_time(self._policy.timeout_ms)

    async def _on(
        self,
        scratch: Scratch,
        environment: Environment,
        attempt: Attempt,
        record: Record,
        watch: Watch,
        nonce: uuid.UUID,
    ) -> Outcome:
        watch.say(f"copying the schema of {environment.name}")
        snapshot = await self._schemas.read(environment)
        copied = await scratch.fill(snapshot, watch.is_halted)
        if watch.cancelled_by is not None:
            raise Cancelled(watch.cancelled_by, 0)
        copy = await scratch.snapshot()
        record.copied(copied, copy_differs(snapshot, copy))
        async with self._targets.open(scratch.environment, attempt) as session:
            taken = await session.acquire(attempt, nonce)
            assert isinstance(taken, Acquired), "nobody else knows this database"
            course = Course(scratch, session, watch, self._policy.limits, copy)
            for ordinal, step in enumerate(record.plan.steps):
                if watch.lost:
                    return Superseded(f"attempt {attempt.number} of job {attempt.job_id} is over")
                await self._one(ordinal, step, course, record, environment.scratch is None)
        return record.ended()

    async def _one(self, ordinal: int, step: Step, course: Course, record: Record, beside: bool) -> None:
        """One that is not asked about is only applied, for those that come after it."""
        why_not = course.why_not(step, beside)
        if why_not is None:
            record.progress.running(ordinal, f"trying {step.name}")
            await record.progress.entered(step)
            course.hear(lambda line: record.progress.heard(ordinal, line))
        if step.name not in record.plan.asked:
            record.passed(ordinal, why_not, await course.apply_only(step) if why_not is None else None)
            return
        judged = await course.judge(step) if why_not is None else Judgement(Verdict.NOT_CHECKED, why_not)
        await record.judged(ordinal, step, judged, course.server_version, course.notices)
