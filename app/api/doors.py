"""What each route asks of its caller: one table, from which the check, `/openapi.json` and the tests are made.

A route that is not here is shut to everybody but an admin, and a test fails for it.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum, auto
from functools import lru_cache

from werkzeug.routing import Rule

from app.domain.access import Scope, Verb

_CONVERTED = re.compile(r"<(?:[^:<>]+:)?([^<>]+)>")


class Asks(Enum):
    NOTHING = auto()
    TOKEN = auto()
    SCOPE = auto()
    SCOPE_INSIDE = auto()


@dataclass(frozen=True, slots=True)
class Door:
    """`verbs`: one of them is needed; `action`: what the audit trail calls it, for changes.

    SCOPE_INSIDE: which scope it is depends on the environment, the job or the body, so the view says `require`; an
    `origin` without it is refused.
    """

    asks: Asks
    verbs: tuple[Verb, ...] = ()
    action: str | None = None

    @property
    def scopes(self) -> tuple[str, ...]:
        """As they are written in documents."""
        return tuple(str(Scope(verb, "<environment>" if verb.bound else None)) for verb in self.verbs)


def _inside(action: str, *verbs: Verb) -> Door:
    return Door(Asks.SCOPE_INSIDE, verbs, action)


def _change(action: str, verb: Verb) -> Door:
    return Door(Asks.SCOPE, (verb,), action)


OPEN = Door(Asks.NOTHING)
ANYBODY = Door(Asks.TOKEN)
READS = Door(Asks.SCOPE, (Verb.READ,))
SHUT = Door(Asks.SCOPE, (Verb.ADMIN,))
_OF_ITS_KIND = (Verb.RUN, Verb.ROLLBACK, Verb.RESET, Verb.RESOLVE, Verb.PLAN, Verb.ADMIN)

DOORS: Mapping[str, Door] = {
    "GET /health/live": OPEN,
    "GET /health/ready": OPEN,
    "GET /version": OPEN,
    "GET /openapi.json": OPEN,
    "GET /docs": OPEN,
    "GET /problems": OPEN,
    "GET /problems/{slug}": OPEN,
    "GET /whoami": ANYBODY,
    "GET /tokens": SHUT,
    "POST /tokens": _change("tokens.add", Verb.ADMIN),
    "DELETE /tokens/{id}": _change("tokens.revoke", Verb.ADMIN),
    "GET /audit": READS,
    "GET /webhooks": READS,
    "POST /webhooks": _change("webhooks.add", Verb.ADMIN),
    "GET /webhooks/{id}": READS,
    "DELETE /webhooks/{id}": _change("webhooks.remove", Verb.ADMIN),
    "POST /webhooks/{id}/rotate": _change("webhooks.rotate", Verb.ADMIN),
    "POST /webhooks/{id}/test": _change("webhooks.test", Verb.ADMIN),
    "GET /webhooks/{id}/deliveries": READS,
    "POST /webhooks/{id}/deliveries/{delivery}/redeliver": _change("webhooks.redeliver", Verb.ADMIN),
    "GET /metrics": READS,
    "GET /migrations": READS,
    "GET /migrations/graph": READS,
    "GET /migrations/{name}": READS,
    "POST /migrations/run": _inside("migrations.run", Verb.RUN, Verb.PLAN),
    "POST /migrations/rollback": _inside("migrations.rollback", Verb.ROLLBACK, Verb.PLAN),
    "POST /migrations/rollback/{n}": _inside("migrations.rollback", Verb.ROLLBACK, Verb.PLAN),
    "DELETE /migrations/reset": _inside("migrations.reset", Verb.RESET, Verb.PLAN),
    "POST /migrations/mark": _inside("migrations.mark", Verb.RUN),
    "POST /migrations/verify": _change("migrations.verify", Verb.PLAN),
    "POST /migrations/plan": _change("migrations.plan", Verb.PLAN),
    "GET /plans": READS,
    "GET /plans/{id}": READS,
    "GET /plans/{id}/sql": READS,
    "GET /migrations/conflicts": READS,
    "GET /migrations/conflicts/{id}": READS,
    "POST /migrations/conflicts/{id}/resolve": _change("conflicts.resolve", Verb.RESOLVE),
    "GET /jobs": READS,
    "GET /jobs/{id}": READS,
    "GET /jobs/{id}/locks": READS,
    "GET /jobs/{id}/events": READS,
    "GET /jobs/{id}/log": READS,
    "GET /events": READS,
    "GET /history": READS,
    "POST /jobs/{id}/cancel": _inside("jobs.cancel", *_OF_ITS_KIND),
    "POST /jobs/{id}/pause": _inside("jobs.pause", *_OF_ITS_KIND),
    "POST /jobs/{id}/resume": _inside("jobs.resume", *_OF_ITS_KIND),
    "POST /jobs/{id}/retry": _inside("jobs.retry", *_OF_ITS_KIND),
    "POST /jobs/{id}/approve": _inside("jobs.approve", Verb.APPROVE),
    "POST /jobs/{id}/reject": _inside("jobs.reject", Verb.APPROVE),
    "GET /jobs/{id}/approvals": READS,
    "POST /environments/{environment}/preserved/{id}/restore": _inside("preserved.restore", Verb.RUN),
    "GET /schedules": READS,
    "GET /schedules/{name}": READS,
    "POST /schedules/{name}/pause": _inside("schedules.pause", *_OF_ITS_KIND),
    "POST /schedules/{name}/resume": _inside("schedules.resume", *_OF_ITS_KIND),
    "POST /schedules/{name}/run": _inside("schedules.run", *_OF_ITS_KIND),
    "GET /environments/{environment}/drift": READS,
    "POST /environments/{environment}/drift/scan": _change("environments.scan", Verb.PLAN),
    "POST /environments/{environment}/sync": _inside("environments.sync", Verb.RUN, Verb.PLAN),
    "GET /environments": READS,
    "GET /environments/compare": READS,
    "GET /environments/{environment}": READS,
    "GET /environments/{environment}/status": READS,
    "GET /matrix": READS,
    "PUT /environments/{environment}": _change("environments.put", Verb.ADMIN),
    "DELETE /environments/{environment}": _change("environments.delete", Verb.ADMIN),
    "GET /environments/{environment}/registration": READS,
    "POST /environments/{environment}/unlock": _change("environments.unlock", Verb.ADMIN),
    "POST /environments/{environment}/lock": _inside("environments.lock", Verb.RUN),
    "POST /environments/{environment}/claim": _change("environments.claim", Verb.ADMIN),
    "GET /environments/{environment}/preserved": READS,
}


def door_of(rule: Rule, method: str) -> Door:
    return DOORS.get(f"{'GET' if method == 'HEAD' else method} {address_of(rule.rule)}", SHUT)


@lru_cache(maxsize=512)
def address_of(rule: str) -> str:
    """`/jobs/<id>` as documents write it: `/jobs/{id}`."""
    return _CONVERTED.sub(r"{\1}", rule)
