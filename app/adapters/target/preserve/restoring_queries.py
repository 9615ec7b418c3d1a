"""What is asked of the record of kept rows, and written in it, when they are given back."""

from app.adapters.target.preserve.sets import STORED

WAITING = "SELECT DISTINCT name, direction FROM liftlock.preserved WHERE scope = $1 AND state IN ('kept', 'purged')"
"""What is kept by which steps, or was until its time was over: each of the others is done without a look."""

SETS = f"""
    {STORED}
    WHERE scope = $1 AND name = $2 AND direction = $3 AND state = 'kept' AND job_id = (
        SELECT p.job_id FROM liftlock.preserved p
        WHERE p.scope = $1 AND p.name = $2 AND p.direction = $3 AND p.state = 'kept' ORDER BY p.kept_at DESC LIMIT 1)
    ORDER BY kept_at DESC, place DESC
    FOR UPDATE
"""
"""Of the step as it was carried out last: older values must not come over newer ones."""

PURGED = f"""
    {STORED.replace("FROM liftlock.preserved", "FROM liftlock.preserved p")}
    WHERE scope = $1 AND name = $2 AND direction = $3 AND state = 'purged' AND EXISTS (
        SELECT FROM liftlock.migrations m WHERE m.scope = p.scope AND m.name = p.name AND m.job_id = p.job_id)
    ORDER BY kept_at DESC, place DESC
"""
"""Of the step as it stands."""

SETTLE = """
    UPDATE liftlock.preserved
    SET state = $2, settled_at = clock_timestamp(), settled_by = $3, restored = $4, remarks = remarks || $5::text::jsonb
    WHERE id = $1
"""
FIND = """
    SELECT COALESCE(
        (SELECT c.oid FROM pg_class c WHERE c.oid = $1::bigint::oid AND $4
           AND c.relnamespace <> 'liftlock_preserved'::regnamespace),
        (SELECT c.oid FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
         WHERE n.nspname = $2 AND c.relname = $3
           AND c.relkind::text = ANY ($5)))::bigint
"""

MAY_BE_IN_THE_WAY = """
    SELECT DISTINCT a.attname::text AS name
    FROM pg_index i JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum > 0 AND NOT a.attisdropped
        AND (a.attnum = ANY (i.indkey::int2[]) OR i.indexprs IS NOT NULL OR i.indpred IS NOT NULL)
    WHERE i.indrelid = $1::bigint::oid AND (i.indisunique OR i.indisexclusion)
"""
"""The columns whose values are."""
