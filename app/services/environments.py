"""The environments that there are, by name: those of the file, and those that are registered."""

import difflib
from collections.abc import Mapping

from app.domain.environment import Environment, whole_of
from app.domain.errors import NotFound, ValidationFailed
from app.domain.problem import Problem
from app.domain.removed import Removed
from app.domain.unusable import Unusable

MOST_NAMED = 20
NONE: Mapping[str, Unusable] = {}


class Environments:
    """`of_file` never changes while the process lives; what is registered is put beside it.

    A target of an environment with several is an environment of its own, `production.eu`: `named` gives what there is
    one database of, `configured` what the configuration names. `unread`: those that are registered and cannot be
    used in this process, `removed`: those that stood in the file before, each by their names.
    """

    def __init__(self, known: dict[str, Environment], default: str) -> None:
        self.of_file: Mapping[str, Environment] = known
        self.default = default
        self.unread: Mapping[str, Unusable] = {}
        self.removed: Mapping[str, Removed] = {}
        self._known: Mapping[str, Environment] = {}
        self._parts: Mapping[str, Environment] = {}
        self._know(known)

    def register(self, registered: Mapping[str, Environment], unread: Mapping[str, Unusable] = NONE) -> None:
        """These, and no others, beside those of the file, which wins."""
        self.unread = {name: one for name, one in unread.items() if name not in self.of_file}
        self._know({**self.of_file, **{name: one for name, one in registered.items() if name not in self.of_file}})

    def named(self, name: str) -> Environment:
        """With one database. Raises as `configured`, and ValidationFailed where it has several."""
        found = self.configured(name)
        if not found.targets:
            return found
        names = [one.name for one in found.each()]
        message = f"{name} has several targets; name one of them: {', '.join(names)}"
        problem = Problem("several_targets", message)
        raise ValidationFailed(message, (problem,), next_steps=(f"GET /environments/{name}",), facts={"targets": names})

    def configured(self, name: str) -> Environment:
        """One target, or all of an environment. Raises EnvironmentRemoved, or NotFound with the names there are."""
        found = self._known.get(name) or self._parts.get(name)
        if found is None:
            self.refuse_removed(name)
            unusable = self.unusable_as(name)
            raise self._unknown(name) if unusable is None else unusable.refusal()
        return found

    def each(self, name: str) -> tuple[Environment, ...]:
        """With one database each, in the order in which they are changed. Raises as `configured`."""
        return self.configured(name).each()

    def knows(self, name: str) -> bool:
        return name in self._known or name in self._parts

    def has_known(self, name: str) -> bool:
        """Also one that was removed or cannot be used: what was done to it can still be asked for."""
        return self.knows(name) or (self.removed_as(name) or self.unusable_as(name)) is not None

    def removed_as(self, name: str) -> Removed | None:
        """A target goes with its environment."""
        return None if self.knows(name) else self.removed.get(name) or self.removed.get(whole_of(name))

    def unusable_as(self, name: str) -> Unusable | None:
        """As `removed_as`."""
        return None if self.knows(name) else self.unread.get(name) or self.unread.get(whole_of(name))

    def refuse_removed(self, name: str) -> None:
        """Raises EnvironmentRemoved."""
        removed = self.removed_as(name)
        if removed is not None:
            raise removed.refusal()

    def has_several(self, name: str) -> bool:
        return name in self._known and bool(self._known[name].targets)

    def stand_in_file(self, *names: str | None) -> bool:
        """Whether all of them do, and so are as they were at start; None is no name."""
        return all(name is None or whole_of(name) in self.of_file for name in names)

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
        """As the configuration has them."""
        return tuple(self._known.values())

    def every_target(self) -> tuple[Environment, ...]:
        """With one database each."""
        return tuple(part for one in self._known.values() for part in one.each())

    def _know(self, known: Mapping[str, Environment]) -> None:
        self._known = dict(known)
        self._parts = {part.name: part for one in known.values() if one.targets for part in one.each()}

    def _unknown(self, name: str) -> NotFound:
        known = [*self._known, *self._parts]
        near = difflib.get_close_matches(name, known, n=3)
        meant = f"; did you mean {' or '.join(near)}?" if near else ""
        more = f" and {len(self._known) - MOST_NAMED} more" if len(self._known) > MOST_NAMED else ""
        names = f"{', '.join(list(self._known)[:MOST_NAMED])}{more}"
        return NotFound(
            f"there is no environment {name[:200]!r}; there is {names}{meant}",
            facts={"environments": list(self._known), "didYouMean": near},
            next_steps=("GET /environments",),
        )
