"""What `liftlock doctor` finds: right or wrong, and what to do about it."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Finding:
    """`ok` None: not looked at, and why. `fix`: what to type or change."""

    about: str
    ok: bool | None
    says: str
    fix: str | None = None


def good(about: str, says: str) -> Finding:
    return Finding(about, True, says)


def bad(about: str, says: str, fix: str) -> Finding:
    return Finding(about, False, says, fix)


def passed_over(about: str, says: str) -> Finding:
    return Finding(about, None, says)
