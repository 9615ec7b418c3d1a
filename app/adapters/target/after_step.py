"""What a step must not leave behind: looked at inside its transaction, so that it can still be taken back.

Indexes and views need no look: PostgreSQL itself refuses to break them in a transaction. What it does not refuse are
constraints that nobody has validated, and functions whose text no longer fits.
"""

import json
import re
from collections.abc import Mapping

import asyncpg

from app.domain.failure import Failure, FailureCode
from app.domain.migration import PythonScript, SqlScript
from app.domain.signals import StepFailed
from app.domain.statements import token_text
from app.domain.step import Step

# only relations that this transaction has locked: what others leave is not its doing
UNVALIDATED = """
    SELECT k.conrelid::bigint AS relation, k.contype::text AS kind, k.conkey::text AS columns, k.conname AS name,
           k.conrelid::pg_catalog.regclass::text AS table
    FROM pg_catalog.pg_constraint k
    WHERE NOT k.convalidated AND k.conrelid <> 0 AND COALESCE((to_jsonb(k) ->> 'conenforced')::boolean, true)
"""
OURS = """
      AND k.conrelid IN (
        SELECT relation FROM pg_catalog.pg_locks
        WHERE pid = pg_backend_pid() AND locktype = 'relation' AND granted
          AND mode NOT IN ('AccessShareLock', 'RowShareLock', 'RowExclusiveLock'))
    ORDER BY 5, 4
"""
CHECKABLE = """
    SELECT p.oid, p.oid::pg_catalog.regprocedure::text AS name
    FROM pg_catalog.pg_proc p
    JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace
    JOIN pg_catalog.pg_language l ON l.oid = p.prolang
    WHERE p.oid >= 16384 AND l.lanname = 'sql' AND p.prokind IN ('f', 'p') AND (to_jsonb(p) ->> 'prosqlbody') IS NULL
      AND p.proconfig IS NULL
      AND n.nspname !~ '^pg_' AND n.nspname NOT IN ('information_schema', 'liftlock', 'liftlock_control')
      AND pg_catalog.has_function_privilege(p.oid, 'EXECUTE')
      AND NOT EXISTS (
        SELECT 1 FROM pg_catalog.pg_depend d
        WHERE d.classid = 'pg_catalog.pg_proc'::pg_catalog.regclass AND d.objid = p.oid AND d.deptype = 'e')
"""
"""SQL functions whose text is kept as text: one that is kept parsed holds on to what it mentions. One with settings of
its own is read under those when it runs, and nobody can do that for it here. The server's own have lower ids
(FirstNormalObjectId of its transam.h): they are thousands, and to look at each takes 40 ms."""

HAS_CHECKABLE = f"SELECT EXISTS ({CHECKABLE})"
LOOK = f"""
    SAVEPOINT liftlock_look;
    SET LOCAL lock_timeout = 100;
    DO $liftlock$
    DECLARE
        one record;
        judged jsonb := '{{}}';
    BEGIN
        FOR one IN {CHECKABLE} LOOP
            BEGIN
                PERFORM pg_catalog.fmgr_sql_validator(one.oid);
                judged := judged || pg_catalog.jsonb_build_object(one.oid::text, NULL);
            EXCEPTION WHEN OTHERS THEN
                -- locks, resources and rights: nothing that the function is to blame for, so it is not judged
                IF SQLSTATE !~ '^(40|53|54|55|57|58|XX)' AND SQLSTATE <> '42501' THEN
                    judged := judged || pg_catalog.jsonb_build_object(
                        one.oid::text, one.name || ': ' || SQLERRM);
                END IF;
            END;
        END LOOP;
        PERFORM pg_catalog.set_config('liftlock.judged', judged::text, true);
    END $liftlock$
"""
"""What CREATE FUNCTION does with the text of an SQL function, for each of them; it writes nothing."""

JUDGED = "SELECT pg_catalog.current_setting('liftlock.judged')"
LEAVE = "ROLLBACK TO SAVEPOINT liftlock_look; RELEASE SAVEPOINT liftlock_look"
"""The locks of reading go with it, and tables that the step does not touch are nobody's to wait for."""

_BREAKS_OTHERS = frozenset({"DROP", "ALTER"})
_MAKES_FUNCTIONS = re.compile(r"\b(FUNCTION|PROCEDURE|EXTENSION)\b", re.IGNORECASE)
_ASKS_FOR_IT = re.compile(r"\bNOT\s+VALID\b", re.IGNORECASE)

Unvalidated = frozenset[tuple[int, str, str | None]]
"""Table, kind and columns: what stays of a constraint that is renamed, or made anew with its column's type."""


def may_leave_behind(step: Step) -> bool:
    """Statements that only define something say themselves what they leave."""
    match step.body:
        case SqlScript() as script:
            return any(not one.is_definition for one in script.parsed.statements)
        case PythonScript():
            return True
        case None:
            return False


def may_break_functions(step: Step) -> bool:
    match step.body:
        case SqlScript() as script:
            verbs = {one.verb.split()[0] for one in script.parsed.statements if one.verb}
            return may_leave_behind(step) or not _BREAKS_OTHERS.isdisjoint(verbs)
        case PythonScript():
            return True
        case None:
            return False


def may_make_functions(step: Step) -> bool:
    return step.body is not None and (may_leave_behind(step) or bool(_MAKES_FUNCTIONS.search(step.body.text)))


async def unvalidated(connection: asyncpg.Connection) -> Unvalidated:
    """Constraints that are not valid before the step: they are not its doing."""
    found = await connection.fetch(UNVALIDATED)
    return frozenset((row["relation"], row["kind"], row["columns"]) for row in found)


async def refuse_leftovers(connection: asyncpg.Connection, ordinal: int, step: Step, before: Unvalidated) -> None:
    """Raises StepFailed for constraints that nobody has validated and the migration does not ask for."""
    assert step.body is not None
    text = token_text(step.body.text) if isinstance(step.body, SqlScript) else step.body.text
    if _ASKS_FOR_IT.search(text):
        return
    found = await connection.fetch(UNVALIDATED + OURS)
    left = [row for row in found if (row["relation"], row["kind"], row["columns"]) not in before]
    if left:
        said = ", ".join(f"the constraint {row['name']} on {row['table']}" for row in left)
        message = f"{step.name} would leave behind what is not valid, and does not ask for it: {said}"
        hint = "say NOT VALID in the file where it is meant, or validate it there"
        raise StepFailed(_failure(step, message, hint), ordinal)


async def judged_functions(connection: asyncpg.Connection) -> Mapping[str, str | None]:
    """By oid, what is wrong with the text of each SQL function, None for nothing. Whose text cannot be read now is
    left out; what plpgsql would say nobody can know."""
    await connection.execute(LOOK)
    found: dict[str, str | None] = json.loads(await connection.fetchval(JUDGED))
    await connection.execute(LEAVE)
    return found


def refuse_broken(ordinal: int, step: Step, before: Mapping[str, str | None], after: Mapping[str, str | None]) -> None:
    """Raises StepFailed for functions that were sound before the step and are not any more."""
    broken = [error for oid, error in after.items() if error is not None and oid in before and before[oid] is None]
    if broken:
        message = f"{step.name} breaks functions that stood before: {'; '.join(broken)}"
        raise StepFailed(_failure(step, message, "change or drop the functions in the same migration"), ordinal)


def _failure(step: Step, message: str, hint: str) -> Failure:
    assert step.body is not None
    return Failure(
        code=FailureCode.VERIFY_FAILED,
        message=message,
        migration=step.name,
        direction=step.direction.value,
        file=step.body.file,
        hint=hint,
        next_steps=(f"correct {step.body.file}, then POST /migrations/run again",),
    )
