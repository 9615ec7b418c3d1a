"""Passwords and other words that only this account may read."""

import os
import secrets
import tempfile
from pathlib import Path


def make_data_dir(folder: Path) -> None:
    """It will hold passwords, so git leaves it out; what is in a folder that somebody else has made is theirs."""
    try:
        folder.mkdir(parents=True)
    except FileExistsError:
        if not folder.is_dir():
            raise
        return
    (folder / ".gitignore").write_text("*\n", encoding="utf-8")


def kept_password(path: Path) -> str:
    """The password in the file; a new random one when there is no file yet, so a second start keeps it."""
    try:
        return path.read_text()
    except FileNotFoundError:
        write_private(path, secrets.token_urlsafe(24))
        return path.read_text()


def write_private(path: Path, text: str) -> None:
    """Replace the file in one step; it is 0600 before the first byte is in it (mkstemp)."""
    handle, draft = tempfile.mkstemp(prefix=f".{path.name}-", dir=path.parent)
    try:
        with os.fdopen(handle, "w") as file:
            file.write(text)
        Path(draft).replace(path)
    except BaseException:
        Path(draft).unlink(missing_ok=True)
        raise
