"""Commands of the configuration that a job has run beside its target."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from app.domain.environment import Dsn


@dataclass(frozen=True, slots=True)
class CommandEnd:
    """`output`: the end of what it has said on both of its channels, without the target's password.

    `exit_code` None: it was never started. `problem`: why there is no end of its own.
    """

    exit_code: int | None
    output: str
    problem: str | None = None


class Commands(Protocol):
    async def run(
        self, command: Sequence[str], target: Dsn, timeout_s: float, is_halted: Callable[[], bool]
    ) -> CommandEnd:
        """Until it ends, has taken too long, or is halted: then it is killed, with all that it has started."""
        ...
