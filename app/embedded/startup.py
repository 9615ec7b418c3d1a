"""How a server is started until it is ready, patient with what an earlier run has left."""

import subprocess
import time
from pathlib import Path
from typing import Protocol

from app.embedded.children import Patience, Spawn, end_of_log, kill_group, start_child

START_S = 60.0
_POLL_S = 0.02
_AGAIN_S = 0.2


class ServerFailed(Exception):
    """A server that did not become ready, with the end of its log."""

    def __init__(self, name: str, reason: str, log: Path, output: str) -> None:
        super().__init__(f"{name} did not start: {reason}. Its log is {log}:\n{output}".rstrip())


class Startable(Protocol):
    @property
    def name(self) -> str: ...

    def spawn(self) -> Spawn: ...

    def is_ready(self, process: subprocess.Popen[bytes]) -> bool: ...

    def may_try_again(self, output: str) -> bool:
        """Whether what it said on ending goes away by itself, or has just been changed, like a taken port."""
        ...


def start_until_ready(server: Startable, patience: Patience) -> subprocess.Popen[bytes]:
    while True:
        spawn = server.spawn()
        offset = spawn.log.stat().st_size if spawn.log.exists() else 0
        process = start_child(spawn)
        try:
            ready = _wait(server, process, patience)
        except BaseException:
            _kill(process)
            raise
        if ready:
            return process
        output = end_of_log(spawn.log, offset)
        if process.returncode is None:
            _kill(process)
            raise ServerFailed(server.name, "it took too long", spawn.log, output)
        if not server.may_try_again(output) or not patience.left_s():
            raise ServerFailed(server.name, f"it ended with code {process.returncode}", spawn.log, output)
        time.sleep(_AGAIN_S)


def _wait(server: Startable, process: subprocess.Popen[bytes], patience: Patience) -> bool:
    while process.poll() is None and patience.left_s():
        if server.is_ready(process):
            return True
        time.sleep(_POLL_S)
    return False


def _kill(process: subprocess.Popen[bytes]) -> None:
    kill_group(process.pid)
    process.wait()
