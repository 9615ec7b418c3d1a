"""How a request becomes a job: refused at once where that is certain, committed, and rung for."""

import asyncio
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial

import structlog

from app import failpoints
from app.domain.approval import accepted
from app.domain.binding import Binding, does_the_same
from app.domain.busy import at_it_since, in_its_place, in_the_way, its_standing
from app.domain.divergence import Severity
from app.domain.environment import Environment
from app.domain.errors import BackendUnavailable, OutsideWindow, ReadOnly, Refusal, TargetBusy
from app.domain.examination import Unused
from app.domain.job import Ended, Job, JobId, JobRequest, JobState, OnBusy, Origin
from app.domain.plan import ordered_or_refused
from app.domain.principal import Principal
from app.domain.promotion import Surroundings, opening
from app.domain.shown import state_of
from app.domain.step import Plan
from app.ports import Clock, Doorbell, JobBoard, JobSweep, KeyClaim, NewJob, Proofs
from app.services.approving import ApprovalDesk
from app.services.environments import Environments
from app.services.gate import HazardGate
from app.services.neighbours import Neighbours
from app.services.outcomes import nothing_to_do
from app.services.planning import plan_job
from app.services.proof_gate import ProofGate
from app.services.validation import Examination, Examine, SchemaValidationService

LOOKS_AGAIN = "a worker looks again: what is away is waited for, what cannot be used ends the job"

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Submitted:
    """The job as committed, and what the caller should know although nothing is wrong with the request."""

    job: Job
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Admission:
    """A request that may become a job: bound to what its approval is for, and what was found on the way.

    `needed`: how many have to approve it. `finished`: there is nothing to do. `plan`: None where only the worker can
    know.
    """

    request: JobRequest
    found: Examination
    not_before: datetime | None
    needed: int
    finished: Ended | None
    warnings: tuple[str, ...]
    plan: Plan | None


@dataclass(frozen=True, slots=True)
class Dedupe:
    """Requests with the same key within `within_s`, or while their job waits for somebody's word, are one job."""

    key: str
    within_s: int


class Submission:
    """Shared by the services that make jobs: run, rollback, reset."""

    def __init__(
        self,
        environments: Environments,
        validation: SchemaValidationService,
        gate: HazardGate,
        board: JobBoard,
        sweep: JobSweep,
        doorbell: Doorbell,
        clock: Clock,
        proofs: Proofs,
        neighbours: Neighbours,
        approvals: ApprovalDesk,
        *,
        shortcut: bool,
        read_only: bool,
    ) -> None:
        self._environments = environments
        self._validation = validation
        self._gate = gate
        self._board = board
        self._sweep = sweep
        self._doorbell = doorbell
        self._clock = clock
        self._proofs = proofs
        self._neighbours = neighbours
        self._approvals = approvals
        self._shortcut = shortcut
        self._read_only = read_only

    async def submit(
        self,
        request: JobRequest,
        origin: Origin,
        idempotency: KeyClaim | None = None,
        dedupe: Dedupe | None = None,
    ) -> Submitted:
        """Commit the job, then ring. Raises a Refusal before anything is committed, or BackendUnavailable.

        From the history it is refused, or found to be nothing to do, only while no other job of the target
        is open: such a job could change the answer, so then the worker decides.
        """
        self.refuse_when_read_only()
        environment = self._environments.named(request.environment)
        # and then the history: what ended before the first answer is in it
        open_jobs, files = await asyncio.gather(self._open_on(environment), self._validation.files())
        other = in_the_way(request, open_jobs)
        if other is not None:
            return answer_busy(request, other)
        look = self._validation.look_at_target if self._shortcut else self._validation.look_at_files
        admission = await self.admit(request, environment, open_jobs, origin.principal, partial(look, files))
        new = self.new_job(admission, origin, idempotency, dedupe)
        recorded = self.record_if_possible(environment.name, admission.found)
        taken, _ = await asyncio.gather(self.accept(new), recorded)
        if taken.job.id != new.id and dedupe is None:
            return answer_busy(request, taken.job)
        return Submitted(in_its_place(taken.job, open_jobs), admission.warnings + taken.warnings)

    async def admit(
        self,
        request: JobRequest,
        environment: Environment,
        open_jobs: tuple[Job, ...],
        asked_by: Principal,
        look: Examine | None = None,
    ) -> Admission:
        """All that is asked of a request before it becomes a job. Raises as `submit`."""
        not_before = opening(environment, request, self._clock.now())
        found, around = await asyncio.gather(
            (look or self._validation.look)(environment), self._around(environment, request, not_before)
        )
        try:
            plan = _planned(request, environment, found, open_jobs, around)
            unused = await self._admitted(request, environment, found, plan)
        except Refusal:
            await self._validation.record(environment.name, found)
            raise
        finished = _nothing_to_do(request, plan)
        needed = 0
        if finished is None:
            request, needed = await self._approvals.hold(request, environment, plan, found, asked_by)
        warnings = _warnings(found, around, plan, unused)
        return Admission(request, found, not_before, needed, finished, warnings, plan)

    async def would_change(self, request: JobRequest, rejected: Binding | None = None) -> bool:
        """Whether a job would do something else than what was `rejected`, or be refused with reason. False while other
        jobs are open, a server is away or the window is closed: a schedule asks again. Raises NotFound."""
        environment = self._environments.named(request.environment)
        open_jobs = await self._open_on(environment)
        found, around = await asyncio.gather(
            self._validation.look(environment), self._around(environment, request, None)
        )
        try:
            plan = _planned(request, environment, found, open_jobs, around)
        except OutsideWindow:
            return False
        except Refusal:
            return True
        return plan is not None and bool(plan.steps) and (rejected is None or not does_the_same(plan, rejected))

    def refuse_when_read_only(self) -> None:
        """Raises ReadOnly where this service makes no changes."""
        if self._read_only:
            raise ReadOnly("this service is read-only (LIFTLOCK_READ_ONLY); ask one that makes changes")

    async def ring(self, job: Job) -> tuple[str, ...]:
        """Ring for a job that is committed; what the caller should know when nobody hears it."""
        if job.state.final or await self._doorbell.ring(job.id):
            return ()
        await self._sweep.unrung(job.id)
        return ("Redis cannot be reached: the job is safe and starts when Redis is back",)

    async def _open_on(self, environment: Environment) -> tuple[Job, ...]:
        """Of one target of several also those of the whole, which will come to it."""
        found = await self._board.open_on(environment.name)
        return found if environment.part_of is None else (*found, *await self._board.open_on(environment.part_of))

    async def _around(
        self, environment: Environment, request: JobRequest, not_before: datetime | None
    ) -> Surroundings | BackendUnavailable:
        """As it will be when the job may go on; of what is around then, that is what is known now."""
        try:
            around = await self._neighbours.around(environment, request)
        except BackendUnavailable as error:
            return error
        return replace(around, at=not_before or around.at)

    async def _admitted(
        self, request: JobRequest, environment: Environment, found: Examination, plan: Plan | None
    ) -> tuple[Unused, ...]:
        """Nothing is asked where only the worker can know what there is to ask.

        Raises HazardNotAllowed or ProofMissing.
        """
        if plan is None or found.view is None:
            return ()
        proofs = await ProofGate.for_plan(self._proofs, environment, request, plan)
        unused = await self._gate.admit(request, environment, plan, found.view, proofs.known)
        proofs.passed(plan)
        return unused

    async def accept(self, new: NewJob) -> Submitted:
        """Commit, then ring at once: what else is written down about the request does not keep the worker waiting."""
        job = await self._board.add(new)
        failpoints.reach("submit.committed")
        ours = job.id == new.id and job.state is not JobState.WAITING
        return Submitted(job, await self.ring(job) if ours else ())

    async def record_if_possible(self, environment: str, found: Examination) -> None:
        """Beside the job, which is accepted whether or not a notice about its files can be kept."""
        try:
            await self._validation.record(environment, found)
        except Exception:
            log.exception("conflicts.not_recorded", environment=environment)

    def new_job(
        self, admission: Admission, origin: Origin, idempotency: KeyClaim | None, dedupe: Dedupe | None
    ) -> NewJob:
        request, needed, not_before = admission.request, admission.needed, admission.not_before
        return NewJob(
            id=JobId(self._clock.new_id()),
            request=request,
            origin=origin,
            message=accepted(request, needed, not_before),
            finished=admission.finished,
            approvals_needed=needed,
            not_before=not_before,
            idempotency=idempotency,
            dedupe_key=dedupe.key if dedupe else None,
            dedupe_within_s=dedupe.within_s if dedupe else 0,
        )


def answer_busy(request: JobRequest, other: Job) -> Submitted:
    """`join` gives the open job of the same kind, `fail` refuses."""
    if request.on_busy is OnBusy.JOIN:
        return Submitted(other)
    raise TargetBusy(
        f"job {other.id} ({other.request.kind}) {its_standing(other, request.environment)}; "
        "wait for it, or send onBusy: queue",
        facts={
            "jobId": str(other.id),
            "kind": other.request.kind.value,
            "state": state_of(other),
            "since": at_it_since(other).isoformat(),
        },
        next_steps=(f"GET /jobs/{other.id}?wait=30",),
    )


def _planned(
    request: JobRequest,
    environment: Environment,
    found: Examination,
    open_jobs: tuple[Job, ...],
    around: Surroundings | BackendUnavailable,
) -> Plan | None:
    """None where only the worker can know. Raises the refusal that is certain already.

    Files that cannot be read refuse a run whatever the target says; what is applied can still be undone.
    """
    if request.kind.goes_up:
        ordered_or_refused(found.catalog)
    if found.view is None or open_jobs or request.stranded is not None or isinstance(around, BackendUnavailable):
        return None
    return plan_job(request, environment, found.catalog, found.view, around)


def _nothing_to_do(request: JobRequest, plan: Plan | None) -> Ended | None:
    return None if plan is None or plan.steps else nothing_to_do(request, plan)


def _warnings(
    examined: Examination,
    around: Surroundings | BackendUnavailable,
    plan: Plan | None,
    unused: tuple[Unused, ...],
) -> tuple[str, ...]:
    warnings = [one.message for one in examined.divergences if one.severity is Severity.NOTICE]
    for away in (examined.unreachable, around):
        if isinstance(away, BackendUnavailable):
            warnings.append(f"{away.detail}; {LOOKS_AGAIN}")
    if plan is not None:
        warnings += [step.notice for step in plan.steps if step.notice]
    warnings += [one.said() for one in unused]
    return tuple(dict.fromkeys(warnings))
