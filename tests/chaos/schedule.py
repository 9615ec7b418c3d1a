"""The schedule of faults: generated from a seed, written down before it runs, read back to run again."""

import json
import random
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from pathlib import Path

LONGEST_PAUSE_S = 4.0
SHORTEST_PAUSE_S = 0.5
LEASE_S = 1.5


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


STOPPING = (Fault.STOP_CHILD, Fault.STOP_GROUP)
LINKS = ("control", "target", "redis")
LINKED = frozenset({Fault.CUT, Fault.SILENCE, Fault.FREEZE, Fault.DROP, Fault.DELAY})
OFTEN = frozenset({Fault.KILL_CHILD, Fault.STOP_CHILD, Fault.END_BACKENDS})


@dataclass(frozen=True)
class Strike:
    """`at_s` after the start; `whom` a worker, a child or a target, by number; `link` where it has one."""

    at_s: float
    fault: Fault
    whom: int
    link: str
    for_s: float


def generate(seed: int, seconds: float) -> list[Strike]:
    chance = random.Random(seed)
    strikes: list[Strike] = []
    at_s = 2.0
    while at_s < seconds:
        fault = chance.choices(tuple(Fault), [3 if fault in OFTEN else 1 for fault in Fault])[0]
        link = chance.choice(LINKS) if fault in LINKED else ""
        for_s = chance.uniform(0.2, 2 * LEASE_S) if fault not in STOPPING else chance.uniform(1, 3) * LEASE_S
        strikes.append(Strike(round(at_s, 2), fault, chance.randrange(1000), link, round(for_s, 2)))
        at_s += chance.uniform(SHORTEST_PAUSE_S, LONGEST_PAUSE_S)
    return strikes


def write(path: Path, seed: int, strikes: Sequence[Strike]) -> None:
    lines = [json.dumps({"seed": seed}), *(json.dumps(asdict(strike)) for strike in strikes)]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def read(path: Path) -> list[Strike]:
    _, *lines = path.read_text(encoding="utf-8").splitlines()
    documents = [json.loads(line) for line in lines]
    return [Strike(**{**document, "fault": Fault(document["fault"])}) for document in documents]
