"""Surveys that a test has written down."""

from collections.abc import Collection, Sequence

from app.domain.environment import Environment
from app.domain.errors import BackendUnavailable
from app.domain.holdings import Holdings
from app.domain.removals import Removal
from app.domain.survey import Survey
from tests.domain.literals import NOON


class LiteralSurveys:
    """Implements ports.Surveys; `asked`: the relations of each look, `taken`: what each look at holdings was for."""

    def __init__(self) -> None:
        self.survey = Survey(NOON, "15.4")
        self.unavailable: BackendUnavailable | None = None
        self.asked: list[tuple[str, ...]] = []
        self.held = Holdings()
        self.taken: list[tuple[Removal, ...]] = []

    async def look(self, environment: Environment, relations: Collection[str]) -> Survey:
        self.asked.append(tuple(sorted(relations)))
        if self.unavailable is not None:
            raise self.unavailable
        return self.survey

    async def holdings(self, environment: Environment, removals: Sequence[Removal]) -> Holdings:
        self.taken.append(tuple(removals))
        if self.unavailable is not None:
            raise self.unavailable
        return self.held
