"""Under whose account PostgreSQL runs, and which folders that account can reach."""

import hashlib
import os
import pwd
import shutil
import stat
import tempfile
from dataclasses import dataclass
from pathlib import Path

_ROOT = 0
_SHARED = Path("/var/tmp")  # noqa: S108 - not the data itself: only folders of root's, checked before use
_ACCOUNTS = ("postgres", "nobody")
_WRITABLE_BY_OTHERS = stat.S_IWGRP | stat.S_IWOTH


class AccountMissing(Exception):
    """Running as root without an account to give PostgreSQL to."""


class FolderNotOurs(Exception):
    """A folder under /var/tmp that someone else made or may write to."""

    def __init__(self, folder: Path) -> None:
        super().__init__(f"{folder} exists and is not root's own folder. Look at it, then remove it.")


@dataclass(frozen=True, slots=True)
class Account:
    name: str
    uid: int
    gid: int

    def owns(self, path: Path) -> None:
        os.chown(path, self.uid, self.gid, follow_symlinks=False)


def server_account() -> Account | None:
    """PostgreSQL refuses root: the account to become, None when we are a plain user already."""
    if os.geteuid() != _ROOT:
        return None
    for name in _ACCOUNTS:
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return Account(name, entry.pw_uid, entry.pw_gid)
    raise AccountMissing(
        "PostgreSQL does not run as root, and there is no account named postgres or nobody. "
        "Run this as a plain user, or create one: useradd --system postgres"
    )


def reaches(account: Account, path: Path) -> bool:
    """Whether the account may enter every folder above the path, and read the path itself."""
    resolved = path.resolve()
    entered = all(_allows(account, folder, 0o1) for folder in resolved.parents)
    return entered and _allows(account, resolved, 0o5 if resolved.is_dir() else 0o4)


def folder_for(account: Account, wanted: Path) -> Path:
    """The wanted folder; where the account cannot reach it, one under /var/tmp that always belongs to it."""
    wanted.mkdir(mode=0o711, parents=True, exist_ok=True)
    if all(_allows(account, folder, 0o1) for folder in wanted.resolve().parents):
        wanted.chmod(0o711)
        return wanted
    return _root_folder(_SHARED / f"liftlock-data-{_digest(str(wanted.resolve()).encode())}")


def public_copy(bindir: Path) -> Path:
    """The `bin` folder of a copy that every account can read, made once per version of the program."""
    installation = bindir.parent
    package = installation.parent
    identity = f"{package.name}/{installation.name}".encode() + (bindir / "postgres").read_bytes()
    cache = _SHARED / f"liftlock-postgres-{_digest(identity)}"
    copied = cache / package.name / installation.name / bindir.name
    if not (_is_root_folder(cache) and (copied / "postgres").exists()):
        _copy_installation(package, installation, cache)
    return copied


def _copy_installation(package: Path, installation: Path, cache: Path) -> None:
    draft = Path(tempfile.mkdtemp(prefix=".liftlock-postgres-", dir=_SHARED))
    skip = shutil.ignore_patterns("include", "*.a")
    shutil.copytree(installation, draft / package.name / installation.name, symlinks=True, ignore=skip)
    for libraries in package.parent.glob(f"{package.name}.libs"):  # auditwheel puts them beside the package
        shutil.copytree(libraries, draft / libraries.name)
    for path in (draft, *draft.rglob("*")):
        if not path.is_symlink():
            path.chmod(0o755 if path.is_dir() or path.stat().st_mode & stat.S_IXUSR else 0o644)
    try:
        draft.rename(cache)
    except OSError:  # another process was quicker
        shutil.rmtree(draft)
        _root_folder(cache)


def _root_folder(folder: Path) -> Path:
    if not _is_root_folder(folder):
        folder.mkdir(mode=0o711, exist_ok=True)
        _is_root_folder(folder)
    return folder


def _is_root_folder(folder: Path) -> bool:
    """False when there is nothing; raises FolderNotOurs when there is something we must not trust."""
    try:
        found = folder.lstat()
    except FileNotFoundError:
        return False
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != _ROOT or found.st_mode & _WRITABLE_BY_OTHERS:
        raise FolderNotOurs(folder)
    return True


def _allows(account: Account, path: Path, bits: int) -> bool:
    found = path.stat()
    if found.st_uid == account.uid:
        return (found.st_mode >> 6) & bits == bits
    if found.st_gid == account.gid:
        return (found.st_mode >> 3) & bits == bits
    return found.st_mode & bits == bits


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()[:12]
