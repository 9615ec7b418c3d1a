"""What PostgreSQL says that a role may not do, and the statement that lets it."""

import re
from collections.abc import Callable

LEDGER, CONTROL = "liftlock", "liftlock_control"
LEDGER_TABLES = frozenset(
    {
        "fence", "job_done", "ledger_version", "migration_events", "migrations", "plans", "preserved", "schema_state",
        "settings", "step_statements", "steps",
    }
)  # fmt: skip
NO_CONNECT = "CONNECT privilege"

BY_THEIR_OWNER = (
    "bring Liftlock's own tables up to this release as the role that owns them, "
    "DATABASE_URL=postgresql://OWNER@… python -m app.installing, and let this one work with them as deploy/roles.sql "
    "says"
)
SPARED = "REVOKE UPDATE, DELETE, TRUNCATE, REFERENCES, TRIGGER ON {audit} FROM {role}"
"""The audit trail is added to and read, and nothing else."""

Quote = Callable[[str], str]

_DENIED = re.compile(r"permission denied for (database|schema|table|view|sequence|function) (.+)")
_NOT_OWNER = re.compile(r"must be owner of (table|view|materialized view|sequence|schema|type) (.+)")
_RIGHTS = {"schema": "USAGE, CREATE", "function": "EXECUTE"}
_AS_OWNER, _AS_SUPERUSER = "as its owner run: ", "as a superuser run: "


def remedy(said: str, role: str, schema: str, quote: Quote) -> str:
    """`said`: in English, as servers do unless they are told otherwise. `schema`: where our own tables are that it may
    be about. PostgreSQL names none, so that of another table is left to whoever reads it."""
    first = said.partition("\n")[0]
    if (denied := _DENIED.fullmatch(first)) is not None:
        kind, name = denied[1], denied[2].strip('"')
        lacking = _lacking(kind, name, said, schema, quote)
        granted = [f"GRANT {one} TO {quote(role)}" for one in lacking]
        if any(one.endswith(f"TABLES IN SCHEMA {quote(CONTROL)}") for one in lacking):
            granted.append(SPARED.format(audit=f"{quote(CONTROL)}.audit", role=quote(role)))
        return _AS_OWNER + "; ".join(granted)
    if (owned := _NOT_OWNER.fullmatch(first)) is not None:
        kind, name = owned[1], owned[2]
        place = f"{quote(schema)}." if _is_ours(kind, name, schema) else ""
        return f"{_AS_SUPERUSER}ALTER {kind.upper()} {place}{quote(name)} OWNER TO {quote(role)}"
    return "grant it that right, or connect as the owner of what it is about"


def _lacking(kind: str, name: str, said: str, schema: str, quote: Quote) -> list[str]:
    if kind == "database":
        return [f"{'CONNECT, ' * (NO_CONNECT in said)}CREATE ON DATABASE {quote(name)}"]
    if _is_ours(kind, name, schema):
        return [f"ALL ON ALL {kind.upper()}S IN SCHEMA {quote(schema)}"]
    # a view is granted as a table is
    what = "TABLE" if kind == "view" else kind.upper()
    right = f"{_RIGHTS.get(kind, 'ALL')} ON {what} {quote(name)}"
    return [right, f"ALL ON ALL TABLES IN SCHEMA {quote(name)}"] if name in (LEDGER, CONTROL) else [right]


def _is_ours(kind: str, name: str, schema: str) -> bool:
    """The control database is asked for nothing but our own."""
    return kind in ("table", "sequence") and (schema == CONTROL or name in LEDGER_TABLES)
