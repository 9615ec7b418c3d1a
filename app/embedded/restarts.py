"""When a child that died is started again, and when the launcher gives up. Values only."""

import signal
from dataclasses import dataclass

STEADY_S = 10.0
FIRST_PAUSE_S = 0.2
LONGEST_PAUSE_S = 5.0
TOO_MANY = 6


@dataclass(frozen=True, slots=True)
class Restarts:
    """How often in a row a child has ended within STEADY_S of its start."""

    quick_failures: int = 0

    def after(self, lived_s: float, code: int) -> "Restarts":
        """A KILL comes from outside (a person, the kernel short of memory): no failure of the program."""
        if code == -signal.SIGKILL:
            return self
        return Restarts(self.quick_failures + 1 if lived_s < STEADY_S else 1)

    @property
    def pause_s(self) -> float:
        return min(LONGEST_PAUSE_S, FIRST_PAUSE_S * 2.0 ** max(0, self.quick_failures - 1))

    @property
    def hopeless(self) -> bool:
        return self.quick_failures >= TOO_MANY
