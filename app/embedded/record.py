"""What a running stack leaves in its data folder for others: the lock and stack.json."""

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from app.embedded.options import StackInfo, StackRefused
from app.embedded.private import write_private


@contextmanager
def hold_data_dir(data_dir: Path, api_url: str) -> Iterator[None]:
    """One launcher per data folder; the kernel gives the lock back even after a KILL. Raises StackRefused."""
    handle = os.open(data_dir / "lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise _already_running(data_dir, os.pread(handle, 4096, 0).decode()) from None
        os.truncate(handle, 0)
        os.pwrite(handle, f"{os.getpid()} {api_url}".encode(), 0)
        yield
    finally:
        os.close(handle)


def write_record(info: StackInfo) -> None:
    """stack.json, 0600 and replaced in one step."""
    content = {
        "apiUrl": info.api_url,
        "controlUrl": info.control_url,
        "redisUrl": info.redis_url,
        "targets": dict(info.targets),
        "pids": {**info.pids, "workers": [pid for pid in (info.pids.get("worker"),) if pid is not None]},
    }
    write_private(_path(info.data_dir), json.dumps(content, indent=2) + "\n")


def remove_record(data_dir: Path) -> None:
    _path(data_dir).unlink(missing_ok=True)


def is_about(data_dir: Path, error: OSError) -> bool:
    """Whether the folder, what is in it or what it is in could not be used."""
    if not isinstance(error.filename, str):
        return False
    folder, named = data_dir.absolute(), Path(error.filename).absolute()
    return folder in (named, *named.parents) or named in folder.parents


def _path(data_dir: Path) -> Path:
    return data_dir / "stack.json"


def _already_running(data_dir: Path, holder: str) -> StackRefused:
    pid, _, api_url = holder.partition(" ")
    return StackRefused(
        f"Liftlock already runs on {data_dir}: pid {pid or 'unknown'}, API at {api_url or 'unknown'}.\n"
        f"Stop it (kill {pid or 'PID'}), or take another folder: --data-dir"
    )
