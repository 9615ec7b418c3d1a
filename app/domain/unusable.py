"""Environments that are registered over HTTP, and that this process cannot use: what they name is not there."""

from dataclasses import dataclass

from app.domain.environment import Environment
from app.domain.errors import NotFound


@dataclass(frozen=True, slots=True)
class Unusable:
    """`environment`: as far as it can be read, `why`: what is wrong with the rest."""

    environment: Environment
    why: str

    @property
    def name(self) -> str:
        return self.environment.name

    @property
    def said(self) -> str:
        return (
            f"{self.name} is registered, and cannot be used here: {self.why}; put that right in liftlock.toml, or "
            f"among the variables and files of this process, and start Liftlock again, or register {self.name} anew"
        )

    def refusal(self) -> NotFound:
        return NotFound(self.said, next_steps=(f"GET /environments/{self.name}",))
