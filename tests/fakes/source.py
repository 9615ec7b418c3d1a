"""A folder of migrations made of literals."""

from collections.abc import Sequence

from app.domain.migration import Catalog, Migration
from app.domain.problem import Problem
from app.domain.step import Step


class LiteralSource:
    """Implements ports.Source. `catalog` may be replaced, as files may be changed."""

    def __init__(self, *migrations: Migration, problems: Sequence[Problem] = ()) -> None:
        self.catalog = Catalog(migrations, tuple(problems))

    async def read(self) -> Catalog:
        return self.catalog

    def unloadable(self, _steps: Sequence[Step]) -> tuple[Problem, ...]:
        return ()
