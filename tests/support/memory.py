"""Where tests keep their files: in memory if there is enough, since almost every test writes a database."""

import os
import shutil
from pathlib import Path

SHARED_MEMORY = Path("/dev/shm")
ENOUGH_BYTES = 6 * 2**30
_PREFIX = "liftlock-tests-"


def folder_in_memory() -> Path | None:
    """A path for this session, which is the caller's to make and to remove; those of sessions that died are removed."""
    if (
        not SHARED_MEMORY.is_dir()
        or shutil.disk_usage(SHARED_MEMORY).free < ENOUGH_BYTES
        or _available() < ENOUGH_BYTES
    ):
        return None
    for left in SHARED_MEMORY.glob(f"{_PREFIX}*"):
        if not Path("/proc", left.name.removeprefix(_PREFIX)).exists():
            shutil.rmtree(left, ignore_errors=True)
    return SHARED_MEMORY / f"{_PREFIX}{os.getpid()}"


def let_servers_in(folder: Path) -> Path:
    """The folder, once the account under which root has PostgreSQL run may pass through those above it."""
    if os.geteuid() == 0:
        for one in (folder, *folder.parents):
            if one.is_dir() and one.stat().st_uid == 0 and not one.stat().st_mode & 0o1:
                one.chmod(one.stat().st_mode | 0o11)
    return folder


def _available() -> int:
    """bytes; 0 where the system does not say, or may not be asked"""
    try:
        lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith("MemAvailable:")), 0)
