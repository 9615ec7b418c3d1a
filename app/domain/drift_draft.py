"""A migration file written from a drift: it takes the change over for good, or back."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from app.domain.drift import Drift
from app.domain.environment import PART
from app.domain.ledger import History
from app.domain.migration import Catalog, Migration, VersionKey, version_key
from app.domain.schema_diff import Script, adopting, restoring
from app.domain.settling import Resolution

LONGEST_REMARK = 110
NOT_READ_YET = "SET LOCAL check_function_bodies = off; -- a function may come before the table that it reads"
_DROPS = re.compile(
    r"^((?:ALTER TABLE (?:ONLY )?\S+ DROP (?:COLUMN|CONSTRAINT))"
    r"|DROP (?:INDEX|(?:FOREIGN )?TABLE|(?:MATERIALIZED )?VIEW|SEQUENCE|TYPE|DOMAIN|FUNCTION|PROCEDURE)"
    r"|DROP (?:TRIGGER|POLICY|STATISTICS|SCHEMA|EXTENSION)) (?!IF EXISTS )"
)
_FUNCTION = re.compile(r"CREATE (OR REPLACE )?(FUNCTION|PROCEDURE)\b")


@dataclass(frozen=True, slots=True)
class Draft:
    """`left`: objects for which no SQL could be written; they are named in the file too."""

    name: str
    file: str
    text: str
    left: tuple[str, ...] = ()


def version_for(catalog: Catalog, now: datetime) -> str:
    """Behind all files."""
    return next_version(max(catalog.migrations, key=sorted_by).version if catalog.migrations else None, now)


def version_among(catalog: Catalog, history: History, now: datetime) -> str:
    """Behind what is applied and before what is pending there, which would be out of order behind it: 0008.1."""
    ordered = sorted(catalog.migrations, key=sorted_by)
    places = [place for place, one in enumerate(ordered) if history.is_applied(one.name)]
    if places and places[-1] + 1 < len(ordered):
        before, behind = ordered[places[-1]].version, ordered[places[-1] + 1].version
        between = f"{before}.1"
        if version_key(before) < version_key(between) < version_key(behind):
            return between
    return version_for(catalog, now)


def sorted_by(migration: Migration) -> tuple[VersionKey, str]:
    return migration.sort_key


def next_version(newest: str | None, now: datetime) -> str:
    """In the style of the folder, so that later files do not sort before it: 0007, 1.4.2; else the moment."""
    stamp = f"{now:%Y%m%d%H%M%S}"
    if newest is None or (newest.isdecimal() and len(newest) == len(stamp) and newest < stamp):
        return stamp
    head, separator, last = newest.rpartition(".")
    if not last.isdecimal():
        return stamp
    return f"{head}{separator}{str(int(last) + 1).zfill(len(last))}"


def draft_of(drift: Drift, resolution: Resolution, now: datetime, version: str) -> Draft:
    """Adopting, its up makes of the recorded schema the found one; reverting, the other way round."""
    there, back = adopting(drift.differences), restoring(drift.differences)
    if resolution is Resolution.REVERT_DRIFT:
        there, back = _where_it_is(back), there
    where = drift.environment.replace(PART, "-")
    name = f"{resolution.value.replace('_', '-')}-{where}-{now:%Y%m%d%H%M%S}"
    return Draft(name, f"{version}_{name}.sql", _text(drift, name, version, resolution, there, back), there.left)


def _where_it_is(script: Script) -> Script:
    """Without failing where the change was never made: the file goes through every environment, in their order."""
    return replace(script, statements=tuple(_DROPS.sub(r"\1 IF EXISTS ", sql) for sql in script.statements))


def _text(drift: Drift, name: str, version: str, resolution: Resolution, there: Script, back: Script) -> str:
    does = "takes over" if resolution is Resolution.ADOPT_DRIFT else "takes back"
    return "\n".join(
        [
            f"-- name: {name}",
            f"-- version: {version}",
            "--",
            f"-- Written by Liftlock: {does} what was changed in {drift.environment} by other means after job",
            f"-- {drift.recorded.job_id} had left its schema. Look at it before it is run anywhere.",
            *(f"--   {one.text.splitlines()[0][:LONGEST_REMARK]}" for one in drift.differences),
            "",
            "-- migrate:up",
            *_section(there),
            "",
            "-- migrate:down",
            *_section(back),
            "",
        ]
    )


def _section(script: Script) -> Sequence[str]:
    left = [f"-- not written, since there is no SQL for it: {' '.join(one.split())}" for one in script.left]
    later = [NOT_READ_YET] if any(_FUNCTION.match(sql) for sql in script.statements) else []
    return (*left, *later, *(f"{sql};" for sql in script.statements)) or ("-- nothing",)
