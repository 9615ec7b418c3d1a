"""Processes as Linux shows them: who descends from whom, and how much memory each holds."""

import os
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

PROC = Path("/proc")


@dataclass(frozen=True, slots=True)
class Identity:
    """A pid with its start time: a later process with the same number is another one."""

    pid: int
    started: str

    @property
    def lives(self) -> bool:
        return identity_of(self.pid) == self


@dataclass(frozen=True, slots=True)
class Memory:
    """In MB of 1,048,576 bytes. PSS counts a page that n processes share as 1/n for each of them."""

    rss_mb: float
    pss_mb: float


def identity_of(pid: int) -> Identity | None:
    fields = _stat(pid)
    return Identity(pid, fields[19]) if fields and fields[0] != "Z" else None


def family(root: int) -> list[int]:
    """The process and everything that descends from it, parents first."""
    children: dict[int, list[int]] = defaultdict(list)
    for entry in os.listdir(PROC):
        fields = _stat(int(entry)) if entry.isdigit() else None
        if fields:
            children[int(fields[1])].append(int(entry))
    found, waiting = [], [root]
    while waiting:
        pid = waiting.pop(0)
        found.append(pid)
        waiting.extend(sorted(children[pid]))
    return found


def memory_of(pid: int) -> Memory:
    """Raises OSError when the process is gone or belongs to somebody else."""
    kilobytes = {
        name: int(rest.split()[0])
        for name, _, rest in (line.partition(":") for line in (PROC / f"{pid}/smaps_rollup").read_text().splitlines())
        if name in ("Rss", "Pss")
    }
    return Memory(kilobytes["Rss"] / 1024, kilobytes["Pss"] / 1024)


def command_of(pid: int) -> str:
    raw = (PROC / f"{pid}/cmdline").read_bytes()
    return raw.replace(b"\0", b" ").decode(errors="replace").strip()


def _stat(pid: int) -> list[str] | None:
    """The fields after the name, from the state on (proc(5)); None when there is no such process."""
    try:
        return (PROC / f"{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
