"""Ids that sort by their time of birth (UUIDv7, RFC 9562 section 5.7)."""

from uuid import UUID

_VERSION = 7
_VARIANT = 0b10


def uuid7(unix_ms: int, entropy: int) -> UUID:
    """`entropy` fills the 74 random bits."""
    random_a = (entropy >> 62) & 0xFFF
    random_b = entropy & ((1 << 62) - 1)
    return UUID(int=(unix_ms & ((1 << 48) - 1)) << 80 | _VERSION << 76 | random_a << 64 | _VARIANT << 62 | random_b)
