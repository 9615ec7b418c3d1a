"""`/health` and `/version`: for those who keep the service running."""

import platform
from http import HTTPStatus

import structlog
from flask import Response
from flask_openapi3.blueprint import APIBlueprint
from flask_openapi3.models.tag import Tag

from app.api import schemas
from app.api.access import is_let_in
from app.api.answers import json_response
from app.api.context import run, services
from app.api.requests import checked
from app.release import release

api = APIBlueprint(
    "operations",
    __name__,
    abp_tags=[Tag(name="Operations", description="For those who keep the service running.")],
)

ASK_AGAIN_S = 5
UNTOLD = "not all right; the log of the API says why, and so does this answer to whoever sends a token"

log = structlog.get_logger()


@api.get("/health/live", responses={200: schemas.Alive}, operation_id="live")
@checked
def live() -> Response:
    """Whether this process answers at all"""
    return json_response({"status": "alive"})


@api.get("/health/ready", responses={200: schemas.Readiness, 503: schemas.Readiness}, operation_id="ready")
@checked
def ready() -> Response:
    """Whether requests can be served

    `degraded`: jobs are accepted and wait for Redis, or PostgreSQL answers and takes no change. `unready`: it
    is away, or the tables are not there yet. Where the service asks who is calling, only those it lets in are told why.
    """
    checks = run(services().health.checks())
    away = {check.name: check.detail for check in checks if not check.ok}
    tells_why = not away or is_let_in()
    if not tells_why:
        log.warning("health.away", **away)
    if any(check.needed and not check.ok for check in checks):
        status = "unready"
    else:
        status = "ready" if all(check.ok for check in checks) else "degraded"
    body = {
        "status": status,
        "checks": [
            {
                "name": check.name,
                "ok": check.ok,
                "needed": check.needed,
                "detail": check.detail if check.ok or tells_why else UNTOLD,
            }
            for check in checks
        ],
    }
    if status != "unready":
        return json_response(body)
    response = json_response(body, HTTPStatus.SERVICE_UNAVAILABLE)
    response.headers["Retry-After"] = str(ASK_AGAIN_S)
    return response


@api.get("/version", responses={200: schemas.Version}, operation_id="version")
@checked
def show_version() -> Response:
    """What runs here"""
    return json_response({"name": "liftlock", "version": release(), "python": platform.python_version()})
