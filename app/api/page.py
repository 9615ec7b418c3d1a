"""The page of a kind of problem."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Page:
    means: str
    why: str
    what_to_do: str
