"""`/migrations`: where every migration stands, and the calls that move them."""

from dataclasses import replace

from flask import Response
from flask_openapi3.blueprint import APIBlueprint
from flask_openapi3.models.tag import Tag
from flask_openapi3.types import ResponseDict

from app.api import plan_schemas, render, schemas
from app.api.answers import tagged_bytes, tagged_response
from app.api.changes import CHANGED, Submit, answer_change, carry_out, environment_of
from app.api.context import may, origin, remember_environment, require, run, services
from app.api.inputs import (
    DEFAULT_PAGE,
    ChangeBody,
    ChangeQuery,
    CountedRollbackBody,
    MarkBody,
    ResetBody,
    RollbackBody,
    RunBody,
)
from app.api.listing import listing
from app.api.paging import cut, link_next
from app.api.plans import made_plans
from app.api.queries import CountPath, EnvironmentQuery, MigrationsQuery, NamePath
from app.api.requests import checked
from app.domain.access import Scope, Verb
from app.domain.errors import ValidationFailed
from app.domain.job import JobKind, JobRequest
from app.domain.problem import Problem
from app.domain.settling import MarkAs

api = APIBlueprint(
    "migrations",
    __name__,
    abp_tags=[Tag(name="Migrations", description="Where every migration stands, and the calls that move them.")],
)


ANSWERS: ResponseDict = {**CHANGED, 201: plan_schemas.Plan}


@api.post("/migrations/run", responses=ANSWERS, operation_id="runMigrations")
@checked
def run_migrations(query: ChangeQuery, body: RunBody) -> Response:
    """Run what is pending

    Everything in dependency order, or up to and with `to`; with `planId` what that plan says, or nothing when
    anything has moved since. The answer is a job, already succeeded when there was nothing to do; or with `dryRun`
    the plan.
    """
    asked = replace(
        _asked(JobKind.RUN, query, body),
        to=body.to,
        atomic=body.atomic,
        on_failure=body.on_failure,
        on_drift=body.on_drift,
        outside_window=body.outside_window,
    )
    return _carried_out(_held_to_plan(asked, query, body), body, services().migrations.submit)


@api.get("/migrations", responses={200: schemas.Migrations}, operation_id="listMigrations")
@checked
def list_migrations(query: MigrationsQuery) -> Response:
    """Every migration and its status

    The whole list unless `limit` is given; then the next page is in the `Link` header.
    """
    environment = query.environment or services().environments.default
    if query.limit is None and query.page_token is None:
        whole = listing(environment)
        return tagged_bytes(whole.body, whole.etag)
    statuses = run(services().sync.migrations(environment))
    limit, of = query.limit or DEFAULT_PAGE, f"migrations:{environment}"
    page = cut(statuses, limit, query.page_token, of)
    response = tagged_response([render.migration_row(status) for status in page[:limit]])
    return link_next(response, of, str(page[limit - 1].id)) if len(page) > limit else response


@api.get("/migrations/<migration_name:name>", responses={200: schemas.Migration}, operation_id="getMigration")
@checked
def get_migration(path: NamePath, query: EnvironmentQuery) -> Response:
    """One migration"""
    environment = query.environment or services().environments.default
    status = run(services().sync.migration(environment, path.name))
    return tagged_response(render.migration(status, may()))


@api.post("/migrations/rollback", responses=ANSWERS, operation_id="rollbackMigration")
@checked
def roll_back(query: ChangeQuery, body: RollbackBody) -> Response:
    """Undo the newest migration

    Or, with `to`, everything applied after that one. With `dryRun` the answer is the plan.
    """
    asked = replace(_asked(JobKind.ROLLBACK, query, body), to=body.to)
    return _carried_out(_held_to_plan(asked, query, body), body, services().rollbacks.submit)


@api.post("/migrations/rollback/<n>", responses=ANSWERS, operation_id="rollbackMigrations")
@checked
def roll_back_several(path: CountPath, query: ChangeQuery, body: CountedRollbackBody) -> Response:
    """Undo the newest migrations, as many as the path says

    With `dryRun` the answer is the plan.
    """
    asked = replace(_asked(JobKind.ROLLBACK, query, body), count=path.n)
    return _carried_out(asked, body, services().rollbacks.submit)


@api.delete("/migrations/reset", responses=ANSWERS, operation_id="resetMigrations")
@checked
def reset(query: ChangeQuery, body: ResetBody) -> Response:
    """Undo everything

    Only where the environment's protection is `open`. What it destroys is kept and comes back with the next run,
    unless `preserve` is false. With `dryRun` the answer is the plan.
    """
    asked = replace(_asked(JobKind.RESET, query, body), preserve=body.preserve)
    return _carried_out(asked, body, services().rollbacks.reset)


@api.post("/migrations/mark", responses=CHANGED, operation_id="markMigrations")
@checked
def mark(query: ChangeQuery, body: MarkBody) -> Response:
    """Record migrations as applied or rolled back without running them

    For a schema that somebody has changed by hand, or that has them already: a `baseline` takes over a database without
    a history, in which everything up to and with `to` is there. All of them, or none.
    """
    _refuse_misfits(body)
    asked = JobRequest(
        kind=JobKind.MARK,
        environment=environment_of(query, body),
        on_busy=body.on_busy,
        note=body.note,
        names=tuple(dict.fromkeys(body.names)),
        mark_as=body.mark_as,
        to=body.to,
    )
    return carry_out(asked, body, services().migrations.mark)


def _refuse_misfits(body: MarkBody) -> None:
    """A baseline is told by how far it goes, any other mark by names. Raises ValidationFailed."""
    baseline = body.mark_as is MarkAs.BASELINE
    if baseline and body.names:
        found = Problem(
            "not_for_this_kind", "`names` is not for a baseline; say with `to` how far it goes", pointer="/names"
        )
    elif not baseline and body.to is not None:
        found = Problem("not_for_this_kind", "`to` is for a baseline; name the migrations in `names`", pointer="/to")
    elif not baseline and not body.names:
        found = Problem("missing", "`names` has to be given: the names of migrations", pointer="/names")
    else:
        return
    raise ValidationFailed(found.message, (found,), next_steps=("GET /docs",))


def _asked(kind: JobKind, query: ChangeQuery, body: ChangeBody) -> JobRequest:
    return JobRequest(
        kind=kind,
        environment=environment_of(query, body),
        on_busy=body.on_busy,
        confirm=query.confirm or body.confirm,
        lock_timeout_ms=body.lock_timeout_ms,
        note=body.note,
        allow_hazards=tuple(dict.fromkeys(body.allow_hazards)),
    )


def _carried_out(asked: JobRequest, body: ChangeBody, submit: Submit) -> Response:
    """The job; or with `dryRun` the plan, for which nobody has to confirm anything."""
    if not body.dry_run:
        return carry_out(asked, body, submit)
    require(Scope(Verb.PLAN))
    return answer_change(body, lambda _: made_plans(run(services().plan_desk.make(asked, origin()))))


def _held_to_plan(asked: JobRequest, query: ChangeQuery, body: RunBody | RollbackBody) -> JobRequest:
    """With `planId`: that plan, whose environment is meant when none is named."""
    if body.plan_id is None:
        return asked
    if body.dry_run:
        message = "`planId` names a plan that has been made; look at that one, or leave one of the two out"
        found = Problem("contradiction", message, pointer="/dryRun")
        raise ValidationFailed(message, (found,), next_steps=(f"GET /plans/{body.plan_id}",))
    given = {name for one in (query, body) for name in one.model_fields_set if getattr(one, name) is not None}
    held = run(services().plans.held_to(body.plan_id, asked, given))
    remember_environment(held.environment)
    return held
