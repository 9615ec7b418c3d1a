"""`/environments` and `/matrix`: what environments are, where they stand, and how they differ."""

from flask import Response
from flask_openapi3.blueprint import APIBlueprint
from flask_openapi3.models.tag import Tag

from app.api import comparison_schemas, environment_schemas, render_environments
from app.api.answers import tagged_response
from app.api.context import base_url, may, remember_environment, run, services
from app.api.queries import CompareQuery, EnvironmentPath, EnvironmentsQuery
from app.api.render import Json
from app.api.render_comparison import comparison
from app.api.render_removed import removed_environment
from app.api.render_unusable import unusable_environment
from app.api.requests import checked
from app.domain.axes import Standing
from app.domain.environment import Environment
from app.domain.whole import worst_comparison

api = APIBlueprint(
    "environments",
    __name__,
    abp_tags=[Tag(name="Environments", description="What they are, and whether they are as they should be.")],
)


@api.get("/environments", responses={200: environment_schemas.Environments}, operation_id="listEnvironments")
@checked
def list_environments(query: EnvironmentsQuery) -> Response:
    """Every environment

    With `status=true` also where each of them stands: every target is asked at once and has half a second to answer;
    what does not is `unknown`, with the reason. What was taken out of liftlock.toml and has a history is there too, as
    `removed`, until somebody removes it for good; and so is what is registered and names what is not there, as
    `unusable`, with what to do about it.
    """
    environments = services().environments
    if query.status == "true":
        standings = (*run(services().sync.standings()), *run(services().sync.left_out()))
        return tagged_response([*map(_standing, standings), *_unusable()])
    removed = [removed_environment(one, may()) for one in environments.removed.values()]
    return tagged_response([*map(_shown, environments.all()), *removed, *_unusable()])


@api.get("/environments/compare", responses={200: comparison_schemas.Comparison}, operation_id="compareEnvironments")
@checked
def compare_environments(query: CompareQuery) -> Response:
    """Two environments side by side

    What each has applied, how their schemas differ, and the calls that would bring them together. A side that cannot
    be read makes the verdict `unknown`, with the reason. Of an environment with several targets each is held against
    the other side, or there against the one of the same name; the answer is that of the worst, `targets` lists all.
    """
    found = run(services().sync.compare(query.source, query.target, strict=query.strict == "true"))
    body = comparison(worst_comparison(found), base_url(), may())
    if any(services().environments.has_several(side) for side in (query.source, query.target)):
        body["targets"] = [comparison(one, base_url(), may()) for one in found]
    return tagged_response(body)


@api.get("/environments/<environment>", responses={200: environment_schemas.Environment}, operation_id="getEnvironment")
@checked
def get_environment(path: EnvironmentPath, query: EnvironmentsQuery) -> Response:
    """One environment"""
    remember_environment(path.environment)
    if (unusable := services().environments.unread.get(path.environment)) is not None:
        return tagged_response(unusable_environment(unusable, may()))
    if query.status == "true":
        return tagged_response(_standing(run(services().sync.standing(path.environment))))
    if (removed := services().environments.removed.get(path.environment)) is not None:
        return tagged_response(removed_environment(removed, may()))
    return tagged_response(_shown(services().environments.configured(path.environment)))


@api.get(
    "/environments/<environment>/status",
    responses={200: environment_schemas.EnvironmentStatus},
    operation_id="getEnvironmentStatus",
)
@checked
def get_status(path: EnvironmentPath) -> Response:
    """Where an environment stands

    Three axes: the files against the ledger, the last look at the schema, and the last job. A target that does not
    answer within three seconds is `unknown`, with the reason.
    """
    remember_environment(path.environment)
    return tagged_response(render_environments.status(run(services().sync.standing(path.environment))))


@api.get("/matrix", responses={200: environment_schemas.Matrix}, operation_id="getMatrix")
@checked
def get_matrix() -> Response:
    """Every migration in every environment

    Targets are asked as for the list of environments; the cells of those that do not answer are `unknown`.
    """
    found, left_out = run(services().sync.matrix()), run(services().sync.left_out())
    environments, removed = ([_standing(one) for one in some] for some in (found.environments, left_out))
    unusable = {"unusable": _unusable()} if services().environments.unread else {}
    return tagged_response({**render_environments.matrix(found, environments), "removed": removed, **unusable})


def _standing(standing: Standing) -> Json:
    if standing.removed is not None:
        return removed_environment(standing.removed, may(), standing)
    return _shown(standing.environment, standing)


def _unusable() -> list[Json]:
    return [unusable_environment(one, may()) for one in services().environments.unread.values()]


def _shown(environment: Environment, standing: Standing | None = None) -> Json:
    return render_environments.environment(
        environment,
        may(),
        is_default=environment.name == services().environments.default,
        standing=standing,
    )
