"""What a migration is: a name, a version, dependencies, up, down and an optional verify."""

import hashlib
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property, lru_cache
from typing import NewType

from app.domain.problem import Problem
from app.domain.statements import ParsedScript, parse_script

MigrationName = NewType("MigrationName", str)
VersionKey = tuple[tuple[int, int, str], ...]

RESERVED_NAMES = frozenset({"conflicts", "graph", "mark", "plan", "reset", "rollback", "run", "verify"})
MAX_NAME_CHARS = 200

_NUMBER_OR_TEXT = re.compile(r"(\d+)|([^\d.\-_+\s]+)")


class Direction(StrEnum):
    UP = "up"
    DOWN = "down"


@dataclass(frozen=True, slots=True)
class Checksum:
    """SHA-256 of the file's raw bytes, and of its tokens without comments and white space."""

    raw: bytes
    token: bytes

    @classmethod
    def of(cls, raw: bytes, tokens: str) -> "Checksum":
        return cls(hashlib.sha256(raw).digest(), hashlib.sha256(tokens.encode()).digest())


@dataclass(frozen=True)
class SqlScript:
    """One section of SQL: `text` begins at `line` (1-based) of `file`.

    `declared_alone`: its author says that no transaction may be around it.
    """

    text: str
    file: str
    line: int = 1
    declared_alone: bool = False

    @cached_property
    def parsed(self) -> ParsedScript:
        return parse_script(self.text, self.line)

    @property
    def transactional(self) -> bool:
        """Whether it runs in one transaction with its ledger row."""
        return not (self.declared_alone or self.parsed.non_transactional)


@dataclass(frozen=True, slots=True)
class PythonScript:
    """One method of a Python file: `text` is the whole file as it was read.

    `repeatable` False: what it does outside of the database forbids that it is tried out first and then run for good.
    `folder` is where the file was read.
    """

    text: str
    file: str
    method: str
    repeatable: bool = True
    folder: str = ""


Body = SqlScript | PythonScript


@dataclass(frozen=True)
class Migration:
    """One file. `irreversible` is the author's reason why there is no way back."""

    name: MigrationName
    version: str
    up: Body
    checksum: Checksum
    file: str
    source_format: str = "sql"
    dependencies: tuple[MigrationName, ...] = ()
    down: Body | None = None
    verify: SqlScript | None = None
    irreversible: str | None = None
    sort_key: tuple[VersionKey, str] = field(init=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "sort_key", (version_key(self.version), self.name))

    @property
    def reversible(self) -> bool:
        return self.down is not None


@dataclass(frozen=True, eq=False)
class Catalog:
    """All migrations of a source, in no order, and the problems of the files that gave none.

    A source gives the same object for as long as no file has changed, so its identity is what is compared.
    """

    migrations: tuple[Migration, ...] = ()
    problems: tuple[Problem, ...] = ()

    def by_name(self) -> dict[str, Migration]:
        return {migration.name: migration for migration in self.migrations}


Action = Callable[[object], Awaitable[object]]


@lru_cache(maxsize=65536)
def version_key(version: str) -> VersionKey:
    """Order versions as people read them: `9` before `10`, `1.2` before `1.10`, numbers before words."""
    return tuple((0, int(number), "") if number else (1, 0, text) for number, text in _NUMBER_OR_TEXT.findall(version))


def name_problem(name: str) -> str | None:
    """Why `name` cannot name a migration, or None."""
    if not name.strip():
        return "the name is empty; give the migration a name"
    if len(name) > MAX_NAME_CHARS:
        return f"the name has {len(name)} characters; at most {MAX_NAME_CHARS} are allowed"
    if name != name.strip() or not name.isprintable() or "/" in name:
        return "the name may not hold control characters, a slash, or white space at its ends"
    if name in RESERVED_NAMES:
        return f"the name {name!r} is a word of the HTTP API; choose another"
    return None
