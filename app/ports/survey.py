"""What the services need to know of a target's tables and of the sessions at them."""

from collections.abc import Collection
from typing import Protocol

from app.domain.environment import Environment
from app.domain.survey import Survey


class Surveys(Protocol):
    async def look(self, environment: Environment, relations: Collection[str]) -> Survey:
        """Sizes and locks of these relations, named as statements name them with their schema.

        Reads only, and waits for nobody: what somebody holds for himself has no size. Raises BackendUnavailable.
        """
        ...
