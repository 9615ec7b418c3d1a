"""What a request would do to a target, or why not: the same decision at submission and under the fence."""

from collections.abc import Sequence
from dataclasses import replace

from app.domain.approval import as_approved, refuse_unseen, refuse_void
from app.domain.binding import refuse_stale
from app.domain.environment import Environment, OnFailure, Protection, stricter, unlocked
from app.domain.errors import ConfirmationRequired, EnvironmentProtected, MigrationsInvalid
from app.domain.job import JobKind, JobRequest
from app.domain.mark import plan_baseline, plan_marks, plan_settling
from app.domain.migration import Catalog
from app.domain.plan import plan_run
from app.domain.problem import Problem
from app.domain.promotion import Surroundings, plan_sync, refuse_outside_window, refuse_unpromoted
from app.domain.retrieving import plan_retrieval
from app.domain.settling import MarkAs
from app.domain.signals import NeedsAttention
from app.domain.step import Atomicity, Plan, Step
from app.domain.undo import plan_reset, plan_rollback, plan_rollback_to, undo_of
from app.ports import TargetView

NOTHING_KEPT = "nothing is kept of the rows that the reset destroys: `preserve` is false"


def plan_job(
    request: JobRequest, environment: Environment, catalog: Catalog, view: TargetView, around: Surroundings
) -> Plan:
    """Pure. Raises the refusal that forbids the request, with every problem found; PlanStale when it names a plan
    that is no longer this one."""
    refuse_other_owner(environment, view)
    plan = _plan_kind(request, environment, catalog, view, around)
    if request.kind.goes_up:
        refuse_outside_window(environment, plan, around)
    fingerprint = None if view.sight is None else view.sight.live.fingerprint
    if request.plan is not None:
        refuse_stale(request.plan, plan, view.history, fingerprint)
    if request.approved is not None:
        refuse_void(request.approved, plan, view.history, fingerprint)
        if view.unread:
            refuse_unseen(request.approved, plan, environment)
    return plan


def protection_of(environment: Environment, view: TargetView) -> Protection:
    """What holds of the configured protection and the one that is recorded in the target; less while it is unlocked."""
    protection = stricter(environment.protection, view.protection or environment.protection)
    return unlocked(protection) if view.unlocked else protection


def _plan_kind(
    request: JobRequest, environment: Environment, catalog: Catalog, view: TargetView, around: Surroundings
) -> Plan:
    protection = protection_of(environment, view)
    match request.kind:
        case JobKind.RUN:
            plan = plan_run(catalog, view.history, environment.out_of_order, request.to)
            refuse_unpromoted(environment, plan.steps, around)
            refuse_apart(request, plan)
            return plan
        case JobKind.SYNC:
            assert request.source is not None
            plan = plan_sync(environment, catalog, view.history, request.source, around, request.to)
            return as_approved(plan, request.approved)
        case JobKind.ROLLBACK:
            require_confirmation(request, protection)
            if request.to is not None:
                return plan_rollback_to(catalog, view.history, request.to)
            return plan_rollback(catalog, view.history, request.count)
        case JobKind.RESET:
            require_open(request, protection)
            plan = plan_reset(catalog, view.history)
            return plan if request.preserve or not plan.steps else replace(plan, remarks=(NOTHING_KEPT,))
        case JobKind.MARK:
            assert request.mark_as is not None
            if request.mark_as is MarkAs.BASELINE:
                return plan_baseline(catalog, view.history, request.to)
            return plan_marks(catalog, view.history, request.names, request.mark_as)
        case JobKind.RESOLVE:
            assert request.settling is not None
            return plan_settling(catalog, view.history, request.settling)
        case JobKind.RESTORE:
            assert request.retrieval is not None
            require_confirmation_to_restore(request, protection)
            return plan_retrieval(view.history, request.retrieval)
        case _:
            raise AssertionError(f"a {request.kind} has no plan")


def way_back(
    environment: Environment, request: JobRequest, failed: Exception, done: Sequence[Step]
) -> tuple[Step, ...]:
    """The steps that undo what was done before one failed, where that is wanted.

    With `atomic: run` the transaction has taken everything back; where a person must look nobody knows what stands.
    """
    wanted = request.on_failure or environment.on_failure
    if request.atomic is Atomicity.RUN or not request.kind.goes_up or isinstance(failed, NeedsAttention):
        return ()
    return undo_of(done) if wanted is OnFailure.ROLLBACK else ()


def refuse_apart(request: JobRequest, plan: Plan) -> None:
    """`atomic: run` is one transaction, in which not every step can take part."""
    apart = [step for step in plan.steps if not step.transactional]
    if request.atomic is not Atomicity.RUN or not apart:
        return
    problems = tuple(
        Problem("not_atomic", f"{step.name} runs outside a transaction", migration=step.name, file=_file_of(step))
        for step in apart
    )
    raise MigrationsInvalid(
        f"{problems[0].message}, so the whole run cannot be one; run without `atomic`, or up to the one before it",
        problems,
        next_steps=(f"POST /migrations/run?environment={request.environment}",),
    )


def _file_of(step: Step) -> str | None:
    return None if step.body is None else step.body.file


def refuse_other_owner(environment: Environment, view: TargetView) -> None:
    """A target remembers whose it is, so that a wrong address cannot make a playground of production."""
    if not environment.answers_to(view.environment):
        raise EnvironmentProtected(
            f"this database was set up as {view.environment}, and the configuration calls it {environment.name}; "
            f"correct the URL of {environment.name} ({environment.dsn}), or take the database for it on purpose",
            facts={"recorded": view.environment, "configured": environment.name},
            next_steps=(f'POST /environments/{environment.name}/claim {{"confirm": "{view.environment}"}}',),
        )


def require_open(request: JobRequest, protection: Protection) -> None:
    """Reset is for development: no confirmation opens it elsewhere."""
    if protection is not Protection.OPEN:
        raise EnvironmentProtected(
            f"reset undoes everything and is refused in {request.environment}, whose protection is {protection}; "
            f"roll back what you mean instead",
            facts={"environment": request.environment, "protection": protection.value},
            next_steps=(f"POST /migrations/rollback?environment={request.environment}",),
        )


def require_confirmation(request: JobRequest, protection: Protection) -> None:
    if protection is Protection.OPEN or request.confirm == request.environment:
        return
    path = f"/migrations/rollback{'' if request.count is None else f'/{request.count}'}"
    raise ConfirmationRequired(
        f"a rollback in {request.environment} can lose rows; type the environment's name to confirm it",
        facts={"environment": request.environment, "protection": protection.value},
        next_steps=(f"POST {path}?environment={request.environment}&confirm={request.environment}",),
    )


def require_confirmation_to_restore(request: JobRequest, protection: Protection) -> None:
    """It loses nothing, and shows rows again that a migration has taken away."""
    if protection is Protection.OPEN or request.confirm == request.environment:
        return
    raise ConfirmationRequired(
        f"this makes a table in {request.environment} of rows that were taken away there; "
        f"type the environment's name to confirm it",
        facts={"environment": request.environment, "protection": protection.value},
        next_steps=(f'send the same with "confirm": "{request.environment}"',),
    )
