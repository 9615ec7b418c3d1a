"""Visits every state that a model can reach, breadth first, so that a trace to a violation is a shortest one."""

from collections import deque
from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass
from typing import Generic, TypeVar

S = TypeVar("S", bound=Hashable)

Move = tuple[str, S]


@dataclass(frozen=True)
class Explored(Generic[S]):
    """`violation` and `trace` (the names of the moves) when a bad state was met, where exploring stopped."""

    states: tuple[S, ...]
    before: tuple[list[int], ...]
    violation: str | None = None
    trace: tuple[str, ...] = ()

    def unable_to_reach(self, goal: Callable[[S], bool]) -> list[S]:
        """The states from which no path leads to a state that is the goal."""
        reaching = {index for index, state in enumerate(self.states) if goal(state)}
        left = list(reaching)
        while left:
            for index in self.before[left.pop()]:
                if index not in reaching:
                    reaching.add(index)
                    left.append(index)
        return [state for index, state in enumerate(self.states) if index not in reaching]


def explore(initial: S, moves: Callable[[S], Iterable[Move[S]]], violation: Callable[[S], str | None]) -> Explored[S]:
    """`moves` gives the named successors of a state, `violation` says what is wrong with it, or None."""
    states, index_of = [initial], {initial: 0}
    came_by: list[tuple[int, str] | None] = [None]
    before: list[list[int]] = [[]]
    left = deque([0])
    while left:
        index = left.popleft()
        wrong = violation(states[index])
        if wrong is not None:
            return Explored(tuple(states), tuple(before), wrong, _trace(came_by, index))
        for name, state in moves(states[index]):
            at = index_of.setdefault(state, len(states))
            if at == len(states):
                states.append(state)
                came_by.append((index, name))
                before.append([])
                left.append(at)
            before[at].append(index)
    return Explored(tuple(states), tuple(before))


def _trace(came_by: list[tuple[int, str] | None], index: int) -> tuple[str, ...]:
    names: list[str] = []
    while (step := came_by[index]) is not None:
        index, name = step
        names.append(name)
    return tuple(reversed(names))
