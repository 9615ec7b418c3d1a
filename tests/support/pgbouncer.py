"""The system's PgBouncer as a child; by the transaction, each is on another connection of its own."""

import shutil
import signal
import socket
import subprocess
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

from app.embedded.account import folder_for, server_account
from app.embedded.children import Patience, Spawn, free_port, stop_child
from app.embedded.postgres import Postgres
from app.embedded.startup import START_S, start_until_ready

PROGRAM = Path("/usr/sbin/pgbouncer")
STOP_S = 5.0
TAKEN_PORT = "Address already in use"


class PgBouncer:
    name = "PgBouncer"

    def __init__(self, folder: Path, server: Postgres, settings: Iterable[str]) -> None:
        self._settings = settings
        self.port = free_port()
        self._server = server
        self._account = server_account()
        self._folder = folder_for(self._account, folder) if self._account else folder
        self._folder.mkdir(parents=True, exist_ok=True)
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def log(self) -> Path:
        return self._folder / "pgbouncer.log"

    def reached(self, dsn: str) -> str:
        """The same database, through the pooler."""
        parts = urlsplit(dsn)
        return urlunsplit(parts._replace(netloc=f"{parts.username}:{parts.password}@127.0.0.1:{self.port}"))

    def start(self) -> None:
        self._process = start_until_ready(self, Patience(START_S))

    def stop(self) -> None:
        if self._process is not None:
            stop_child(self._process, signal.SIGTERM, Patience(STOP_S))
        shutil.rmtree(self._folder, ignore_errors=True)

    def spawn(self) -> Spawn:
        return Spawn(
            command=(str(PROGRAM), str(self._written("pgbouncer.ini", self._configuration()))),
            environment={"PATH": "/usr/bin:/bin", "LC_ALL": "C"},
            log=self.log,
            on_parent_death=signal.SIGTERM,
            cwd=self._folder,
            account=self._account,
        )

    def is_ready(self, process: subprocess.Popen[bytes]) -> bool:
        try:
            socket.create_connection(("127.0.0.1", self.port), 1).close()
        except OSError:
            return False
        return process.poll() is None

    def may_try_again(self, output: str) -> bool:
        if TAKEN_PORT in output:
            self.port = free_port()
        return TAKEN_PORT in output

    def _configuration(self) -> str:
        login = urlsplit(self._server.dsn())
        users = self._written("users.txt", f'"{login.username}" "{login.password}"\n')
        lines = (
            "[databases]",
            f"* = host=127.0.0.1 port={self._server.port}",
            "[pgbouncer]",
            "listen_addr = 127.0.0.1",
            f"listen_port = {self.port}",
            "unix_socket_dir =",
            "auth_type = scram-sha-256",
            f"auth_file = {users}",
            "default_pool_size = 10",
            # whoever comes back gets another connection than before, so that what is left on one is found out
            "server_round_robin = 1",
            *self._settings,
        )
        return "\n".join(lines) + "\n"

    def _written(self, name: str, text: str) -> Path:
        path = self._folder / name
        path.touch(mode=0o600)
        path.write_text(text, encoding="utf-8")
        if self._account is not None:
            self._account.owns(path)
        return path


@contextmanager
def running_pgbouncer(folder: Path, server: Postgres, *settings: str, mode: str = "transaction") -> Iterator[PgBouncer]:
    pooler = PgBouncer(folder, server, (f"pool_mode = {mode}", *settings))
    try:
        pooler.start()
        yield pooler
    finally:
        pooler.stop()
