"""A folder of migrations: every `*.sql` and `*.py` in it, read again only when a file has changed."""

import asyncio
import errno
import hashlib
import os
import stat
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from app.adapters.python_code import load_action
from app.adapters.sources.python import read_python
from app.adapters.sources.sql import read_sql
from app.domain.failure import in_words
from app.domain.migration import Catalog, Migration, PythonScript
from app.domain.problem import Problem
from app.domain.step import Step

READERS = {".sql": read_sql, ".py": read_python}
SUFFIXES = tuple(READERS)
IGNORED_PREFIXES = ("_", ".")

_REMEDIES = {
    errno.ENOENT: "what the link leads to is not there: put it back, or remove the link",
    errno.ELOOP: "the link leads to itself: remove it",
}
_REMEDIES_OF_A_FOLDER = {errno.ENOENT: "create it", errno.ENOTDIR: "put a folder there"}
_PERMISSIONS = "check its permissions"

Parsed = Migration | tuple[Problem, ...]


Signature = tuple[int, int, int]
"""Inode, size and time of change in ns: what tells a changed file without reading it."""


@dataclass(frozen=True, slots=True)
class _Known:
    """`digest`: SHA-256 of what was parsed; None when it could not be read, and then it is tried again."""

    signature: Signature | None
    digest: bytes | None
    parsed: Parsed


class FolderSource:
    """Implements ports.Source. One instance a process: the cache is what makes asking cheap."""

    def __init__(self, folder: Path, max_file_bytes: int) -> None:
        self._folder = folder.absolute()  # a file in Python may change the working directory
        self._max_file_bytes = max_file_bytes
        self._cache: dict[str, _Known] = {}
        self._catalog = Catalog()
        self._reading = asyncio.Lock()

    async def read(self) -> Catalog:
        async with self._reading:
            return await asyncio.to_thread(self._read)

    def unloadable(self, steps: Sequence[Step]) -> tuple[Problem, ...]:
        problems = (_unloadable(step) for step in steps)
        return tuple(problem for problem in problems if problem is not None)

    def _read(self) -> Catalog:
        try:
            with os.scandir(self._folder) as entries:
                found = {entry.name: entry for entry in entries if _is_migration(entry)}
        except OSError as error:
            return Catalog(problems=(self._no_folder(error),))
        if not self._refresh(found):
            return self._catalog
        parsed = [self._cache[name].parsed for name in sorted(found)]
        self._catalog = Catalog(
            tuple(one for one in parsed if isinstance(one, Migration)),
            tuple(problem for one in parsed if not isinstance(one, Migration) for problem in one),
        )
        return self._catalog

    def _refresh(self, found: dict[str, "os.DirEntry[str]"]) -> bool:
        """Bring the cache up to what is in the folder; False when nothing has changed."""
        gone = self._cache.keys() - found.keys()
        for name in gone:
            del self._cache[name]
        changed = bool(gone)
        for name, entry in found.items():
            signature = _signature(entry)
            known = self._cache.get(name)
            if known is None or signature is None or known.signature != signature:
                self._cache[name] = now = self._look(name, signature, known)
                changed = changed or known is None or now.parsed is not known.parsed
        return changed

    def _look(self, name: str, signature: Signature | None, known: _Known | None) -> _Known:
        """A file that was only touched, copied or checked out again is the one that is known already."""
        path = self._folder / name
        if not _is_utf8(name):
            message = "the file's name is not UTF-8; rename it"
            return _Known(signature, None, (Problem("invalid_name", message, file=_printable(name)),))
        try:
            about = path.stat()
            if not stat.S_ISREG(about.st_mode):  # a link to a pipe or a device would be read without an end
                message = "the link does not lead to a file; remove it"
                return _Known(signature, None, (Problem("unreadable_file", message, file=name),))
            size = about.st_size
            if size > self._max_file_bytes:
                return _Known(signature, None, (self._too_large(name, size),))
            raw = path.read_bytes()
        except OSError as error:
            remedy = _REMEDIES.get(error.errno or 0, _PERMISSIONS)
            message = f"the file cannot be read ({error.strerror}); {remedy}"
            return _Known(signature, None, (Problem("unreadable_file", message, file=name),))
        digest = hashlib.sha256(raw).digest()
        if known is not None and known.digest == digest:
            return _Known(signature, digest, known.parsed)
        return _Known(signature, digest, _placed(_parse(name, raw), self._folder))

    def _too_large(self, name: str, size_bytes: int) -> Problem:
        limit = self._max_file_bytes // (1024 * 1024)
        return Problem(
            "file_too_large",
            f"the file has {size_bytes / 1024 / 1024:.1f} MiB and at most {limit} are read; "
            f"load bulk data outside of migrations, or raise LIFTLOCK_MAX_FILE_MB",
            file=name,
        )

    def _no_folder(self, error: OSError) -> Problem:
        remedy = _REMEDIES_OF_A_FOLDER.get(error.errno or 0, _PERMISSIONS)
        message = (
            f"the migrations folder {self._folder} cannot be read ({error.strerror}); "
            f"{remedy}, or set LIFTLOCK_MIGRATIONS"
        )
        return Problem("unreadable_folder", message, file=str(self._folder))


def _parse(name: str, raw: bytes) -> Parsed:
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        message = f"the file is not UTF-8 (byte {error.start}, line {line}); save it as UTF-8"
        return (Problem("not_utf8", message, file=name, line=line),)
    return READERS[Path(name).suffix.lower()](name, raw, text)


def _placed(parsed: Parsed, folder: Path) -> Parsed:
    """With the folder that code finds its neighbours in."""
    if not isinstance(parsed, Migration) or not isinstance(parsed.up, PythonScript):
        return parsed
    up, down = parsed.up, parsed.down
    below = replace(down, folder=str(folder)) if isinstance(down, PythonScript) else None
    return replace(parsed, up=replace(up, folder=str(folder)), down=below)


def _is_migration(entry: "os.DirEntry[str]") -> bool:
    return (
        entry.name.lower().endswith(SUFFIXES)
        and not entry.name.startswith(IGNORED_PREFIXES)
        and (entry.is_symlink() or entry.is_file())  # a link is followed when it is read: it may lead nowhere
    )


def _signature(entry: "os.DirEntry[str]") -> Signature | None:
    try:
        about = entry.stat()
    except OSError:
        return None
    return about.st_ino, about.st_size, about.st_ctime_ns


def _is_utf8(name: str) -> bool:
    """Whether a database and an answer can hold it: Python puts half a surrogate pair where a byte is none of UTF-8."""
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


def _printable(name: str) -> str:
    return os.fsencode(name).decode(errors="backslashreplace")


def _unloadable(step: Step) -> Problem | None:
    if not isinstance(step.body, PythonScript):
        return None
    try:
        load_action(step.body)
    except BaseException as error:
        # also SystemExit and KeyboardInterrupt: whatever the file raises is a problem of the file
        line = _line_in(error, step.body.file)
        return Problem(
            "python_import_failed",
            f"{step.body.file} cannot be loaded: {in_words(error)}",
            migration=step.name,
            file=step.body.file,
            line=line,
        )
    return None


def _line_in(error: BaseException, file: str) -> int | None:
    if isinstance(error, SyntaxError) and error.filename == file:
        return error.lineno  # found while compiling, so no frame of the file stands in the trace
    trace, line = error.__traceback__, None
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == file:
            line = trace.tb_lineno
        trace = trace.tb_next
    return line
