"""The configured environments, by name."""

from app.domain.environment import Environment
from app.domain.errors import NotFound


class Environments:
    def __init__(self, known: dict[str, Environment], default: str) -> None:
        self._known = known
        self.default = default

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

    def run_at_start(self, *, asked: bool) -> tuple[Environment, ...]:
        """Those that say `autoRun`; and the default one unless it says no, where that was `asked` of the service."""
        return tuple(
            one
            for one in self._known.values()
            if one.auto_run or (asked and one.auto_run is None and one.name == self.default)
        )

    def all(self) -> tuple[Environment, ...]:
        return tuple(self._known.values())
