"""The schedule of faults and of wishes: generated from a seed, written down before it runs, read back to run again."""

import json
import random
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from pathlib import Path

LONGEST_PAUSE_S = 4.0
SHORTEST_PAUSE_S = 0.5
LEASE_S = 1.5
BETWEEN_WISHES_S = (0.1, 0.9)
DESERTED = 0.2


class Fault(StrEnum):
    KILL_CHILD = "kill -9 of a pool process"
    KILL_PARENT = "kill -9 of a worker's main process"
    KILL_GROUP = "kill -9 of a whole worker"
    STOP_CHILD = "SIGSTOP of a pool process past its lease"
    STOP_GROUP = "SIGSTOP of a whole worker past its lease"
    FLUSH = "FLUSHALL"
    RESTART_VALKEY = "restart of Valkey, empty"
    CLIENT_KILL = "CLIENT KILL of every client"
    CUT = "cut"
    SILENCE = "half-open, all connections"
    FREEZE = "half-open, the old connections"
    DROP = "dropped connections"
    DELAY = "slow link"
    END_BACKENDS = "pg_terminate_backend of the target's sessions"
    CRASH_CONTROL = "immediate restart of the control server"
    CRASH_TARGET = "immediate restart of the target server"


class Ask(StrEnum):
    CANCEL = "cancel"
    PAUSE = "pause"
    RETRY = "retry"


STOPPING = (Fault.STOP_CHILD, Fault.STOP_GROUP)
LINKS = ("control", "target", "redis")
LINKED = frozenset({Fault.CUT, Fault.SILENCE, Fault.FREEZE, Fault.DROP, Fault.DELAY})
OFTEN = frozenset({Fault.KILL_CHILD, Fault.STOP_CHILD, Fault.END_BACKENDS})
ASKED = {Ask.CANCEL: 4, Ask.PAUSE: 3, Ask.RETRY: 3}


@dataclass(frozen=True)
class Strike:
    """`at_s` after the start; `whom` a worker, a child or a target, by number; `link` where it has one."""

    at_s: float
    fault: Fault
    whom: int
    link: str
    for_s: float


@dataclass(frozen=True)
class Wish:
    """What is asked of a job, by its number among those it may be asked of, `at_s` after the start.

    A pause lasts `for_s`; when it is 0, whoever has paused the job has crashed, and others must find it.
    """

    at_s: float
    ask: Ask
    whom: int
    for_s: float


@dataclass(frozen=True)
class Schedule:
    strikes: tuple[Strike, ...]
    wishes: tuple[Wish, ...] = ()


def generate(seed: int, seconds: float) -> Schedule:
    return Schedule(tuple(_strikes(random.Random(seed), seconds)), tuple(_wishes(random.Random(-seed - 1), seconds)))


def write(path: Path, seed: int, schedule: Schedule) -> None:
    documents = [{"seed": seed}, *map(asdict, schedule.strikes), *map(asdict, schedule.wishes)]
    lines = [json.dumps(document) for document in documents]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def read(path: Path) -> Schedule:
    _, *lines = path.read_text(encoding="utf-8").splitlines()
    documents = [json.loads(line) for line in lines]
    return Schedule(
        tuple(Strike(**{**one, "fault": Fault(one["fault"])}) for one in documents if "fault" in one),
        tuple(Wish(**{**one, "ask": Ask(one["ask"])}) for one in documents if "ask" in one),
    )


def _strikes(chance: random.Random, seconds: float) -> Sequence[Strike]:
    strikes: list[Strike] = []
    at_s = 2.0
    while at_s < seconds:
        fault = chance.choices(tuple(Fault), [3 if fault in OFTEN else 1 for fault in Fault])[0]
        link = chance.choice(LINKS) if fault in LINKED else ""
        for_s = chance.uniform(0.2, 2 * LEASE_S) if fault not in STOPPING else chance.uniform(1, 3) * LEASE_S
        strikes.append(Strike(round(at_s, 2), fault, chance.randrange(1000), link, round(for_s, 2)))
        at_s += chance.uniform(SHORTEST_PAUSE_S, LONGEST_PAUSE_S)
    return strikes


def _wishes(chance: random.Random, seconds: float) -> Sequence[Wish]:
    wishes: list[Wish] = []
    at_s = 1.0
    while at_s < seconds:
        ask = chance.choices(tuple(ASKED), tuple(ASKED.values()))[0]
        is_kept = ask is Ask.PAUSE and chance.random() >= DESERTED
        for_s = round(chance.uniform(0.2, LEASE_S), 2) if is_kept else 0.0
        wishes.append(Wish(round(at_s, 2), ask, chance.randrange(1000), for_s))
        at_s += chance.uniform(*BETWEEN_WISHES_S)
    return wishes
