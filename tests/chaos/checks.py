"""What must be true of the databases once everything is quiet, whatever happened before; each breach as a sentence."""

import json
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from itertools import groupby, pairwise
from typing import Any

from app.domain.job import HELD_NOTHING, JobKind, JobState, may_move
from tests.support.eventually import eventually
from tests.support.servers import fetch, value

LEFT_OPEN_S = 5.0

Ask = Callable[[str, str], list[Any]]

EFFECTS = """
    CREATE TABLE effects (
        id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        name text NOT NULL,
        direction text NOT NULL,
        xid xid8 NOT NULL DEFAULT pg_current_xact_id(),
        at timestamptz NOT NULL DEFAULT clock_timestamp())
"""
"""Without a key on purpose: what is done twice stands there twice."""

_HAS_LEDGER = "SELECT to_regclass('liftlock.steps') IS NOT NULL"
_EFFECTS = "SELECT name, direction, xid::text AS xid FROM effects ORDER BY id"
_STEPS = (
    "SELECT job_id, step, name, direction, xid::text AS xid, at FROM liftlock.steps"
    " WHERE scope = '' AND name <> 'alone' AND NOT EXISTS (SELECT FROM liftlock.plans p WHERE p.scope = steps.scope"
    "   AND p.job_id = steps.job_id AND p.plan -> 'steps' -> 0 ->> 'deed' = 'retrieved') ORDER BY at"
)
"""But for those that only put kept rows into a table: they carry out nothing."""

_EVENTS = (
    "SELECT name, event FROM liftlock.migration_events WHERE scope = '' AND event <> 'failed'"
    " AND name <> 'alone' ORDER BY id"
)
_COMPLETED = "SELECT name FROM liftlock.migrations WHERE scope = '' AND status = 'completed' AND name <> 'alone'"
_TABLES = "SELECT substr(tablename, 3) AS name FROM pg_tables WHERE schemaname = 'public' AND tablename LIKE 'm\\_%'"
_LATE = """
    SELECT s.job_id, s.step FROM liftlock.steps s JOIN liftlock.job_done d USING (scope, job_id) WHERE s.at > d.at
"""
_HAS_ALONE = "SELECT to_regclass('public.loose') IS NOT NULL AND to_regclass('liftlock.step_statements') IS NOT NULL"
_ALONE = """
    SELECT (SELECT status FROM liftlock.migrations WHERE scope = '' AND name = 'alone') AS status,
           (SELECT count(*) FROM liftlock.step_statements) AS half_way,
           (SELECT array_agg(direction ORDER BY id) FROM loose) AS went,
           (SELECT array_agg(DISTINCT touched) FROM base) AS touched,
           EXISTS (SELECT 1 FROM pg_index WHERE indexrelid = to_regclass('base_by_touched') AND indisvalid) AS indexed
"""
_UNDONE = "SELECT job_id, count(*) FROM liftlock.steps WHERE scope = '' AND direction = 'down' GROUP BY job_id"
_INVALID = "SELECT indexrelid::regclass::text AS name FROM pg_index WHERE NOT indisvalid"
_ADVISORY = "SELECT pid FROM pg_locks WHERE locktype = 'advisory'"
_IDLE = """
    SELECT pid, query, xact_start FROM pg_stat_activity
    WHERE state LIKE 'idle in transaction%' AND application_name LIKE 'liftlock%'
"""
_JOBS = """
    SELECT j.*, t.name AS environment FROM liftlock_control.jobs j
    JOIN liftlock_control.targets t ON t.id = j.target_id ORDER BY j.id
"""
_JOB_EVENTS = "SELECT * FROM liftlock_control.job_events ORDER BY id"
_CONFLICTS = "SELECT job_id, kind FROM liftlock_control.conflicts WHERE job_id IS NOT NULL"
_FINAL = frozenset(state.value for state in JobState if state.final)


def of_target(dsn: str) -> list[str]:
    """As `under_way`; and nothing is held any more."""
    held = _stuck(dsn) if value(dsn, _HAS_LEDGER) else []
    return [
        *under_way(dsn),
        *_alone(dsn),
        *(f"the fence is still held by job {row['job_id']}" for row in held),
        *of_leftovers(dsn),
    ]


def under_way(dsn: str, ask: Ask = fetch) -> list[str]:
    """What holds at every moment: each step took effect once, no two jobs interleaved, the ledger is the schema."""
    effects = ask(dsn, _EFFECTS)
    if not ask(dsn, _HAS_LEDGER)[0][0]:
        return ["effects without a ledger"] if effects else []
    steps = ask(dsn, _STEPS)
    return [
        *_once(effects, steps),
        *_in_turn(effects),
        *_as_recorded(effects, ask(dsn, _EVENTS)),
        *_not_interleaved(effects, steps),
        *_ledger_is_schema(effects, ask(dsn, _COMPLETED), ask(dsn, _TABLES)),
        *(f"job {row['job_id']} did step {row['step']} after its end" for row in ask(dsn, _LATE)),
    ]


def _alone(dsn: str) -> list[str]:
    """Of the migration without a transaction: each statement of it once a way, however often it was broken off."""
    if not value(dsn, _HAS_ALONE):
        return []
    (row,) = fetch(dsn, _ALONE)
    went, stands = row["went"] or [], row["status"] == "completed"
    found = [f"alone went {two[1]} twice in a row" for two in pairwise(["down", *went]) if two[0] == two[1]]
    if row["half_way"]:
        return found  # a job of it has failed for good; the next one goes on from there
    if (went[-1:] == ["up"], row["indexed"], row["touched"]) != (stands, stands, [int(stands)]):
        seen = f"its index is there: {row['indexed']}, its rows were touched {row['touched']}"
        found.append(f"alone is {row['status']} and went {went[-2:]}; {seen}")
    return found


def of_leftovers(dsn: str) -> list[str]:
    return [
        *(f"INVALID index {row['name']}" for row in fetch(dsn, _INVALID)),
        *(f"advisory lock held by {row['pid']}" for row in fetch(dsn, _ADVISORY)),
        *(f"transaction of {pid} left open since {since}: {query[:80]}" for pid, query, since in _left_open(dsn)),
    ]


def of_control(dsn: str) -> list[str]:
    """Every job has ended, by legal moves only, and whoever was sent back for a busy target is on record."""
    jobs, events = fetch(dsn, _JOBS), fetch(dsn, _JOB_EVENTS)
    by_job = {job: list(rows) for job, rows in groupby(sorted(events, key=_job_and_id), key=lambda row: row["job_id"])}
    found = [f"job {row['id']} is {row['state']} ({row['reason']})" for row in jobs if row["state"] not in _FINAL]
    for row in jobs:
        found += _legal(row, by_job.get(row["id"], []))
    return [*found, *_explained(events, fetch(dsn, _CONFLICTS)), *of_leftovers(dsn)]


def of_rollbacks(control: str, targets: Mapping[str, str]) -> list[str]:
    """A rollback of k that succeeded took back k; a reset that succeeded left nothing."""
    found: list[str] = []
    jobs = fetch(control, _JOBS)
    for environment, dsn in targets.items():
        if not value(dsn, _HAS_LEDGER):
            continue
        undone = _undone_by(dsn)
        for row in (row for row in jobs if row["environment"] == environment and row["state"] == "succeeded"):
            down, left = undone.get(row["id"], (0, 0))
            wanted = _count(row)
            if row["kind"] == JobKind.ROLLBACK and wanted is not None and down != wanted:
                found.append(f"job {row['id']} was to roll back {wanted} and rolled back {down}")
            if row["kind"] == JobKind.RESET and down and left:
                found.append(f"job {row['id']} was to reset and left {left}")
    return found


def _left_open(dsn: str) -> set[tuple[Any, ...]]:
    """One that is idle between two statements of a living worker ends by itself; one that was left does not."""
    left = {tuple(row) for row in fetch(dsn, _IDLE)}

    def has_ended() -> bool:
        left.intersection_update(tuple(row) for row in fetch(dsn, _IDLE))
        return not left

    with suppress(AssertionError):
        eventually(has_ended, within_s=LEFT_OPEN_S)
    return left


def _once(effects: Iterable[Any], steps: Iterable[Any]) -> list[str]:
    did, noted = Counter(map(_deed, effects)), Counter(map(_deed, steps))
    return [
        *(f"{deed} took effect {did[deed]} times and is noted {noted[deed]} times" for deed in did if did[deed] != 1),
        *(f"{deed} is noted and took no effect" for deed in noted if deed not in did),
        *(f"{deed} took effect and is not noted" for deed in did if deed not in noted),
    ]


def _in_turn(effects: Iterable[Any]) -> list[str]:
    """Up, down, up, down: never the same way twice."""
    last: dict[str, str] = {}
    found = []
    for row in effects:
        if last.get(row["name"], "down") == row["direction"]:
            found.append(f"{row['name']} went {row['direction']} twice in a row")
        last[row["name"]] = row["direction"]
    return found


def _as_recorded(effects: Iterable[Any], events: Iterable[Any]) -> list[str]:
    did = [(row["name"], row["direction"]) for row in effects]
    recorded = [(row["name"], "up" if row["event"] == "run" else "down") for row in events]
    return [] if did == recorded else [f"the ledger's events {recorded[-5:]} are not what was done {did[-5:]}"]


def _not_interleaved(effects: Iterable[Any], steps: Iterable[Any]) -> list[str]:
    owner = {_deed(row): row["job_id"] for row in steps}
    turns = [job for job, _ in groupby(owner.get(_deed(row)) for row in effects)]
    return [f"job {job} worked in {turns.count(job)} turns" for job in set(turns) if turns.count(job) > 1]


def _ledger_is_schema(effects: Iterable[Any], ledger: Iterable[Any], schema: Iterable[Any]) -> list[str]:
    stands = {row["name"]: row["direction"] for row in effects}
    replayed = {name for name, direction in stands.items() if direction == "up"}
    completed = {row["name"] for row in ledger}
    tables = {row["name"] for row in schema}
    if completed == tables == replayed:
        return []
    return [f"the ledger has {sorted(completed)}, the schema {sorted(tables)}, the effects {sorted(replayed)}"]


def _stuck(dsn: str) -> list[Any]:
    return fetch(dsn, "SELECT job_id FROM liftlock.fence WHERE job_id IS NOT NULL")


def _legal(job: Any, events: list[Any]) -> list[str]:
    found, state, attempt = [], None, 0
    for event in events:
        if event["from_state"] != state:
            found.append(f"job {job['id']} went on from {event['from_state']} when it was {state}")
        if state is not None and not may_move(JobState(state), JobState(event["to_state"])):
            found.append(f"job {job['id']} went from {state} to {event['to_state']}")
        if event["attempt"] < attempt:
            found.append(f"job {job['id']} went back to attempt {event['attempt']}")
        state, attempt = event["to_state"], event["attempt"]
    if job["state"] == "cancelled" and job["cancel_requested_at"] is None:
        found.append(f"job {job['id']} is cancelled, and nobody has asked for it")
    if events and events[-1]["from_state"] == "queued" and state in _FINAL and (job["starts"] or _may_hold(events)):
        found.append(f"job {job['id']} may have held its target and was ended from the queue")
    if state != job["state"]:
        found.append(f"job {job['id']} is {job['state']} and was last seen to become {state}")
    return found


def _may_hold(events: list[Any]) -> bool:
    given_back = (
        event["reason"] for event in events if (event["from_state"], event["to_state"]) == ("running", "queued")
    )
    return any(reason not in HELD_NOTHING for reason in given_back)


def _explained(events: Iterable[Any], conflicts: Iterable[Any]) -> list[str]:
    busy = {row["job_id"] for row in events if row["reason"] == "for_target"}
    explained = {row["job_id"] for row in conflicts if row["kind"] == "lock_contention"}
    return [f"job {job} was sent back for a busy target without a record" for job in busy - explained]


def _undone_by(dsn: str) -> dict[Any, tuple[int, int]]:
    """How many steps down each job did, and how many migrations stood after its last step."""
    owner = {_deed(row): row["job_id"] for row in fetch(dsn, _STEPS)}
    undone = {row["job_id"]: int(row["count"]) for row in fetch(dsn, _UNDONE)}
    standing: set[str] = set()
    left: dict[Any, int] = {}
    for row in fetch(dsn, _EFFECTS):
        (standing.add if row["direction"] == "up" else standing.discard)(row["name"])
        left[owner.get(_deed(row))] = len(standing)
    return {job: (count, left.get(job, 0)) for job, count in undone.items()}


def _count(job: Any) -> int | None:
    count = json.loads(job["request"]).get("count")
    return None if count is None else int(count)


def _deed(row: Any) -> tuple[str, str, str]:
    return row["xid"], row["name"], row["direction"]


def _job_and_id(row: Any) -> tuple[str, int]:
    return str(row["job_id"]), row["id"]
