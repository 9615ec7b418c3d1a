"""The environments that there are, by name: those of the file, and those that are registered."""

from collections.abc import Mapping

from app.domain.environment import Environment
from app.domain.errors import NotFound


class Environments:
    """`of_file` never changes while the process lives; what is registered is put beside it.

    `unread`: the names of those that are registered and cannot be read in this process.
    """

    def __init__(self, known: dict[str, Environment], default: str) -> None:
        self.of_file: Mapping[str, Environment] = known
        self.default = default
        self.unread: frozenset[str] = frozenset()
        self._known = dict(known)

    def register(self, registered: Mapping[str, Environment], unread: frozenset[str] = frozenset()) -> None:
        """These, and no others, beside those of the file, which wins."""
        self.unread = unread - self.of_file.keys()
        self._known = {**self.of_file, **{name: one for name, one in registered.items() if name not in self.of_file}}

    def named(self, name: str) -> Environment:
        """Raises NotFound with the names there are."""
        try:
            return self._known[name]
        except KeyError:
            names = ", ".join(self._known)
            raise NotFound(
                f"there is no environment {name!r}; there is {names}",
                facts={"environments": list(self._known)},
            ) from None

    def knows(self, name: str) -> bool:
        return name in self._known

    def stand_in_file(self, *names: str | None) -> bool:
        """Whether all of them do, and so are as they were at start; None is no name."""
        return all(name is None or name in self.of_file for name in names)

    def run_at_start(self, *, asked: bool) -> tuple[Environment, ...]:
        """Those that say `autoRun`; and the default one unless it says no, where that was `asked` of the service."""
        return tuple(
            one
            for one in self._known.values()
            if one.auto_run or (asked and one.auto_run is None and one.name == self.default)
        )

    def without(self, name: str) -> Mapping[str, Environment]:
        return {other: one for other, one in self._known.items() if other != name}

    def all(self) -> tuple[Environment, ...]:
        return tuple(self._known.values())
