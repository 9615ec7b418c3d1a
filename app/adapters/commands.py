"""Commands of the configuration, such as a backup before a run: started as they are written, never through a shell."""

import asyncio
import contextlib
import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from urllib.parse import parse_qsl, unquote, urlsplit

from app.domain.environment import Dsn
from app.domain.hiding import HIDDEN, longest_first, spellings
from app.ports import CommandEnd

POLL_S = 0.1
KEPT_BYTES = 4_000


def passed_on(environ: Mapping[str, str]) -> dict[str, str]:
    """What a command of the configuration may see: not the addresses and secrets of Liftlock itself."""
    own = ("DATABASE_URL", "REDIS_URL")
    return {name: value for name, value in environ.items() if name not in own and not name.startswith("LIFTLOCK_")}


class SystemCommands:
    """`environ`: of this process; a command has of it what is `passed_on`, beside the variables of its target."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._inherited = passed_on(environ)

    async def run(
        self, command: Sequence[str], target: Dsn, timeout_s: float, is_halted: Callable[[], bool]
    ) -> CommandEnd:
        stop = threading.Event()
        environ = {**self._inherited, **target_variables(target)}
        hidden = _hidden(target, environ)
        try:
            return await asyncio.to_thread(
                _run, list(command), environ, hidden, timeout_s, lambda: stop.is_set() or is_halted()
            )
        finally:
            stop.set()


def target_variables(target: Dsn) -> dict[str, str]:
    """The target as libpq's programs read it: pg_dump needs no address, and no password is on a command line.

    https://www.postgresql.org/docs/current/libpq-envars.html
    """
    parts = urlsplit(target.secret)
    query = dict(parse_qsl(parts.query))
    account, _, hosts = parts.netloc.rpartition("@")
    user, _, password = account.partition(":")
    hosts_and_ports = [_host_and_port(one) for one in hosts.split(",") if one]
    found = {
        "PGHOST": query.get("host") or ",".join(host for host, _ in hosts_and_ports),
        "PGPORT": query.get("port") or ",".join(port for _, port in hosts_and_ports),
        "PGUSER": query.get("user") or unquote(user),
        "PGPASSWORD": query.get("password") or unquote(password),
        "PGDATABASE": unquote(parts.path.lstrip("/")),
        "PGSSLMODE": query.get("sslmode", ""),
    }
    return {name: value for name, value in found.items() if value}


def _hidden(target: Dsn, environ: Mapping[str, str]) -> tuple[str, ...]:
    """What a command may not say: passwords, the longest first, for one may be a part of another.

    Also those of addresses that it inherits, such as the target of another environment.
    """
    found = spellings(target.secret, environ.get("PGPASSWORD", ""))
    inherited = (spellings(value) for value in environ.values() if "://" in value)
    return tuple(longest_first(found.union(*inherited)))


def _host_and_port(text: str) -> tuple[str, str]:
    host, colon, port = text.rpartition(":")
    return (host, port) if colon and port.isdecimal() else (text, "5432")


def _run(
    command: list[str], environ: dict[str, str], hidden: Sequence[str], timeout_s: float, is_over: Callable[[], bool]
) -> CommandEnd:
    try:
        process = subprocess.Popen(
            command,
            env=environ,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    except (OSError, ValueError) as error:
        return CommandEnd(None, "", f"it cannot be started ({getattr(error, 'strerror', None) or error})")
    tail = _Tail(process, hidden)
    problem = _wait(process, time.monotonic() + timeout_s, timeout_s, is_over)
    tail.join()
    return CommandEnd(process.returncode, tail.text(), problem)


def _wait(process: "subprocess.Popen[bytes]", end: float, timeout_s: float, is_over: Callable[[], bool]) -> str | None:
    while True:
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(POLL_S)
            return None
        halted = is_over()
        if halted or time.monotonic() > end:
            _kill(process)
            return "it was ended: somebody asked for that" if halted else f"it took longer than {timeout_s:.0f} s"


def _kill(process: "subprocess.Popen[bytes]") -> None:
    """With everything that it has started."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


class _Tail:
    """Reads what a command says, so that it never waits for a reader, and keeps the end of it.

    More of it than is shown: a password that was cut in two where that begins would not be known as one.
    """

    def __init__(self, process: "subprocess.Popen[bytes]", hidden: Sequence[str]) -> None:
        self._process = process
        self._hidden = hidden
        self._most = KEPT_BYTES + max((len(one.encode()) for one in hidden), default=0)
        self._kept = b""
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def join(self) -> None:
        # what it has left in the background may hold the pipe open for as long as it likes
        self._thread.join(1.0)

    def text(self) -> str:
        kept = self._kept
        for one in self._hidden:
            kept = kept.replace(one.encode(), HIDDEN.encode())
        # the rest of a password that was cut in two may stand at the very beginning
        unsure = self._most - KEPT_BYTES if len(self._kept) == self._most else 0
        return kept[max(unsure, len(kept) - KEPT_BYTES) :].decode("utf-8", "replace").replace("\x00", "").strip()

    def _read(self) -> None:
        pipe = self._process.stdout
        assert pipe is not None
        while chunk := os.read(pipe.fileno(), 65_536):
            self._kept = (self._kept + chunk)[-self._most :]
