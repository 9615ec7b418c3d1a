"""Beat only ticks: what is due, and how often, stands in the table of schedules."""

from typing import Any

TICK = "liftlock.tick"
TICK_EVERY_S = 10


def beat_schedule() -> dict[str, dict[str, Any]]:
    """Two beats, or one that starts again, tick twice without harm; a tick that nobody took in time is dropped."""
    return {
        "tick": {
            "task": TICK,
            "schedule": float(TICK_EVERY_S),
            "options": {"expires": TICK_EVERY_S},
        }
    }
