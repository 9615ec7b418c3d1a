"""Hazards: the named dangers of a statement, found before anything runs.

A code is stable: people write it into requests, configuration and files, and it has a page of its own. What each
means stands in `hazard_kinds`; which statement has which, in `hazard_rules`.
"""

import difflib
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from app.domain.environment import PROTECTION_ORDER, Protection


class HazardCode(StrEnum):
    DATA_LOSS = "DATA_LOSS"
    ROWS_REMOVED = "ROWS_REMOVED"
    TABLE_DROPPED = "TABLE_DROPPED"
    COLUMN_DROPPED = "COLUMN_DROPPED"
    SCHEMA_DROPPED = "SCHEMA_DROPPED"
    VIEW_DROPPED = "VIEW_DROPPED"
    VIEW_CHANGED = "VIEW_CHANGED"
    FUNCTION_DROPPED = "FUNCTION_DROPPED"
    FUNCTION_CHANGED = "FUNCTION_CHANGED"
    OBJECT_DROPPED = "OBJECT_DROPPED"
    EXTENSION_DROPPED = "EXTENSION_DROPPED"
    CONSTRAINT_DROPPED = "CONSTRAINT_DROPPED"
    TRIGGER_REMOVED = "TRIGGER_REMOVED"
    ROW_SECURITY_WEAKENED = "ROW_SECURITY_WEAKENED"
    CASCADE_USED = "CASCADE_USED"
    OBJECT_RENAMED = "OBJECT_RENAMED"
    ENUM_LABEL_CHANGED = "ENUM_LABEL_CHANGED"
    TYPE_NARROWED = "TYPE_NARROWED"
    REQUIRED_COLUMN = "REQUIRED_COLUMN"
    ALL_ROWS_CHANGED = "ALL_ROWS_CHANGED"
    MIXED_DATA_CHANGE = "MIXED_DATA_CHANGE"
    TABLE_REWRITE = "TABLE_REWRITE"
    BLOCKS_READS = "BLOCKS_READS"
    BLOCKS_WRITES = "BLOCKS_WRITES"
    INDEX_BUILD = "INDEX_BUILD"
    GRANT_TO_PUBLIC = "GRANT_TO_PUBLIC"
    PRIVILEGE_REVOKED = "PRIVILEGE_REVOKED"
    UNSAFE_DEFINER = "UNSAFE_DEFINER"
    SERVER_PROGRAM = "SERVER_PROGRAM"
    SERVER_SETTING = "SERVER_SETTING"
    ROLE_CHANGED = "ROLE_CHANGED"
    UNSEEN_STATEMENTS = "UNSEEN_STATEMENTS"
    LINT = "LINT"


class Risk(StrEnum):
    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"


RISK_ORDER = tuple(Risk)
"""From the mildest on."""


class FoundBy(StrEnum):
    """Who has found a hazard: our rules, reading the file; the linter; a try on a copy of the schema."""

    FILE = "file"
    LINTER = "linter"
    DRY_RUN = "dry_run"


@dataclass(frozen=True, slots=True)
class Kind:
    """What a code means. `asks_from`: the mildest protection under which it needs consent; None: it never does."""

    title: str
    happens: str
    to_do: str
    risk: Risk
    asks_from: Protection | None


@dataclass(frozen=True, slots=True)
class Hazard:
    """One danger of one statement.

    `statement`: its place among the script's statements, from 0; None is the script as a whole. `line`: 1-based, of
    `file`. `object`: what it befalls, as people say it. `allowed`: the reason that its file gives for it.
    `rule`: what another linter calls it. `rows` and `bytes`: of DATA_LOSS, how much is lost at most, estimated.
    """

    code: HazardCode
    migration: str
    file: str
    statement: int | None
    line: int | None
    object: str
    happens: str
    to_do: str
    risk: Risk
    allowed: str | None = None
    rule: str | None = None
    found_by: FoundBy = FoundBy.FILE
    rows: int | None = None
    bytes: int | None = None

    def said(self) -> str:
        """One line for a terminal or a log."""
        place = f"{self.file}:{self.line}" if self.line else self.file
        return f"{self.code} {self.object} ({place}): {self.happens}".replace("  ", " ")


def covering(code: HazardCode) -> tuple[HazardCode, ...]:
    """The codes whose consent is consent to `code`: whoever lets rows be lost lets them be removed and kept."""
    return (code, HazardCode.DATA_LOSS) if code is HazardCode.ROWS_REMOVED else (code,)


def slug_of(code: HazardCode) -> str:
    """The last part of the address of its page: `/problems/hazard-table-rewrite`."""
    return f"hazard-{code.lower().replace('_', '-')}"


def code_of(text: str) -> HazardCode | None:
    """None when there is no such code; it is written in upper case, as everywhere."""
    return HazardCode(text) if text in HazardCode.__members__ else None


def near_codes(text: str) -> tuple[str, ...]:
    """What somebody may have meant who wrote `text`."""
    wanted = text.upper().replace("-", "_").removeprefix("HAZARD_")
    return tuple(difflib.get_close_matches(wanted, list(HazardCode), n=3, cutoff=0.5))


def unknown_code(text: str) -> str:
    """What to say of a code that does not exist."""
    near = near_codes(text)
    meant = f"did you mean {' or '.join(near)}?" if near else "the codes are listed at /problems"
    return f"there is no hazard {text!r}; {meant}"


def unknown_codes(names: Iterable[str]) -> tuple[str, ...]:
    """What is wrong with a list of codes that somebody has written, one sentence for each that does not exist."""
    return tuple(unknown_code(name) for name in names if code_of(name) is None)


def asks(kind: Kind, protection: Protection) -> bool:
    """Whether this kind needs consent under this protection."""
    if kind.asks_from is None:
        return False
    return PROTECTION_ORDER.index(protection) >= PROTECTION_ORDER.index(kind.asks_from)


def highest(hazards: Iterable[Hazard]) -> Risk:
    """Low where there are none: what changes the catalog alone."""
    return max((one.risk for one in hazards), key=RISK_ORDER.index, default=Risk.LOW)
