"""The periodic tasks. Beat only ticks; whatever it starts may be started twice without harm."""

from typing import Any

HOUSEKEEPING = "liftlock.housekeeping"
HOUSEKEEPING_EVERY_S = 600


def beat_schedule() -> dict[str, dict[str, Any]]:
    """Idempotency keys past their time are deleted; a tick that nobody took before the next one is dropped."""
    return {
        "housekeeping": {
            "task": HOUSEKEEPING,
            "schedule": float(HOUSEKEEPING_EVERY_S),
            "options": {"expires": HOUSEKEEPING_EVERY_S},
        }
    }
