"""What the services need to know of a target's tables and of the sessions at them."""

from collections.abc import Collection, Sequence
from typing import Protocol

from app.domain.environment import Environment
from app.domain.holdings import Holdings
from app.domain.removals import Removal
from app.domain.survey import Survey


class Surveys(Protocol):
    async def look(self, environment: Environment, relations: Collection[str]) -> Survey:
        """Sizes and locks of these relations, named as statements name them with their schema.

        Reads only, and waits for nobody: what somebody holds for himself has no size. Raises BackendUnavailable.
        """
        ...

    async def holdings(self, environment: Environment, removals: Sequence[Removal]) -> Holdings:
        """Which tables these take from, through CASCADE and references too, and what those hold. As `look`."""
        ...
