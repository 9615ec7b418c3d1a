"""What is drawn: migrations in the order they run, and where each stands in each environment."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property


@dataclass(frozen=True, slots=True)
class Drawn:
    """One migration; `states` in the order of the picture's environments, none where only files are known."""

    name: str
    version: str
    dependencies: tuple[str, ...] = ()
    states: tuple[str, ...] = ()


@dataclass(frozen=True)
class Picture:
    """`migrations` in the order they run."""

    migrations: tuple[Drawn, ...]
    environments: tuple[str, ...] = ()

    @cached_property
    def rows(self) -> dict[str, int]:
        """By name; a name that is borne twice is the first that bears it."""
        return {one.name: row for row, one in reversed(list(enumerate(self.migrations)))}

    @property
    def edges(self) -> Iterator[tuple[int, int]]:
        """Rows: of a dependency, and of what needs it."""
        rows = self.rows
        for row, one in enumerate(self.migrations):
            yield from ((rows[name], row) for name in dict.fromkeys(one.dependencies) if name in rows)

    def undefined(self, one: Drawn) -> list[str]:
        """The dependencies of `one` that nothing in the picture defines."""
        rows = self.rows
        return [name for name in dict.fromkeys(one.dependencies) if name not in rows]
