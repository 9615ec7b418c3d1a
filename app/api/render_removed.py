"""Environments that were taken out of liftlock.toml as JSON values: as any other, with what is to be decided."""

from app.api.may import May
from app.api.render import Json, action
from app.api.render_environments import environment
from app.api.render_values import moment
from app.domain.access import Scope, Verb
from app.domain.axes import Standing
from app.domain.removed import MOST_COUNTED, Removed


def removed_environment(one: Removed, may: May, standing: Standing | None = None) -> Json:
    """Nothing of what may be done to others may be done to it, but to remove it for good."""
    shown = environment(one.environment, may, is_default=False, standing=standing)
    why = f"it {one.gone}"
    closed = [{**other, "allowed": False, "reason": other["reason"] or why} for other in shown["actions"]]
    return {**shown, "state": "removed", "removed": _told(one), "actions": [*closed, _remove(one, may)]}


def _told(one: Removed) -> Json:
    return {
        "message": one.said,
        "lastSeenAt": moment(one.last_seen_at),
        "jobs": min(one.jobs, MOST_COUNTED),
        "openJobs": one.open_jobs,
        "sameDatabaseAs": one.namesake,
    }


def _remove(one: Removed, may: May) -> Json:
    href = f"/environments/{one.name}?confirm={one.name}"
    return action("remove", "Remove it for good", "DELETE", href, may.refusal(Scope(Verb.ADMIN)), None)
