"""What is counted of the whole service at one moment: jobs, conflicts, drift, waiting sessions, processes."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum

ALIVE_FOR = timedelta(seconds=30)
"""A process says every few seconds that it is at work; one that has not for so long is taken for gone."""


class ProcessKind(StrEnum):
    API = "api"
    WORKER = "worker"


@dataclass(frozen=True, slots=True)
class Process:
    """`name` is one of a kind while it lives: host and process id."""

    name: str
    kind: ProcessKind
    release: str


@dataclass(frozen=True, slots=True)
class Census:
    """As the control database has it.

    `jobs`: those that have not ended, by environment and state; `conflicts`: the open ones by environment and kind;
    `drifted`: differences at the last look, by environment; `sessions_waiting`: behind the running jobs of an
    environment; `rollout_targets`: that jobs over several targets have come to and are not over with, by the state of
    the job there; `processes`: alive, by kind; `deliveries_open`: to webhooks, that are not over; `overdue_s`: for how
    long what runs by itself has been due, which is seconds while beat ticks.
    """

    jobs: Mapping[tuple[str, str], int] = field(default_factory=dict)
    conflicts: Mapping[tuple[str, str], int] = field(default_factory=dict)
    drifted: Mapping[str, int] = field(default_factory=dict)
    sessions_waiting: Mapping[str, int] = field(default_factory=dict)
    rollout_targets: Mapping[str, int] = field(default_factory=dict)
    processes: Mapping[str, int] = field(default_factory=dict)
    oldest_queued_s: float = 0.0
    deliveries_open: float = 0
    overdue_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Reading:
    """`census` None: the control database did not answer.

    `pending`: files that are not applied, by environment; None where its target did not answer in time.
    """

    census: Census | None
    pending: Mapping[str, int | None]
