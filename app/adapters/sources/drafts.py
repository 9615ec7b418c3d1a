"""Puts a file that Liftlock has written into the migrations folder; never over another."""

import os
from pathlib import Path

from app.domain.errors import FolderNotWritable


class FolderDrafts:
    """Implements ports.Drafts."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    async def add(self, file: str, text: str) -> None:
        path = self._folder / file
        try:
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644)
        except OSError as error:
            raise FolderNotWritable(
                f"{path} cannot be written ({error.strerror}); put the text that is given here into your migrations "
                f"yourself, then mark it as applied",
                facts={"file": file, "text": text},
                next_steps=("POST /migrations/mark",),
            ) from error
        with os.fdopen(descriptor, "w", encoding="utf-8") as opened:
            opened.write(text)

    async def remove(self, file: str) -> None:
        (self._folder / file).unlink(missing_ok=True)
