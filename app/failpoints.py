"""Named places on the way of a job where a test may kill, stop, disturb or disconnect the process, once each.

Off unless LIFTLOCK_FAILPOINTS arms some: `end.before=kill, commit.answered=drop@2` (at the second time that a
process comes there). LIFTLOCK_FAILPOINTS_DIR keeps a marker for each that has acted, so that the process that
takes over does not suffer the same again.
"""

import os
import signal
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Protocol

from app.logs import logger

PLACES = {
    "submit.committed": "the job is committed, nobody has been rung for",
    "claim.before": "the job has been delivered",
    "claim.parked": "it was not its turn, and whoever is before it has been told to wake it",
    "claim.after": "the job is ours in the control database",
    "lease.taken": "Redis has given the lease, or could not be reached",
    "target.connected": "there is a connection to the target",
    "fence.before": "about to take the fence (F1)",
    "fence.after": "the fence is ours",
    "started.after": "the start is counted in the control database",
    "pin.before": "about to pin the plan",
    "pin.after": "the plan is pinned",
    "step.before": "about to begin a step: nothing of it has been sent",
    "step.begun": "the step's transaction is open",
    "keep.before": "what a step would destroy is known, and nothing of it kept",
    "keep.kept": "it is kept, and the script not run for good",
    "keep.recorded": "what is kept is written down, and not committed",
    "restore.before": "the script that undoes is run, and nothing given back",
    "restore.back": "kept rows are in their tables, whose triggers and foreign keys are not back",
    "restore.after": "what was given back is compared and written down, and not committed",
    "retrieve.filled": "kept rows are in the table that was asked for, and not committed",
    "step.before_commit": "the step's work is done, COMMIT is not sent",
    "commit.answered": "a COMMIT to the target was answered, and the answer not acted on",
    "step.after_commit": "the step is committed and known to be",
    "failure.before": "a step has failed, and that is not written down",
    "failure.after": "the failure is in the ledger",
    "finish.before": "about to mark the job's end in the target (F3)",
    "finish.after": "the target knows the end, the control database does not",
    "end.before": "about to end the job in the control database, or to give it back",
    "end.after": "the job has ended, its lease is still held",
    "lease.before_release": "about to let the lease go",
    "wake.before": "about to look for the next job of the target",
    "wake.before_ring": "the next job's turn is noted, its bell not rung",
    "watchdog.beat": "the watchdog is about to beat",
    "sweep.before_rescue": "the sweeper is about to look for lapsed jobs",
    "sweep.after_rescue": "lapsed jobs are in the queue again",
    "sweep.before_ring": "a due job is noted as rung for, and its bell not rung",
}  # fmt: skip
SHAPE = "place=action or place=action@N, with commas between; actions are kill, stop, raise and drop"

log = logger()


class Action(StrEnum):
    KILL = "kill"
    STOP = "stop"
    RAISE = "raise"
    DROP = "drop"


@dataclass(frozen=True, slots=True)
class Failpoint:
    place: str
    action: Action
    at: int = 1


class FailpointReached(RuntimeError):
    """What `raise` raises: nothing in the product expects it."""


class Droppable(Protocol):
    def terminate(self) -> None: ...


@dataclass(slots=True)
class _Armed:
    point: Failpoint
    markers: Path
    reached: int = 0


_armed: dict[str, _Armed] = {}


def parse(text: str) -> tuple[tuple[Failpoint, ...], str | None]:
    """The failpoints, and what is wrong with `text`."""
    found = []
    for part in filter(None, (part.strip() for part in text.split(","))):
        place, _, rest = part.partition("=")
        action, _, at = rest.partition("@")
        if place not in PLACES:
            return (), f"there is no place {place!r}; there is {', '.join(PLACES)}"
        if action not in tuple(Action) or not (at or "1").isdecimal() or int(at or 1) < 1:
            return (), f"{part!r} is not understood; it takes {SHAPE}"
        found.append(Failpoint(place, Action(action), int(at or 1)))
    return tuple(found), None


def arm(points: tuple[Failpoint, ...], markers: Path) -> None:
    """For this process, instead of those armed before."""
    _armed.clear()
    for point in points:
        markers.mkdir(parents=True, exist_ok=True)
        _armed[point.place] = _Armed(point, markers)
        log.warning("failpoint.armed", place=point.place, action=point.action.value, at=point.at)


def reach(place: str, connection: Droppable | None = None) -> None:
    """The process is at `place`; `connection` is the one to the target, where it has one."""
    if place in _armed:
        _act(_armed[place], connection)


def marker_of(markers: Path, place: str) -> Path:
    return markers / f"{place}.reached"


def _act(armed: _Armed, connection: Droppable | None) -> None:
    armed.reached += 1
    place = armed.point.place
    if armed.reached != armed.point.at or not _is_first(marker_of(armed.markers, place)):
        return
    match armed.point.action:
        case Action.KILL:
            os.kill(os.getpid(), signal.SIGKILL)
        case Action.STOP:
            os.kill(os.getpid(), signal.SIGSTOP)
        case Action.RAISE:
            raise FailpointReached(place)
        case Action.DROP:
            _drop(place, connection)


def _drop(place: str, connection: Droppable | None) -> None:
    if connection is not None:
        connection.terminate()
    if place == "commit.answered":
        # the connection broke before the answer came
        raise ConnectionResetError(place)


def _is_first(marker: Path) -> bool:
    """Only the first of all processes acts; the marker holds its pid."""
    try:
        with marker.open("x", encoding="ascii") as file:
            file.write(str(os.getpid()))
    except FileExistsError:
        return False
    return True
