"""One PostgreSQL as a child: its data folder, its settings, when it is ready and how it ends."""

import asyncio
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path

import asyncpg

from app.embedded.account import folder_for, public_copy, reaches, server_account
from app.embedded.binaries import PostgresBinaries, find_postgres
from app.embedded.children import Patience, Spawn, await_end, free_port, stop_child, wait_for
from app.embedded.private import kept_password
from app.embedded.startup import START_S, ServerFailed, start_until_ready

_STOP_S = 20.0
_IMMEDIATE_S = 5.0
_ENVIRONMENT = {"PATH": "/usr/bin:/bin", "LC_ALL": "C", "TZ": "UTC"}
_SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "max_connections": "150",
    "shared_buffers": "32MB",
    "max_wal_size": "256MB",
    "log_min_messages": "warning",
    "timezone": "UTC",
    "log_timezone": "UTC",
}
_EPHEMERAL_SETTINGS = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}
_TAKEN_PORT = ("could not bind", "could not create any TCP/IP sockets")
# The backends of a killed server live on for a moment and hold its shared memory and its lock file.
_STILL_ENDING = ("pre-existing shared memory block", 'lock file "postmaster.pid" already exists')


class Postgres:
    """May be started and stopped again and again on the same port, with the same password.

    With durable=False nothing is synced to disk, and stop() removes all of it: that is the end.
    """

    name = "PostgreSQL"

    def __init__(
        self,
        data_dir: Path,
        *,
        port: int | None = None,
        durable: bool = True,
        settings: Mapping[str, str] | None = None,
        servers: PostgresBinaries | None = None,
    ) -> None:
        self.binaries = servers or find_postgres({})
        self.port = port or free_port()
        self.durable = durable
        self._port_is_free_to_change = port is None
        self._settings = dict(settings or {})
        self._process: subprocess.Popen[bytes] | None = None
        self._account = server_account()
        self._bindir = self.binaries.bindir
        self._prepare_folders(data_dir.absolute())
        self.major = self._ask_major()
        self._data = self.folder / f"data-{self.major}"
        self._password = kept_password(self.folder / "password")

    @property
    def log(self) -> Path:
        return self.folder / "postgres.log"

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process and self._process.poll() is None else None

    def poll(self) -> int | None:
        """The exit code, None while it runs."""
        return self._process.poll() if self._process else 0

    def dsn(self, database: str = "postgres") -> str:
        """On loopback there is nothing to encrypt, and asking for it costs a round trip a connection."""
        return f"postgresql://postgres:{self._password}@127.0.0.1:{self.port}/{database}?sslmode=disable"

    def start(self) -> None:
        """Create the data folder if need be, wait for a predecessor to end, start, wait until ready."""
        patience = Patience(START_S)
        if not self._data.exists():
            self._initialise()
        self._await_predecessor(patience)
        self._process = start_until_ready(self, patience)
        self._port_is_free_to_change = False

    def stop(self, patience: Patience | None = None) -> None:
        """Fast shutdown: sessions end, the data is written; an immediate one when that takes too long."""
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(signal.SIGINT)
            wait_for(self._process, patience or Patience(_STOP_S))
            stop_child(self._process, signal.SIGQUIT, Patience(_IMMEDIATE_S))
        if not self.durable:
            shutil.rmtree(self.folder, ignore_errors=True)

    def create_database(self, name: str) -> str:
        """Create it unless it exists; the DSN of it. Not inside a running event loop."""
        asyncio.run(_create_database(self.dsn(), name))
        return self.dsn(name)

    def spawn(self) -> Spawn:
        settings = {**_SETTINGS, "port": str(self.port)}
        if self.major >= 18:
            settings["io_method"] = "sync"  # the default keeps three more processes, of no use at this size
        if not self.durable:
            settings |= _EPHEMERAL_SETTINGS
        options = [f"--{key}={value}" for key, value in (settings | self._settings).items()]
        return Spawn(
            command=(str(self._bindir / "postgres"), "-D", str(self._data), *options),
            environment=_ENVIRONMENT,
            log=self.log,
            on_parent_death=signal.SIGINT,
            cwd=self._data,
            account=self._account,
        )

    def is_ready(self, process: subprocess.Popen[bytes]) -> bool:
        """Line 1 of postmaster.pid is the pid, line 8 the state (miscadmin.h, pidfile.h of PostgreSQL)."""
        try:
            lines = (self._data / "postmaster.pid").read_text().splitlines()
        except OSError:
            return False
        return len(lines) >= 8 and lines[0].strip() == str(process.pid) and lines[7].strip() == "ready"

    def may_try_again(self, output: str) -> bool:
        if any(words in output for words in _TAKEN_PORT):
            if self._port_is_free_to_change:
                self.port = free_port()
            return self._port_is_free_to_change
        return any(words in output for words in _STILL_ENDING)

    def _prepare_folders(self, wanted: Path) -> None:
        if self._account is None:
            wanted.mkdir(mode=0o700, parents=True, exist_ok=True)
            self.folder = wanted
            return
        # The folder, the log and the password stay root's; only the data in it belongs to the account.
        self.folder = folder_for(self._account, wanted)
        if not reaches(self._account, self._bindir / "postgres"):
            self._bindir = public_copy(self._bindir)

    def _ask_major(self) -> int:
        version = self._run("postgres", "--version")  # postgres (PostgreSQL) 15.18 (Debian …)
        return int(version.split()[2].split(".")[0].rstrip("abcdefghijklmnopqrstuvwxyz"))

    def _initialise(self) -> None:
        """initdb into a draft that is renamed when complete: a kill in between leaves no half data folder."""
        draft = Path(tempfile.mkdtemp(prefix=f".data-{self.major}-", dir=self.folder))
        data, password = draft / "data", draft / "password"
        password.touch(mode=0o600)
        password.write_text(self._password)
        for path in (draft, password) if self._account else ():
            assert self._account is not None
            self._account.owns(path)
        try:
            self._run(
                "initdb", "-D", str(data), "-U", "postgres", "-E", "UTF8", *self._locale(),
                "-A", "scram-sha-256", f"--pwfile={password}", *([] if self.durable else ["--no-sync"]),
            )  # fmt: skip
            data.rename(self._data)
        finally:
            shutil.rmtree(draft, ignore_errors=True)

    def _locale(self) -> list[str]:
        # The builtin provider sorts the same on every machine and every libc; it exists from 17 on.
        builtin = ["--locale-provider=builtin", "--builtin-locale=C.UTF-8"] if self.major >= 17 else []
        return [*builtin, "--locale=C"]

    def _await_predecessor(self, patience: Patience) -> None:
        pid_file, mark = self._data / "postmaster.pid", f"-D {self._data} "
        if not await_end(pid_file, mark, signal.SIGINT, patience):
            reason = f"another PostgreSQL runs on {self._data}, its pid is in postmaster.pid there"
            raise ServerFailed(self.name, reason, self.log, "")

    def _run(self, program: str, *arguments: str) -> str:
        account = self._account
        answer = subprocess.run(
            [str(self._bindir / program), *arguments],
            env=_ENVIRONMENT,
            cwd="/",
            capture_output=True,
            text=True,
            check=False,
            user=account.uid if account else None,
            group=account.gid if account else None,
            extra_groups=[] if account else None,
        )
        if answer.returncode:
            raise ServerFailed(self.name, f"{program} failed", self.log, answer.stderr + answer.stdout)
        return answer.stdout


async def _create_database(dsn: str, name: str) -> None:
    connection = await asyncpg.connect(dsn, ssl=False)
    try:
        exists = await connection.fetchval("SELECT true FROM pg_database WHERE datname = $1", name)
        if not exists:
            quoted = name.replace('"', '""')
            await connection.execute(f'CREATE DATABASE "{quoted}"')
    finally:
        await connection.close()
