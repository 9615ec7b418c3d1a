"""One table of liftlock.toml, key by key: a value, or what is wrong with it and on which line."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from pathlib import Path
from typing import TypeVar
from zoneinfo import ZoneInfo

from app.domain.environment import Dsn, is_postgres_url
from app.domain.hazards import unknown_codes
from app.domain.windows import LONGEST_WINDOW, Window, cron_problem
from app.registry.places import Places

E = TypeVar("E", bound=StrEnum)
T = TypeVar("T")

_DURATION = re.compile(r"([1-9][0-9]{0,5})([smhd])")
_UNITS = {"s": timedelta(seconds=1), "m": timedelta(minutes=1), "h": timedelta(hours=1), "d": timedelta(days=1)}
LONGEST_ADDRESS = 10_000
MOST_SHOWN = 200
NO_TABLE = "takes a table of keys and values"
DURATION_SHAPE = 'takes a duration, such as "30m", "24h" or "2d"'


@dataclass(frozen=True, slots=True)
class Said:
    """A problem, and the key that it is about."""

    path: tuple[str, ...]
    problem: str


class Sheet:
    """What is said of one file: its name, the lines of its keys, the process's variables, the problems found."""

    def __init__(self, file: str, places: Places, environ: Mapping[str, str]) -> None:
        self.environ = environ
        self.said: list[Said] = []
        self._file = file
        self._places = places

    def say(self, path: Sequence[str], problem: str) -> None:
        self.said.append(Said(tuple(path), problem))

    @property
    def problems(self) -> list[str]:
        return [f"{self._place(one.path)}: {one.problem}" for one in self.said]

    def _place(self, path: tuple[str, ...]) -> str:
        line = self._places.line_of(path)
        return self._file if line is None else f"{self._file}:{line}"


class TableReader:
    """Reads the keys of `[a.b]`; a value that is wrong is said on the sheet, and the default taken."""

    def __init__(self, sheet: Sheet, path: tuple[str, ...], table: object) -> None:
        self._sheet = sheet
        self._path = path
        self.table: Mapping[str, object] = table if isinstance(table, Mapping) else {}
        self.is_table = isinstance(table, Mapping)
        if not self.is_table:
            self.say(None, NO_TABLE)

    def say(self, key: str | None, problem: str) -> None:
        path = self._path if key is None else (*self._path, key)
        self._sheet.say(path, f"[{'.'.join(self._path)}]: {problem}")

    def refuse_unknown(self, known: Sequence[str]) -> None:
        for key in self.table:
            if key not in known:
                self.say(key, f"unknown key {key!r}; it takes {', '.join(known)}")

    def under(self, key: str) -> "TableReader | None":
        return TableReader(self._sheet, (*self._path, key), self.table[key]) if key in self.table else None

    def at(self, key: str, place: int) -> "TableReader":
        """One table of a list of them."""
        listed = self.table[key]
        assert isinstance(listed, list)
        return TableReader(self._sheet, (*self._path, key, str(place)), listed[place])

    def needed_address(self, key: str) -> Dsn | None:
        given = self.table.get(key)
        if not isinstance(given, str) or not given:
            self.say(key, f'`{key}` is missing; write postgresql://user@host/database, "env:NAME" or "file:PATH"')
            return None
        url = self._resolved(key, given)
        if url is None:
            return None
        if not is_postgres_url(url):
            self.say(key, f"`{key}` is not understood; it takes postgresql://user:password@host:5432/database")
            return None
        return Dsn(url)

    def address(self, key: str) -> Dsn | None:
        return self.needed_address(key) if key in self.table else None

    def choice(self, key: str, kind: type[E], default: E) -> E:
        given = self.table.get(key, default.value)
        try:
            return kind(str(given))
        except ValueError:
            self.say(key, f"{key} = {shown(given)}: takes one of {', '.join(member.value for member in kind)}")
            return default

    def flag(self, key: str, default: T) -> bool | T:
        given = self.table.get(key, default)
        if key in self.table and not isinstance(given, bool):
            self.say(key, f"{key} = {shown(given)}: takes true or false")
            return default
        return given  # type: ignore[return-value]

    def number(self, key: str, least: int, most: int, what: str) -> int | None:
        given = self.table.get(key)
        if given is None or (type(given) is int and least <= given <= most):
            return given
        self.say(key, f"{key} = {shown(given)}: takes {what}")
        return None

    def duration(self, key: str) -> timedelta | None:
        if key not in self.table:
            return None
        found = _duration_of(self.table[key])
        if found is None:
            self.say(key, f"{key} = {shown(self.table[key])}: {DURATION_SHAPE}")
        return found

    def names(self, key: str, example: str) -> tuple[str, ...]:
        """A list of texts; one text alone is a list of one."""
        given = self.table.get(key, [])
        listed = [given] if isinstance(given, str) else given
        if isinstance(listed, list) and all(isinstance(one, str) and one for one in listed):
            return tuple(dict.fromkeys(listed))
        self.say(key, f"{key} = {shown(given)}: takes {example}")
        return ()

    def arguments(self, key: str) -> tuple[str, ...]:
        given = self.table.get(key, [])
        if isinstance(given, list) and all(isinstance(one, str) and "\x00" not in one for one in given):
            return tuple(given)
        self.say(key, f'{key} takes a list of arguments, such as ["pg_dump", "--file=/backups/shop.sql"]')
        return ()

    def consent(self) -> frozenset[str]:
        given = self.table.get("consent", [])
        if not isinstance(given, list) or not all(isinstance(one, str) for one in given):
            self.say("consent", '`consent` takes a list of hazard names, such as ["DATA_LOSS"]')
            return frozenset()
        for problem in unknown_codes(given):
            self.say("consent", f"`consent`: {problem}")
        return frozenset(given)

    def windows(self, key: str, zone: str) -> tuple[Window, ...]:
        given = self.table.get(key, [])
        if not isinstance(given, list):
            self.say(key, f'{key} takes a list of windows, such as [{{ cron = "0 22 * * 1-4", duration = "6h" }}]')
            return ()
        found = (self._window(key, one, zone) for one in given)
        return tuple(window for window in found if window is not None)

    def zone(self, key: str) -> str:
        given = self.table.get(key, "UTC")
        try:
            ZoneInfo(str(given))
        except (KeyError, ValueError, OSError):
            self.say(key, f'{key} = {shown(given)}: takes the name of a time zone, such as "Europe/Berlin"')
            return "UTC"
        return str(given)

    def _window(self, key: str, given: object, zone: str) -> Window | None:
        if not isinstance(given, Mapping) or set(given) != {"cron", "duration"}:
            self.say(key, f'{key}: {shown(given)} is no window; write {{ cron = "0 22 * * 1-4", duration = "6h" }}')
            return None
        cron = given["cron"] if isinstance(given["cron"], str) else shown(given["cron"])
        duration = _duration_of(given["duration"])
        wrong = cron_problem(cron)
        if wrong is not None:
            self.say(key, f"{key}: cron = {shown(cron)}: {wrong}")
        if duration is None or duration > LONGEST_WINDOW:
            self.say(key, f"{key}: duration = {shown(given['duration'])}: {DURATION_SHAPE}, of at most 31 days")
        return None if wrong is not None or duration is None else Window(cron, duration, zone)

    def _resolved(self, key: str, given: str) -> str | None:
        kind, _, rest = given.partition(":")
        if kind == "env":
            value = self._sheet.environ.get(rest)
            if not value:
                self.say(key, f"`{key}` names the variable {rest}, which is not set")
            return value or None
        if kind == "file":
            return self._of_file(key, rest)
        return given

    def _of_file(self, key: str, path: str) -> str | None:
        try:
            return _read(Path(path))
        except (OSError, ValueError) as error:
            # a path with a NUL is a ValueError, and so is what is no UTF-8
            self.say(key, f"`{key}` names the file {path}, which cannot be read ({error})")
            return None


def shown(value: object) -> str:
    """Short enough to be said; a number of thousands of digits is none that Python says."""
    try:
        text = repr(value)
    except ValueError:
        return "what holds a number of thousands of digits"
    return text if len(text) <= MOST_SHOWN else f"{text[:MOST_SHOWN]}…"


def _read(path: Path) -> str:
    """An address is short: a device or a pipe, which may never come to an end, is not even opened.

    Raises OSError or ValueError.
    """
    if not path.is_file():
        raise OSError("it is not there, or is no ordinary file")
    with path.open(encoding="utf-8") as file:
        text = file.read(LONGEST_ADDRESS + 1)
    if len(text) > LONGEST_ADDRESS:
        raise ValueError(f"it holds more than {LONGEST_ADDRESS} characters")
    return text.strip()


def _duration_of(given: object) -> timedelta | None:
    match = _DURATION.fullmatch(given) if isinstance(given, str) else None
    return None if match is None else int(match[1]) * _UNITS[match[2]]
