"""Environments registered over HTTP: `PUT` and `DELETE /environments/{env}`, and what was sent."""

from http import HTTPStatus

from flask import Response, request
from flask_openapi3.blueprint import APIBlueprint
from flask_openapi3.models.tag import Tag
from flask_openapi3.types import ResponseDict

from app.api import registry_schemas
from app.api.answers import json_response
from app.api.changes import answer_change
from app.api.context import origin, remember_environment, run, services
from app.api.inputs import NoBody
from app.api.queries import ConfirmQuery, EnvironmentPath
from app.api.registry_schemas import EnvironmentBody
from app.api.render import Json
from app.api.render_values import moment, plain
from app.api.requests import checked
from app.domain.errors import NotFound, PreconditionFailed
from app.domain.registered import Registered

api = APIBlueprint(
    "registry",
    __name__,
    abp_tags=[Tag(name="Environments", description="What they are, and whether they are as they should be.")],
)

PUT: ResponseDict = {200: registry_schemas.Registration, 201: registry_schemas.Registration}


@api.put("/environments/<environment>", responses=PUT, operation_id="putEnvironment")
@checked
def put_environment(path: EnvironmentPath, body: EnvironmentBody) -> Response:
    """Register an environment, or change one that is registered

    The keys are those of a table of liftlock.toml. Addresses with a password are refused: name a variable or a file
    of the service instead (`env:NAME`, `file:PATH`). `If-Match` holds it to the version that was seen,
    `If-None-Match: *` to there being none. Other processes know of it within a few seconds.
    """
    remember_environment(path.environment)
    version = _version_there(path.environment) if request.if_match.star_tag else _seen_version()
    document = body.model_dump(mode="json", by_alias=True, exclude_unset=True)

    def answer(_: object) -> Response:
        done = run(services().registry.put(path.environment, document, version, origin()))
        return _answer(done.registered, HTTPStatus.CREATED if done.is_new else HTTPStatus.OK)

    return answer_change(body, answer)


@api.delete("/environments/<environment>", responses={204: None}, operation_id="deleteEnvironment")
@checked
def delete_environment(path: EnvironmentPath, query: ConfirmQuery, body: NoBody) -> Response:
    """Forget a registered environment

    Its database stays as it is, and its jobs stay on record. One with a history wants its name typed (`confirm`).
    `If-Match` holds it to the version that was seen. One that was taken out of liftlock.toml (`removed`) is removed for
    good: its jobs that wait are cancelled.
    """
    remember_environment(path.environment)
    version = _seen_version()

    def answer(_: object) -> Response:
        run(services().registry.delete(path.environment, version, query.confirm, origin()))
        return Response(status=HTTPStatus.NO_CONTENT)

    return answer_change(body, answer)


@api.get(
    "/environments/<environment>/registration",
    responses={200: registry_schemas.Registration},
    operation_id="getRegistration",
)
@checked
def get_registration(path: EnvironmentPath) -> Response:
    """What was sent to register an environment

    Not found for one that stands in liftlock.toml. Its `ETag` is for `If-Match`.
    """
    remember_environment(path.environment)
    found = run(services().registry.registered(path.environment))
    if found is None:
        raise NotFound(
            f"{path.environment} stands in liftlock.toml and is not registered here",
            next_steps=(f"GET /environments/{path.environment}",),
        )
    return _answer(found, HTTPStatus.OK)


def _answer(registered: Registered, status: HTTPStatus) -> Response:
    response = json_response(_registration(registered), status)
    response.set_etag(str(registered.version))
    return response


def _version_there(name: str) -> int | None:
    """For `If-Match: *`: any, but there has to be one; None for one of the file. Raises PreconditionFailed."""
    try:
        found = run(services().registry.registered(name))
    except NotFound as error:
        raise PreconditionFailed(
            f"{error.detail}; without If-Match it is registered", next_steps=error.next_steps
        ) from error
    return None if found is None else found.version


def _seen_version() -> int | None:
    """0 where there may be none yet, None for any. Raises PreconditionFailed for what is no version."""
    if request.if_none_match.star_tag:
        return 0
    if "If-Match" not in request.headers or request.if_match.star_tag:
        return None
    seen = next(iter(request.if_match.as_set()), "")
    if not seen.isdecimal() or len(seen) > 9:
        raise PreconditionFailed(
            "If-Match does not hold the ETag of a registration; look again, then decide",
            next_steps=(f"GET {request.path}/registration",),
        )
    return int(seen)


def _registration(registered: Registered) -> Json:
    return {
        "name": registered.name,
        "document": plain(registered.document),
        "version": registered.version,
        "updatedAt": moment(registered.updated_at),
        "updatedBy": registered.updated_by,
        "links": {
            "self": f"/environments/{registered.name}/registration",
            "environment": f"/environments/{registered.name}",
        },
    }
