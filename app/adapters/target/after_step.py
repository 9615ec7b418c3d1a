"""What a step must not leave behind: looked at inside its transaction, so that it can still be taken back.

A valid index and a view need no look: PostgreSQL itself refuses to break them in a transaction. What it does not
refuse are constraints that nobody has validated, partly built indexes, and functions whose text no longer fits.
"""

import json
import re
from collections.abc import Mapping

import asyncpg

from app.domain.failure import Failure, FailureCode
from app.domain.migration import PythonScript, SqlScript
from app.domain.signals import StepFailed
from app.domain.step import Step

# only relations that this transaction has locked: what others leave is not its doing
LEFTOVERS = """
    WITH ours AS (
        SELECT DISTINCT relation FROM pg_catalog.pg_locks
        WHERE pid = pg_backend_pid() AND locktype = 'relation' AND granted
          AND mode NOT IN ('AccessShareLock', 'RowShareLock', 'RowExclusiveLock'))
    SELECT 'index' AS kind, i.indexrelid::pg_catalog.regclass::text AS name
    FROM pg_catalog.pg_index i
    JOIN pg_catalog.pg_class c ON c.oid = i.indexrelid
    JOIN ours ON ours.relation = i.indrelid
    WHERE NOT i.indisvalid AND c.relkind = 'i' AND age(i.xmin) <= age(pg_current_xact_id()::xid)
    UNION ALL
    SELECT 'constraint', k.conname || ' on ' || k.conrelid::pg_catalog.regclass::text
    FROM pg_catalog.pg_constraint k JOIN ours ON ours.relation = k.conrelid
    WHERE NOT k.convalidated AND age(k.xmin) <= age(pg_current_xact_id()::xid)
      AND COALESCE((to_jsonb(k) ->> 'conenforced')::boolean, true)
    ORDER BY 1, 2
"""
CHECKABLE = """
    SELECT p.oid, p.oid::pg_catalog.regprocedure::text AS name
    FROM pg_catalog.pg_proc p
    JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace
    JOIN pg_catalog.pg_language l ON l.oid = p.prolang
    WHERE l.lanname = 'sql' AND p.prokind IN ('f', 'p') AND (to_jsonb(p) ->> 'prosqlbody') IS NULL
      AND n.nspname !~ '^pg_' AND n.nspname NOT IN ('information_schema', 'liftlock', 'liftlock_control')
      AND pg_catalog.has_function_privilege(p.oid, 'EXECUTE')
      AND NOT EXISTS (SELECT 1 FROM pg_catalog.pg_depend d WHERE d.objid = p.oid AND d.deptype = 'e')
"""
"""SQL functions whose text is kept as text: one that is kept parsed holds on to what it mentions."""

HAS_CHECKABLE = f"SELECT EXISTS ({CHECKABLE})"
FIND_BROKEN = f"""
    DO $liftlock$
    DECLARE
        one record;
        broken jsonb := '{{}}';
    BEGIN
        FOR one IN {CHECKABLE} LOOP
            BEGIN
                PERFORM pg_catalog.fmgr_sql_validator(one.oid);
            EXCEPTION WHEN OTHERS THEN
                -- locks, deadlocks, resources: nothing that the function is to blame for
                IF SQLSTATE ~ '^(40|53|55|57)' THEN
                    RAISE;
                END IF;
                broken := broken || pg_catalog.jsonb_build_object(one.name, SQLERRM);
            END;
        END LOOP;
        PERFORM pg_catalog.set_config('liftlock.broken', broken::text, true);
    END $liftlock$
"""
"""What CREATE FUNCTION does with the text of an SQL function, for each of them; it writes nothing."""

BROKEN = "SELECT pg_catalog.current_setting('liftlock.broken')"

_BREAKS_OTHERS = re.compile(r"\b(DROP|RENAME|ALTER)\b", re.IGNORECASE)
_MAKES_FUNCTIONS = re.compile(r"\b(FUNCTION|PROCEDURE|EXTENSION)\b", re.IGNORECASE)
_ASKS_FOR_IT = re.compile(r"\bNOT\s+VALID\b", re.IGNORECASE)


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
    return step.body is not None and bool(_BREAKS_OTHERS.search(step.body.text))


def may_make_functions(step: Step) -> bool:
    return step.body is not None and (may_leave_behind(step) or bool(_MAKES_FUNCTIONS.search(step.body.text)))


async def refuse_leftovers(connection: asyncpg.Connection, ordinal: int, step: Step) -> None:
    """Raises StepFailed for what is not valid and was not asked for by the text of the migration."""
    if step.body is None or not may_leave_behind(step) or _ASKS_FOR_IT.search(step.body.text):
        return
    left = await connection.fetch(LEFTOVERS)
    if left:
        said = ", ".join(f"the {row['kind']} {row['name']}" for row in left)
        message = f"{step.name} would leave behind what is not valid, and does not ask for it: {said}"
        hint = "say NOT VALID in the file where it is meant, or validate it there"
        raise StepFailed(_failure(step, message, hint), ordinal)


async def broken_functions(connection: asyncpg.Connection) -> dict[str, str]:
    """SQL functions whose text does not fit the schema, each with what is wrong; of plpgsql nobody can know."""
    await connection.execute(FIND_BROKEN)
    found: dict[str, str] = json.loads(await connection.fetchval(BROKEN))
    return found


def refuse_broken(ordinal: int, step: Step, before: Mapping[str, str], after: Mapping[str, str]) -> None:
    """Raises StepFailed for functions that stood before the step and do not any more."""
    broken = [f"{name}: {error}" for name, error in after.items() if name not in before]
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
