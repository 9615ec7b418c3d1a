"""`/migrations/plan` and `/plans`: what would be run, and the text of it to the byte."""

from http import HTTPStatus

from flask import Response
from flask_openapi3.blueprint import APIBlueprint
from flask_openapi3.models.tag import Tag

from app.api import plan_schemas
from app.api.answers import encoded, etag, json_response, tagged_bytes, tagged_response
from app.api.changes import answer_change
from app.api.context import (
    base_url,
    has_targets,
    may,
    origin,
    refuse_unheard,
    remember_environment,
    run,
    services,
)
from app.api.inputs import PlanBody, PlanKind
from app.api.paging import after, link_next
from app.api.plan_text import plan_text
from app.api.queries import PlanPath, PlanQuery, PlansQuery
from app.api.render_plans import plan as rendered
from app.api.render_plans import plan_summary, planned_problem
from app.api.requests import checked, uuid_or_not_found
from app.domain.errors import ValidationFailed
from app.domain.job import JobKind, JobRequest
from app.domain.planned import MadePlans, StoredPlan, most_in_its_way
from app.domain.problem import Problem
from app.ports import KeyClaim, PlansWanted

api = APIBlueprint(
    "plans", __name__, abp_tags=[Tag(name="Plans", description="What would be run, with its locks and hazards.")]
)

OF = "plans"
TEXT = "text/plain; charset=utf-8"
_FITS = {
    "to": (PlanKind.RUN, PlanKind.ROLLBACK, PlanKind.SYNC),
    "source": (PlanKind.SYNC,),
    "count": (PlanKind.ROLLBACK,),
    "atomic": (PlanKind.RUN,),
}


@api.post("/migrations/plan", responses={201: plan_schemas.Plan}, operation_id="planMigrations")
@checked
def plan_migrations(query: PlanQuery, body: PlanBody) -> Response:
    """What would be run, and what is in its way

    Every step with its SQL, the locks it takes, the tables it touches, its hazards and an estimate of its time; who
    would keep it waiting now; and whether a run may go ahead. Nothing is written to the target. What a run would be
    refused is a plan too, with that refusal in it. Of several targets each that can be looked at has a plan; where
    none can, the answer is `503`.
    """
    _refuse_misfits(body)
    named = query.environment or body.environment
    if named is not None:
        remember_environment(named)
    asked = JobRequest(
        kind=JobKind(body.kind.value),
        environment=named or services().environments.default,
        to=body.to,
        count=body.count,
        atomic=body.atomic,
        allow_hazards=tuple(body.allow_hazards),
        source=body.source,
    )
    make_plan = services().syncs.plan if body.kind is PlanKind.SYNC else services().plan_desk.make

    def make(_: KeyClaim | None) -> Response:
        return made_plans(run(make_plan(asked, origin())))

    return answer_change(body, make)


def made_plans(every: MadePlans) -> Response:
    """`201` with the plan; of several targets with the one that has most in its way, which others there are, and why
    some have none."""
    made = most_in_its_way(every.plans)
    body = rendered(made, base_url(), may())
    if every.of_several:
        body["targets"] = [plan_summary(one.summary) for one in every.plans]
        body["withoutPlan"] = [
            {"environment": name, "problem": planned_problem(why, base_url(), name)}
            for name, why in every.without.items()
        ]
    response = json_response(body, HTTPStatus.CREATED)
    response.headers["Location"] = f"/plans/{made.id}"
    return response


@api.get("/plans", responses={200: plan_schemas.Plans}, operation_id="listPlans")
@checked
def list_plans(query: PlansQuery) -> Response:
    """Plans, newest first

    Without their steps. The next page is in the `Link` header.
    """
    refuse_unheard(query.environment)
    whole = has_targets(query.environment)
    wanted = PlansWanted(query.limit + 1, after(query.page_token, OF), query.environment, whole)
    found = run(services().plans.find(wanted))
    response = tagged_response([plan_summary(one) for one in found[: query.limit]])
    return link_next(response, OF, str(found[query.limit - 1].id)) if len(found) > query.limit else response


@api.get("/plans/<id>", responses={200: plan_schemas.Plan}, operation_id="getPlan")
@checked
def get_plan(path: PlanPath) -> Response:
    """One plan, as it was answered when it was made"""
    body = encoded(rendered(_plan(path), base_url(), may()))
    return tagged_bytes(body, etag(body))


@api.get("/plans/<id>/sql", responses={200: plan_schemas.SQL}, operation_id="getPlanSql")
@checked
def get_plan_sql(path: PlanPath) -> Response:
    """The text of every step, byte for byte as it would be sent

    Each section stands below a comment that says how many bytes follow and their SHA-256. A step in Python is shown
    as a comment.
    """
    body = plan_text(_plan(path))
    response = tagged_bytes(body, etag(body))
    if response.status_code == HTTPStatus.OK:
        response.content_type = TEXT
    return response


def _plan(path: PlanPath) -> StoredPlan:
    return run(services().plans.plan(uuid_or_not_found(path.id, "plan", "/plans")))


def _refuse_misfits(body: PlanBody) -> None:
    """Fields that mean nothing for the kind of plan that is asked for. Raises ValidationFailed."""
    problems = [
        Problem("not_for_this_kind", f"`{name}` is not for a plan of kind {body.kind}", pointer=f"/{name}")
        for name, kinds in _FITS.items()
        if name in body.model_fields_set and getattr(body, name) is not None and body.kind not in kinds
    ]
    if not problems and body.to is not None and body.count is not None:
        problems.append(Problem("contradiction", "`to` and `count` both say how far; give one", pointer="/count"))
    if problems:
        raise ValidationFailed(problems[0].message, tuple(problems), next_steps=("GET /docs",))
