"""Events as JSON values."""

from urllib.parse import quote

from app.api.render import Json, failure_value, lock_sample, step_value
from app.api.render_values import moment
from app.domain.events import CONFLICTS, SCHEDULES, Event
from app.domain.job import CONTROL


def event_value(event: Event, base_url: str) -> Json:
    environment = event.environment or CONTROL
    return {
        "id": str(event.id),
        "at": moment(event.at),
        "topic": event.topic,
        "type": event.type,
        "said": event.said,
        "jobId": None if event.job_id is None else str(event.job_id),
        "environment": event.environment,
        "subject": event.subject,
        "kind": event.kind,
        "state": event.state,
        "reason": event.reason,
        "message": event.message,
        "attempt": event.attempt,
        "by": event.by,
        "step": None if event.step is None else step_value(event.step, base_url, environment),
        "lock": None if event.lock is None else lock_sample(event.lock),
        "error": failure_value(event.error, base_url, environment),
        "links": _links(event),
    }


def _links(event: Event) -> dict[str, str]:
    """To what there is to be looked at now."""
    links: dict[str, str] = {}
    if event.job_id is not None:
        links |= {"job": f"/jobs/{event.job_id}", "log": f"/jobs/{event.job_id}/log"}
    if event.family == CONFLICTS and event.subject is not None:
        links["conflict"] = f"/migrations/conflicts/{event.subject}"
    if event.family == SCHEDULES and event.subject is not None:
        links["schedule"] = f"/schedules/{quote(event.subject)}"
    if event.environment is not None:
        links["environment"] = f"/environments/{quote(event.environment)}"
    return links
