"""PlanService: what would be run, kept as it was answered; and the request that runs just that."""

import asyncio
from collections.abc import Collection
from dataclasses import dataclass, replace
from uuid import UUID

from app.domain.binding import binding_of
from app.domain.drift import Sight
from app.domain.environment import Environment, Protection
from app.domain.errors import BackendUnavailable, ListedRefusal, NotFound, Refusal, ValidationFailed
from app.domain.examination import Known, required_consent
from app.domain.foresight import settled
from app.domain.job import Job, JobKind, JobRequest, Origin
from app.domain.known import known_of
from app.domain.migration import Catalog
from app.domain.planned import OpenJob, PlannedStep, PlanSummary, PlanVerdict, RightNow, StoredPlan, WouldRefuse
from app.domain.planned_steps import Read, planned_steps, read_step, relations_of, with_keeping, with_proofs
from app.domain.problem import Problem
from app.domain.proof import NO_PROOFS, KnownProofs
from app.domain.step import Plan
from app.domain.survey import Survey, blockers
from app.domain.windows import closed_at
from app.ports import Clock, JobBoard, Plans, PlansWanted, Proofs, Schemas, Source, Surveys, Targets, TargetView
from app.services.drift import DriftRecorder
from app.services.environments import Environments
from app.services.gate import HazardGate, examination_of, version_of
from app.services.neighbours import Neighbours
from app.services.planning import plan_job, protection_of
from app.services.proof_gate import ProofGate

LOOKS = 3


@dataclass(frozen=True, slots=True)
class _Seen:
    """A target at one moment; its ledger and its schema belong together.

    `sight` None: somebody holds what it would have to read. `remarks`: that, and drift.
    """

    catalog: Catalog
    view: TargetView
    sight: Sight | None
    remarks: tuple[str, ...]
    open_jobs: tuple[Job, ...]
    proofs: KnownProofs = NO_PROOFS

    @property
    def known(self) -> Known | None:
        return None if self.sight is None else known_of(self.sight.live)

    @property
    def fingerprint(self) -> str | None:
        return None if self.sight is None else self.sight.live.fingerprint


class PlanService:
    def __init__(
        self,
        environments: Environments,
        source: Source,
        targets: Targets,
        schemas: Schemas,
        surveys: Surveys,
        gate: HazardGate,
        board: JobBoard,
        plans: Plans,
        proofs: Proofs,
        drift: DriftRecorder,
        clock: Clock,
        neighbours: Neighbours,
    ) -> None:
        self._neighbours = neighbours
        self._drift = drift
        self._proofs = proofs
        self._environments = environments
        self._source = source
        self._targets = targets
        self._schemas = schemas
        self._surveys = surveys
        self._gate = gate
        self._board = board
        self._plans = plans
        self._clock = clock

    async def make(self, request: JobRequest, origin: Origin) -> StoredPlan:
        """Look, decide and keep what was decided; a refusal is an answer too. Writes nothing to the target.

        Raises NotFound for what the request names and is not there, or BackendUnavailable.
        """
        environment = self._environments.named(request.environment)
        seen = await self._look(environment)
        try:
            around = await self._neighbours.around(environment, request)
            closed = closed_at(environment.windows, around.at) if request.kind.goes_up else None
            if closed is not None and closed.opens_at is not None:
                # a plan is made by day for the window at night
                around = replace(around, at=closed.opens_at)
                seen = replace(
                    seen, remarks=(*seen.remarks, f"{environment.name} may not be changed now: {closed.said()}")
                )
            # confirmation is no part of the plan: that it is needed is a part of the answer
            plan = plan_job(replace(request, confirm=environment.name), environment, seen.catalog, seen.view, around)
            proofs = ProofGate(environment, request, await self._proofs.of(environment.name))
            proofs.passed(plan)
            seen = await self._with_drift(request, environment, seen, plan)
        except NotFound:
            raise
        except Refusal as refusal:
            made = await self._refused(request, origin, environment, seen, refusal)
        else:
            made = await self._planned(request, origin, environment, replace(seen, proofs=proofs.known), plan)
        await self._plans.keep(made)
        return made

    async def plan(self, plan_id: UUID) -> StoredPlan:
        """Raises NotFound."""
        found = await self._plans.get(plan_id)
        if found is None:
            raise NotFound(f"there is no plan {plan_id}", next_steps=("GET /plans",))
        return found

    async def find(self, wanted: PlansWanted) -> tuple[PlanSummary, ...]:
        return await self._plans.find(wanted)

    async def held_to(self, plan_id: UUID, request: JobRequest, given: Collection[str]) -> JobRequest:
        """`request` as the plan has it: it runs as that or not at all.

        `given`: the fields that the caller has named himself, by their names in JSON; they may repeat what the plan
        says and not contradict it. Raises NotFound or ValidationFailed.
        """
        plan = await self.plan(plan_id)
        problems = _contradictions(plan, request, given)
        if problems:
            raise ValidationFailed(problems[0].message, problems, next_steps=(f"GET /plans/{plan_id}",))
        planned = plan.request
        return replace(
            request,
            environment=planned.environment,
            to=planned.to,
            count=planned.count,
            atomic=planned.atomic,
            allow_hazards=tuple(dict.fromkeys((*planned.allow_hazards, *request.allow_hazards))),
            plan=plan.binding,
        )

    async def _look(self, environment: Environment) -> _Seen:
        """The ledger is read before and after the schema: a job that moves both may not come between them."""
        catalog = await self._source.read()
        view = await self._targets.read(environment)
        sight: Sight | None = None
        remarks: tuple[str, ...] = ()
        for _ in range(LOOKS):
            before = view
            sight, remarks = await self._read_schema(environment)
            view = await self._targets.read(environment)
            if (before.history.position, before.holder) == (view.history.position, view.holder):
                break
        return _Seen(catalog, view, sight, remarks, await self._board.open_on(environment.name))

    async def _with_drift(self, request: JobRequest, environment: Environment, seen: _Seen, plan: Plan) -> _Seen:
        """Raises DriftPresent where a run would be refused for it; otherwise drift is a notice."""
        if not request.kind.goes_up or seen.sight is None or not plan.steps:
            return seen
        said = await self._drift.foresee(environment, seen.sight, request)
        return seen if said is None else replace(seen, remarks=(*seen.remarks, said))

    async def _read_schema(self, environment: Environment) -> tuple[Sight | None, tuple[str, ...]]:
        """Whoever stands in the way of a plan may stand in the way of this look: then the plan says so."""
        try:
            return await self._schemas.sight(environment), ()
        except BackendUnavailable as error:
            said = f"the schema could not be read, so a run is not held to it: {error.detail}"
            return None, (said,)

    async def _planned(
        self, request: JobRequest, origin: Origin, environment: Environment, seen: _Seen, plan: Plan
    ) -> StoredPlan:
        linted = await self._gate.lint(plan.steps, version_of(seen.view))
        protection = protection_of(environment, seen.view)

        # a thousand files take a while: the loop belongs to every request of this process
        read = await asyncio.to_thread(examination_of, plan.steps, linted, seen.known, seen.proofs)
        keeping = await self._gate.keeping(environment, plan.steps, read.removals)
        found = settled(read, plan.steps, keeping)
        verdict = required_consent(found.hazards, environment.consent, request.allow_hazards, protection)
        reads = await asyncio.to_thread(lambda: tuple(read_step(step) for step in plan.steps))
        survey = await self._surveys.look(environment, relations_of(reads))
        files = seen.catalog.by_name()
        steps = await asyncio.to_thread(planned_steps, reads, found, verdict, survey, files)
        steps = with_keeping(with_proofs(steps, seen.proofs), keeping)
        confirm = request.kind is JobKind.ROLLBACK and protection is not Protection.OPEN
        made = self._bare(request, origin, protection, seen, survey, reads)
        return replace(
            made,
            verdict=PlanVerdict.NEEDS_CONSENT if verdict.lacking or confirm else PlanVerdict.READY,
            binding=binding_of(made.id, plan, seen.view.history, seen.fingerprint),
            steps=steps,
            lacking=verdict.lacking_codes,
            confirm=confirm,
            notices=(*seen.remarks, *plan.notices, *_unused(steps)),
            linter_notice=linted.notice,
        )

    async def _refused(
        self, request: JobRequest, origin: Origin, environment: Environment, seen: _Seen, refusal: Refusal
    ) -> StoredPlan:
        survey = await self._surveys.look(environment, ())
        made = self._bare(request, origin, protection_of(environment, seen.view), seen, survey, ())
        problems = refusal.problems if isinstance(refusal, ListedRefusal) else ()
        would = WouldRefuse(refusal.slug, refusal.detail, refusal.next_steps, problems, dict(refusal.facts))
        return replace(made, verdict=PlanVerdict.REFUSED, refused=would)

    def _bare(
        self,
        request: JobRequest,
        origin: Origin,
        protection: Protection,
        seen: _Seen,
        survey: Survey,
        reads: tuple[Read, ...],
    ) -> StoredPlan:
        """What every plan says, whatever becomes of it."""
        return StoredPlan(
            id=self._clock.new_id(),
            request=request,
            origin=origin,
            created_at=self._clock.now(),
            verdict=PlanVerdict.READY,
            protection=protection,
            binding=None,
            steps=(),
            lacking=(),
            confirm=False,
            refused=None,
            notices=(),
            linter_notice=None,
            right_now=RightNow(
                at=survey.at,
                server_version=survey.server_version,
                blockers=blockers(survey, [read.every_lock for read in reads]),
                open_jobs=tuple(_open_job(job) for job in seen.open_jobs),
                holder=seen.view.holder,
            ),
        )


def _open_job(job: Job) -> OpenJob:
    return OpenJob(job.id, job.request.kind.value, job.state.value, job.created_at)


def _unused(steps: tuple[PlannedStep, ...]) -> tuple[str, ...]:
    return tuple(one.said() for step in steps for one in step.unused)


def _contradictions(plan: StoredPlan, request: JobRequest, given: Collection[str]) -> tuple[Problem, ...]:
    planned, found = plan.request, []
    if plan.binding is None:
        why = plan.refused.slug if plan.refused else "refused"
        message = f"plan {plan.id} was refused ({why}), so there is nothing to run; settle that and plan again"
        found.append(Problem("refused_plan", message, pointer="/planId"))
    if planned.kind is not request.kind:
        message = f"plan {plan.id} is for a {planned.kind}, and this is a {request.kind}"
        found.append(Problem("other_kind", message, pointer="/planId"))
    for name, asked, said in (
        ("environment", request.environment, planned.environment),
        ("to", request.to, planned.to),
        ("atomic", request.atomic.value, planned.atomic.value),
    ):
        if name in given and asked != said:
            wanted = "everything" if said is None else repr(said)
            message = f"`{name}` is {asked!r}, and plan {plan.id} was made for {wanted}; leave it out, or plan again"
            found.append(Problem("contradicts_plan", message, pointer=f"/{name}"))
    return tuple(found)
