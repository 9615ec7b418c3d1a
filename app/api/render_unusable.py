"""Registered environments that this process cannot use as JSON values: as any other, with what is wrong."""

from app.api.may import May
from app.api.render import Json, action
from app.api.render_environments import environment
from app.domain.access import Scope, Verb
from app.domain.unusable import Unusable


def unusable_environment(one: Unusable, may: May) -> Json:
    """Nothing of what may be done to others may be done to it, but to remove it."""
    shown = environment(one.environment, may, is_default=False)
    closed = [{**other, "allowed": False, "reason": other["reason"] or one.why} for other in shown["actions"]]
    href = f"/environments/{one.name}?confirm={one.name}"
    remove = action("remove", "Remove it for good", "DELETE", href, may.refusal(Scope(Verb.ADMIN)), None)
    return {**shown, "state": "unusable", "unusable": one.said, "actions": [*closed, remove]}
