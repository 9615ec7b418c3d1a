"""The environments of liftlock.toml as values, with everything that is wrong with the file."""

import re
from collections import defaultdict
from collections.abc import Mapping
from datetime import timedelta
from graphlib import CycleError, TopologicalSorter
from urllib.parse import urlsplit

from app.domain.environment import (
    Dsn,
    Environment,
    OnDrift,
    OnFailure,
    OutOfOrder,
    Protection,
    SchemaCheck,
    SyncPolicy,
    servers_of,
)
from app.domain.job import CONTROL
from app.domain.windows import ALWAYS_OPEN, Windows
from app.registry.places import Places
from app.registry.table import Said, Sheet, TableReader, shown
from app.registry.targets import targets_in

KEYS = (
    "url", "directUrl", "targets", "protection", "onDrift", "onFailure", "outOfOrder", "consent", "maxHoldMs",
    "schemaCheck", "scratchUrl", "requireProof", "requires", "soak", "windows", "sync", "autoRun", "lockTimeoutMs",
    "statementTimeoutMs", "lockTries", "approvals", "beforeRun", "beforeRunTimeout", "notify",
)  # fmt: skip
MOST_MS = 86_400_000
ROOT = "environments"
NOWHERE = Dsn("")

_NAME = re.compile(r"[a-z][a-z0-9_-]{0,62}")
_WORDS = frozenset({"compare", CONTROL})
"""What stands in the place of an environment's name in the paths of the API, and in that of jobs that concern none."""

_STRICT = {
    Protection.OPEN: (OnDrift.WARN, OutOfOrder.WARN),
    Protection.CONFIRM: (OnDrift.REFUSE, OutOfOrder.REFUSE),
    Protection.LOCKED: (OnDrift.REFUSE, OutOfOrder.REFUSE),
}


def read_environments(
    document: Mapping[str, object], environ: Mapping[str, str], file: str, text: str = ""
) -> tuple[dict[str, Environment], list[str]]:
    """The environments in the file's order, and a line for each problem. `url` may be `env:NAME` or `file:PATH`.

    `text`: of the file, for the lines of its keys.
    """
    sheet = Sheet(file, Places(text), environ)
    for key in document:
        # the command line's own table stands in the same file
        if key not in ("environments", "cli"):
            sheet.say((key,), f"unknown key {key!r}; it takes [environments.NAME]")
    tables = document.get("environments")
    if not isinstance(tables, Mapping) or not tables:
        sheet.say((), "no environment; write [environments.development] with a url")
        return {}, sheet.problems
    found: dict[str, Environment] = {}
    for name, table in tables.items():
        found[name] = _environment(name, TableReader(sheet, (ROOT, name), table))
    _check_together(found, list(tables), sheet)
    return found, sheet.problems


def read_one(
    name: str, document: Mapping[str, object], others: Mapping[str, Environment], environ: Mapping[str, str]
) -> tuple[Environment | None, list[Said]]:
    """One environment beside `others`, as a table of the file says it; None where it cannot be read at all."""
    sheet = Sheet("", Places(""), environ)
    environment = _environment(name, TableReader(sheet, (ROOT, name), document))
    together = {**others, name: environment}
    _check_together(together, list(together), sheet, name)
    said = [one for one in sheet.said if one.path[:2] == (ROOT, name)]
    return None if environment.dsn is NOWHERE else environment, said


def _check_together(found: Mapping[str, Environment], names: list[str], sheet: Sheet, of: str | None = None) -> None:
    """`of`: the one that a circle is said of where it is a part of it."""
    _check_addresses(found, sheet)
    _check_order(found, names, sheet)
    _check_circles(found, sheet, of)


def default_protection(name: str) -> Protection:
    """An environment that is called production is protected as one, unless the file says otherwise."""
    match name:
        case "production" | "prod":
            return Protection.LOCKED
        case "staging":
            return Protection.CONFIRM
        case _:
            return Protection.OPEN


def _environment(name: str, table: TableReader) -> Environment:
    """At NOWHERE where its address cannot be read: whatever else is wrong with it is said as well."""
    if not _NAME.fullmatch(name):
        table.say(None, f"the name must match ^{_NAME.pattern}$")
    if name in _WORDS:
        table.say(None, f"the name {name!r} is a word of Liftlock's own; choose another")
    table.refuse_unknown(KEYS)
    protection = table.choice("protection", Protection, default_protection(name))
    on_drift, out_of_order = _STRICT[protection]
    targets = targets_in(table, _NAME)
    dsn = next((one.dsn for one in targets), None) if "targets" in table.table else table.needed_address("url")
    milliseconds = "a whole number of milliseconds above 0"
    requires = table.names("requires", 'the names of environments, such as ["staging"]')
    return Environment(
        name=name,
        dsn=dsn or NOWHERE,
        protection=protection,
        on_drift=table.choice("onDrift", OnDrift, on_drift),
        on_failure=table.choice("onFailure", OnFailure, OnFailure.STOP),
        out_of_order=table.choice("outOfOrder", OutOfOrder, out_of_order),
        consent=table.consent(),
        direct=table.address("directUrl"),
        max_hold_ms=table.number("maxHoldMs", 1, MOST_MS, milliseconds),
        schema_check=table.choice("schemaCheck", SchemaCheck, SchemaCheck.JOB),
        scratch=table.address("scratchUrl"),
        require_proof=table.flag("requireProof", False),
        requires=requires,
        soak=_soak(table, requires),
        windows=_windows(table),
        sync=_sync(table, requires),
        auto_run=table.flag("autoRun", None),
        lock_timeout_ms=table.number("lockTimeoutMs", 1, MOST_MS, milliseconds),
        statement_timeout_ms=table.number("statementTimeoutMs", 1, MOST_MS, milliseconds),
        before_run=table.arguments("beforeRun"),
        before_run_timeout=table.duration("beforeRunTimeout") or timedelta(hours=6),
        approvals=table.number("approvals", 0, 10, "how many people have to approve a job, from 0 to 10") or 0,
        notify=table.names("notify", 'the names of webhooks, such as ["on-call"]') if "notify" in table.table else None,
        lock_tries=table.number("lockTries", 1, 1000, "a whole number from 1 to 1000"),
        targets=targets,
    )


def _soak(table: TableReader, requires: tuple[str, ...]) -> timedelta:
    soak = table.duration("soak")
    if soak is not None and not requires:
        table.say("soak", "`soak` says for how long a migration has to stand where `requires` wants it; name that too")
    return soak or timedelta()


def _windows(table: TableReader) -> Windows:
    reader = table.under("windows")
    if reader is None:
        return ALWAYS_OPEN
    reader.refuse_unknown(("allow", "deny", "timezone"))
    zone = reader.zone("timezone")
    return Windows(reader.windows("allow", zone), reader.windows("deny", zone))


def _sync(table: TableReader, requires: tuple[str, ...]) -> SyncPolicy | None:
    reader = table.under("sync")
    if reader is None:
        return SyncPolicy(requires[0]) if requires else None
    reader.refuse_unknown(("from", "every"))
    sources = reader.names("from", 'the name of an environment, such as "staging"')
    if len(sources) > 1:
        reader.say("from", "`from` takes one environment")
    source = sources[0] if sources else next(iter(requires), None)
    every = reader.duration("every")
    if every is not None and every < timedelta(minutes=1):
        reader.say("every", f"every = {shown(reader.table['every'])}: takes at least a minute")
    if source is None:
        reader.say(None, "`from` is missing; name the environment that this one follows")
        return None
    return SyncPolicy(source, every)


def _check_addresses(found: Mapping[str, Environment], sheet: Sheet) -> None:
    """Two environments on one database would undo each other's work."""
    seen: dict[tuple[str | None, int, str], list[Environment]] = defaultdict(list)
    for name, environment in found.items():
        for one in environment.each() if environment.dsn is not NOWHERE else ():
            path = urlsplit(one.dsn.secret).path
            places = [seen[(*server, path)] for server in servers_of(one.dsn.secret)]
            there = [other for place in places for other in place]
            twin = next((other for other in there if other.scope == one.scope or not (other.scope and one.scope)), None)
            if twin is not None:
                what = f"the schema {one.scope} of " if twin.scope and one.scope else ""
                sheet.say(
                    (ROOT, name, "url" if one.part_of is None else "targets"),
                    f"{twin.name} and {one.name} have {what}the same database {one.dsn}; give each its own",
                )
            for place in places:
                place.append(one)


def _check_order(found: Mapping[str, Environment], names: list[str], sheet: Sheet) -> None:
    """What an environment requires or follows must be there, and be another."""
    for name, environment in found.items():
        wanted = [("requires", one) for one in environment.requires]
        if environment.sync is not None and environment.sync.source not in environment.requires:
            wanted.append(("sync", environment.sync.source))
        for key, other in wanted:
            said = f"[environments.{name}]: {key}"
            if other == name:
                sheet.say((ROOT, name, key), f"{said}: {name} names itself")
            elif other not in names:
                known = ", ".join(one for one in names if one != name) or "no other"
                sheet.say((ROOT, name, key), f"{said}: there is no environment {other!r}; there is {known}")


def _check_circles(found: Mapping[str, Environment], sheet: Sheet, of: str | None) -> None:
    """Each of them; that one names itself is said elsewhere."""
    needs = {name: [one for one in environment.requires if one != name] for name, environment in found.items()}
    while (cycle := _circle(needs)) is not None:
        sheet.say(
            (ROOT, of if of is not None and of in cycle else cycle[0], "requires"),
            f"`requires` goes in a circle: {' requires '.join(reversed(cycle))}; nothing could ever run in any",
        )
        needs = {name: needed for name, needed in needs.items() if name not in cycle}


def _circle(needs: Mapping[str, list[str]]) -> list[str] | None:
    try:
        TopologicalSorter(needs).prepare()
    except CycleError as error:
        return list(error.args[1])
    return None
