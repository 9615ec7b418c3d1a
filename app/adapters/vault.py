"""Secrets that have to be read again: sealed with keys of this service, or named and read where they stand."""

import base64
import hashlib
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cryptography.fernet import MultiFernet

SEALED = "sealed:"


class SecretVault:
    """Implements ports.Vault. The first key seals, all of them open: so a key is changed without losing anything."""

    def __init__(self, keys: Sequence[str], environ: Mapping[str, str]) -> None:
        self._keys = tuple(keys)
        self._environ = environ

    @property
    def can_seal(self) -> bool:
        return bool(self._keys)

    def seal(self, text: str) -> str:
        """Raises ValueError without a key: ask `can_seal` first."""
        return SEALED + self._fernet.encrypt(text.encode()).decode()

    def open(self, kept: str) -> str | None:
        if kept.startswith(SEALED):
            from cryptography.fernet import InvalidToken

            try:
                return self._fernet.decrypt(kept.removeprefix(SEALED).encode()).decode() if self._keys else None
            except InvalidToken:
                return None
        if kept.startswith("env:"):
            return self._environ.get(kept.removeprefix("env:")) or None
        try:
            return Path(kept.removeprefix("file:")).read_text(encoding="utf-8").strip() or None
        except (OSError, ValueError):
            return None

    @cached_property
    def _fernet(self) -> "MultiFernet":
        """The library is loaded for the first secret: most processes never have one."""
        from cryptography.fernet import Fernet, MultiFernet

        return MultiFernet([Fernet(_fernet_key(key)) for key in self._keys])


def _fernet_key(text: str) -> bytes:
    """32 bytes of whatever length of text: it is a random one of at least 32 characters, so one hash is enough."""
    return base64.urlsafe_b64encode(hashlib.sha256(b"liftlock webhooks\0" + text.encode()).digest())
