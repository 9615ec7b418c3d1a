"""The targets that one job is for, each with a job of its own."""

from dataclasses import dataclass

from app.domain.binding import Binding


@dataclass(frozen=True, slots=True)
class Convoy:
    """One job for each target of an environment, in this order; `approved`: what the approval of each is for."""

    targets: tuple[str, ...]
    approved: tuple[Binding | None, ...]
