"""Scratch databases: how they are named, which of them are left over, and what may not be run on them."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

from app.domain.migration import Body, PythonScript, SqlScript
from app.domain.statements import Statement, token_text

PREFIX = "liftlock_scratch_"
OLD = timedelta(hours=1)

_NAME = re.compile(rf"{PREFIX}[0-9a-f]{{12}}_[0-9]+")
_COMMENT = re.compile(r"Liftlock: scratch database of job ([0-9a-f-]{36}), made at (\S+)")

_SHARED = (
    r"(?:(?:CREATE|ALTER|DROP)\s+(?:ROLE|USER(?!\s+MAPPING)|GROUP|DATABASE|TABLESPACE|SUBSCRIPTION)|ALTER\s+SYSTEM"
    r"|(?:REASSIGN|DROP)\s+OWNED|(?:COMMENT|SECURITY\s+LABEL.*?)\s+ON\s+(?:ROLE|DATABASE|TABLESPACE)"
    r"|(?:GRANT|REVOKE)\b(?!.*?\bON\b)|(?:GRANT|REVOKE)\b[^;]*?\bON\s+(?:DATABASE|TABLESPACE|PARAMETER)"
    r"|COPY\b[^;]*?\b(?:PROGRAM\b|TO\s*'))"
)
_HEAD = re.compile(rf"\s*({_SHARED})", re.IGNORECASE | re.DOTALL)
_INSIDE = re.compile(
    r"\b((?:CREATE|ALTER|DROP)\s+(?:ROLE|USER(?!\s+MAPPING)|GROUP|DATABASE|TABLESPACE|SUBSCRIPTION)"
    r"|ALTER\s+SYSTEM|(?:REASSIGN|DROP)\s+OWNED|(?:GRANT|REVOKE)\b[^;]*?\bON\s+(?:DATABASE|TABLESPACE|PARAMETER))\b",
    re.IGNORECASE,
)
_CALLS = re.compile(
    r"\b(dblink\w*|pg_terminate_backend|pg_cancel_backend|pg_reload_conf|pg_promote|pg_switch_wal|lo_export"
    r"|pg_create_\w+_slot|pg_drop_replication_slot|pg_replication_origin_\w+|pg_file_write)\s*\(",
    re.IGNORECASE,
)
_OPAQUE = ("DO", "CREATE FUNCTION", "CREATE PROCEDURE", "CREATE OR REPLACE FUNCTION", "CREATE OR REPLACE PROCEDURE")


class CopyWay(StrEnum):
    """How the schema of the target came into the scratch database."""

    DUMP = "dump"
    REPLAY = "replay"
    GENERATED = "generated"


@dataclass(frozen=True, slots=True)
class Copied:
    """`notices`: why no better way was taken, and what could not be carried over, a sentence each."""

    way: CopyWay
    notices: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Leftover:
    """A scratch database that stands on a server. `age` by the server's clock."""

    database: str
    job_id: UUID
    age: timedelta
    connections: int

    def may_go(self, job_ended: bool) -> bool:
        """A dead worker's backend may still be at work: it goes once nobody is connected."""
        return self.connections == 0 and (job_ended or self.age > OLD)


def scratch_name(job_id: UUID, attempt: int) -> str:
    """Of the id its random half: jobs of the same millisecond share the other one."""
    return f"{PREFIX}{job_id.hex[-12:]}_{attempt}"


def scratch_comment(job_id: UUID, made_at: datetime) -> str:
    return f"Liftlock: scratch database of job {job_id}, made at {made_at.isoformat()}"


def leftover(database: str, comment: str | None, now: datetime, connections: int) -> Leftover | None:
    """None for a database that is not ours: both its name and its comment must say so, and of the same job."""
    said = _COMMENT.fullmatch(comment or "")
    if not _NAME.fullmatch(database) or said is None:
        return None
    try:
        job_id, made_at = UUID(said[1]), datetime.fromisoformat(said[2])
    except ValueError:
        return None
    if made_at.tzinfo is None or not database.startswith(scratch_name(job_id, 0)[:-1]):
        return None
    return Leftover(database, job_id, now - made_at, connections)


def reaches_outside(body: Body | None) -> str | None:
    """What in a script would change more than the database it runs in, with its place; None where nothing is seen.

    Roles, other databases and settings of the server are the target's too when the scratch database is on its
    server. What a DO block, a function or a Python file builds at run time is searched as text: rather one too
    many than one too few.
    """
    match body:
        case SqlScript():
            found = next(_outside(body), None)
            return None if found is None else f"{found[0]} ({body.file}:{body.line + found[1].line - 1})"
        case PythonScript():
            at = _INSIDE.search(body.text) or _CALLS.search(body.text)
            return None if at is None else f"{_word(at[1])} ({body.file}:{body.text.count(chr(10), 0, at.start()) + 1})"
        case None:
            return None


def _outside(script: SqlScript) -> Iterator[tuple[str, Statement]]:
    for statement in script.parsed.statements:
        text = token_text(statement.text)
        opaque = statement.verb.startswith(_OPAQUE)
        at = (_INSIDE.search(text) if opaque else _HEAD.match(text)) or _CALLS.search(text)
        if at is not None:
            yield _word(at[1]), statement


def _word(found: str) -> str:
    return " ".join(found.upper().split()[:3]).rstrip("(")
