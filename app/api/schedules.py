"""`/schedules`: what runs by itself, when next, and at whose word it waits."""

from collections.abc import Callable, Coroutine
from typing import Any

from flask import Response
from flask_openapi3.blueprint import APIBlueprint
from flask_openapi3.models.tag import Tag

from app.api import conflict_schemas, render_conflicts, schemas
from app.api.answers import json_response, tagged_response
from app.api.changes import accepted, answer_change
from app.api.context import access, origin, require, run, services
from app.api.inputs import ScheduleBody
from app.api.queries import SchedulePath
from app.api.requests import checked
from app.domain.access import Scope, Verb, need_of
from app.domain.job import Origin
from app.domain.schedule import Schedule
from app.ports import KeyClaim

api = APIBlueprint("schedules", __name__, abp_tags=[Tag(name="Schedules", description="What runs by itself.")])


@api.get("/schedules", responses={200: conflict_schemas.Schedules}, operation_id="listSchedules")
@checked
def list_schedules() -> Response:
    """What runs by itself, and when next"""
    return tagged_response([render_conflicts.schedule(one) for one in run(services().schedules.list())])


@api.get("/schedules/<name>", responses={200: conflict_schemas.Schedule}, operation_id="getSchedule")
@checked
def get_schedule(path: SchedulePath) -> Response:
    """One schedule"""
    return tagged_response(render_conflicts.schedule(run(services().schedules.get(path.name))))


@api.post("/schedules/<name>/pause", responses={200: conflict_schemas.Schedule}, operation_id="pauseSchedule")
@checked
def pause_schedule(path: SchedulePath, body: ScheduleBody) -> Response:
    """Leave a schedule alone until it is resumed"""
    return _change(path, body, services().schedules.pause)


@api.post("/schedules/<name>/resume", responses={200: conflict_schemas.Schedule}, operation_id="resumeSchedule")
@checked
def resume_schedule(path: SchedulePath, body: ScheduleBody) -> Response:
    """Go on with a paused schedule

    What was missed meanwhile is made up for once.
    """
    return _change(path, body, services().schedules.resume)


@api.post("/schedules/<name>/run", responses={202: schemas.Change, 200: schemas.Change}, operation_id="runSchedule")
@checked
def run_schedule(path: SchedulePath, body: ScheduleBody) -> Response:
    """Run a schedule now, paused or not

    The answer is a job; when the schedule is due next stays as it is.
    """

    _require(path.name)

    def answer(claim: KeyClaim | None) -> Response:
        return accepted(run(services().schedules.run(path.name, body.note, origin(), claim)))

    return answer_change(body, answer)


def _change(
    path: SchedulePath, body: ScheduleBody, change: Callable[[str, Origin], Coroutine[Any, Any, Schedule]]
) -> Response:
    _require(path.name)

    def answer(_claim: KeyClaim | None) -> Response:
        return json_response(render_conflicts.schedule(run(change(path.name, origin()))))

    return answer_change(body, answer)


def _require(name: str) -> None:
    """What asking for one of its jobs takes. Raises NotFound or Forbidden."""
    everything = Scope(Verb.ADMIN)
    if access().allows(everything):
        require(everything)
        return
    schedule = run(services().schedules.get(name))
    require(need_of(schedule.kind, schedule.environment))
