"""Where the lines run: lanes that never overlap, as few as there can be."""

import heapq
from collections.abc import Sequence
from dataclasses import dataclass

from app.domain.drawing.picture import Picture


@dataclass(frozen=True, slots=True)
class Lane:
    """The line from `source` to each of `joins` (rows), from row `first` to row `last`; 0 is the leftmost `column`."""

    column: int
    source: int
    joins: tuple[int, ...]

    @property
    def first(self) -> int:
        return min(self.source, *self.joins)

    @property
    def last(self) -> int:
        return max(self.source, *self.joins)


@dataclass(frozen=True, slots=True)
class Layout:
    lanes: tuple[Lane, ...]
    columns: int

    def at(self, row: int) -> list[Lane]:
        """Those that pass or touch `row`; for few rows: a whole picture sweeps over them instead."""
        return [lane for lane in self.lanes if lane.first <= row <= lane.last]


def lay_out(picture: Picture) -> Layout:
    """Lanes from the one that begins first; each takes the free column that is nearest to the names.

    A column is free again below the row in which its lane ends. Greedy over intervals sorted by their beginning, which
    needs no more columns than there are lanes side by side.
    """
    wanted: dict[int, list[int]] = {}
    for source, row in picture.edges:
        if source != row:
            wanted.setdefault(source, []).append(row)
    spans = sorted(wanted.items(), key=lambda span: (min(span[0], *span[1]), span[0]))
    places, columns = _columns(spans)
    lanes = tuple(
        Lane(columns - 1 - place, source, tuple(joins)) for (source, joins), place in zip(spans, places, strict=True)
    )
    return Layout(lanes, columns)


def _columns(spans: Sequence[tuple[int, list[int]]]) -> tuple[list[int], int]:
    """For each span the place that it takes, 0 nearest to the names, and how many places there are."""
    free: list[int] = []
    taken: list[tuple[int, int]] = []
    places: list[int] = []
    count = 0
    for source, joins in spans:
        first, last = min(source, *joins), max(source, *joins)
        while taken and taken[0][0] < first:
            heapq.heappush(free, heapq.heappop(taken)[1])
        if free:
            place = heapq.heappop(free)
        else:
            place, count = count, count + 1
        heapq.heappush(taken, (last, place))
        places.append(place)
    return places, count
