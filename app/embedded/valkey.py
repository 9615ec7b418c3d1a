"""One Valkey (or Redis) as a child: its folder, its settings, when it is ready and how it ends."""

import shutil
import signal
import socket
import subprocess
from pathlib import Path

from app.embedded.binaries import ValkeyBinary, find_valkey
from app.embedded.children import Patience, Spawn, await_end, free_port, stop_child
from app.embedded.private import kept_password, write_private
from app.embedded.startup import START_S, ServerFailed, start_until_ready

_STOP_S = 10.0
_PROBE_S = 1.0
_TAKEN_PORT = ("Address already in use", "Failed listening on port")


class Valkey:
    """May be started and stopped again and again on the same port, with the same password.

    With durable=False no data is written to disk, and stop() removes the folder: that is the end.
    """

    name = "Valkey"

    def __init__(
        self,
        data_dir: Path,
        *,
        port: int | None = None,
        durable: bool = True,
        servers: ValkeyBinary | None = None,
    ) -> None:
        self.binary = servers or find_valkey({})
        self.port = port or free_port()
        self.durable = durable
        self.folder = data_dir.absolute()
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._port_is_free_to_change = port is None
        self._process: subprocess.Popen[bytes] | None = None
        self._password = kept_password(self.folder / "password")

    @property
    def log(self) -> Path:
        return self.folder / "valkey.log"

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process and self._process.poll() is None else None

    @property
    def url(self) -> str:
        return f"redis://:{self._password}@127.0.0.1:{self.port}/0"

    def poll(self) -> int | None:
        """The exit code, None while it runs."""
        return self._process.poll() if self._process else 0

    def start(self) -> None:
        """Wait for a predecessor on this folder to end, start, wait until it answers."""
        patience = Patience(START_S)
        # Nothing in Valkey itself keeps two servers from writing one append-only file.
        if not await_end(self._pid_file, str(self._conf), signal.SIGTERM, patience):
            reason = f"another Valkey runs on {self.folder}, its pid is in {self._pid_file.name} there"
            raise ServerFailed(self.name, reason, self.log, "")
        self._process = start_until_ready(self, patience)
        self._port_is_free_to_change = False

    def stop(self, patience: Patience | None = None) -> None:
        """TERM: it writes what is pending and leaves."""
        if self._process is not None and self._process.poll() is None:
            stop_child(self._process, signal.SIGTERM, patience or Patience(_STOP_S))
        if not self.durable:
            shutil.rmtree(self.folder, ignore_errors=True)

    def spawn(self) -> Spawn:
        write_private(self._conf, self._configuration())
        return Spawn(
            command=(str(self.binary.path), str(self._conf)),
            environment={"PATH": "/usr/bin:/bin", "LC_ALL": "C", "TZ": "UTC"},
            log=self.log,
            on_parent_death=signal.SIGTERM,
            cwd=self.folder,
        )

    def is_ready(self, process: subprocess.Popen[bytes]) -> bool:
        """PONG after our password: the port is its, and the append-only file is loaded."""
        try:
            with socket.create_connection(("127.0.0.1", self.port), _PROBE_S) as probe:
                probe.sendall(f"AUTH {self._password}\r\nPING\r\n".encode())
                replies = probe.makefile("rb")
                return (replies.readline(), replies.readline()) == (b"+OK\r\n", b"+PONG\r\n")
        except OSError:
            return False

    def may_try_again(self, output: str) -> bool:
        if self._port_is_free_to_change and any(words in output for words in _TAKEN_PORT):
            self.port = free_port()
            return True
        return False

    @property
    def _conf(self) -> Path:
        return self.folder / "valkey.conf"

    @property
    def _pid_file(self) -> Path:
        return self.folder / "valkey.pid"

    def _configuration(self) -> str:
        lines = (
            "bind 127.0.0.1",
            f"port {self.port}",
            f"requirepass {self._password}",
            f"dir {_quoted(self.folder)}",
            f"pidfile {_quoted(self._pid_file)}",
            "set-proc-title no",  # the command line stays what it was: by it a predecessor is recognised
            'save ""',
            f"appendonly {'yes' if self.durable else 'no'}",
            "appendfsync everysec",
            # Evicting a key would be losing a job or a lease without a word.
            "maxmemory-policy noeviction",
            "daemonize no",
            "loglevel warning",
        )
        return "\n".join(lines) + "\n"


def _quoted(path: Path) -> str:
    escaped = str(path).replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
