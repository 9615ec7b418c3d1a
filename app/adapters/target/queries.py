"""Every statement that Liftlock sends to a target on its own account, by name.

The predicates and their order are those of the model-checked protocol; `scope` makes one fence of each
migrated schema.
"""

BOOTSTRAP_LOCK = "SELECT pg_advisory_xact_lock(1279870548, 0)"
"""'LIFT': two that start together must not both create the ledger."""

HAS_LEDGER = """
    SELECT EXISTS (
        SELECT 1 FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
        WHERE n.nspname = 'liftlock' AND c.relname = 'ledger_version')
"""
"""A scan and not `to_regclass`: that remembers, inside one transaction, that there was none a moment ago."""

LEDGER_VERSION = "SELECT version FROM liftlock.ledger_version"

F1_ENSURE_ROW = "INSERT INTO liftlock.fence (scope) VALUES ($1) ON CONFLICT DO NOTHING"

F1_ACQUIRE = """
    UPDATE liftlock.fence
    SET epoch = GREATEST(epoch, $5) + 1, holder = $2, job_id = $3, attempt = $4,
        acquired_at = clock_timestamp(), touched_at = clock_timestamp()
    WHERE scope = $1 AND (job_id IS NULL OR (job_id = $3 AND attempt < $4))
    RETURNING epoch, pg_backend_pid() AS pid
"""
"""Only the sticky job's newer attempt, or any job when none is sticky."""

JOBS_DONE = "SELECT job_id FROM liftlock.job_done WHERE scope = $1 AND job_id = ANY ($2)"
F1_JOB_DONE = "SELECT outcome::text FROM liftlock.job_done WHERE scope = $1 AND job_id = $2"
"""Read after F1, in its transaction: asked before, the target could be left sticky to a finished job."""

F1_HOLDER = "SELECT job_id, attempt, acquired_at FROM liftlock.fence WHERE scope = $1"

F2_CHECK = """
    UPDATE liftlock.fence SET touched_at = clock_timestamp()
    WHERE scope = $1 AND holder = $2 AND epoch = $3
    RETURNING epoch, pg_backend_pid() AS pid
"""
"""First statement of every later transaction; no row means fenced."""

F3_DONE = """
    WITH done AS (
        INSERT INTO liftlock.job_done (scope, job_id, outcome, epoch)
        VALUES ($1, $2, $3::text::jsonb, $4) ON CONFLICT DO NOTHING)
    UPDATE liftlock.fence SET holder = NULL, job_id = NULL, attempt = NULL
    WHERE scope = $1 AND job_id = $2
"""

TERMINATE_OLDER_ATTEMPTS = """
    SELECT a.pid, pg_terminate_backend(a.pid)
    FROM pg_stat_activity a
    WHERE a.datname = current_database() AND a.pid <> pg_backend_pid()
      AND a.application_name ~ ('^liftlock:job=' || $1 || ':attempt=[0-9]+$')
      AND substring(a.application_name FROM 'attempt=([0-9]+)$')::int < $2
"""
"""Only older attempts of our own job: the control database has taken the job from them already."""

TERMINATE_LOST = """
    SELECT pg_terminate_backend(pid) FROM pg_stat_activity
    WHERE pid = $1 AND application_name LIKE 'liftlock:job=' || $2 || ':%'
"""
"""The name is compared too: the number may belong to another process by now."""

LOCKS_AROUND = """
    WITH wanted AS (
        SELECT l.locktype, l.mode,
               CASE WHEN l.relation IS NOT NULL THEN l.relation::pg_catalog.regclass::text END AS relation
        FROM pg_catalog.pg_locks l WHERE l.pid = $1 AND NOT l.granted LIMIT 1),
    others AS (
        SELECT unnest(pg_catalog.pg_blocking_pids($1)) AS pid, true AS blocks
        UNION
        SELECT a.pid, false FROM pg_catalog.pg_stat_activity a
        WHERE a.wait_event_type = 'Lock' AND a.pid <> $1 AND $1 = ANY (pg_catalog.pg_blocking_pids(a.pid)))
    SELECT clock_timestamp() AS now, w.locktype, w.mode, w.relation, o.pid, o.blocks, a.usename, a.application_name,
           a.state, left(a.query, $2) AS query, COALESCE(a.state_change, a.query_start) AS since, a.xact_start
    FROM (SELECT 1) AS one
    LEFT JOIN wanted w ON true
    LEFT JOIN others o ON true
    LEFT JOIN pg_catalog.pg_stat_activity a ON a.pid = o.pid AND o.pid <> 0
"""
"""One row at least: what session $1 waits for, and one row for each session that blocks it or is blocked by it."""

CANCEL_BACKEND = """
    SELECT pg_cancel_backend(pid) FROM pg_stat_activity
    WHERE pid = $1 AND application_name LIKE 'liftlock:job=' || $2 || ':%' AND state = 'active'
"""
"""The name is compared too: the number may belong to another process by now."""

VIEW_AND_PLAN = """
    SELECT (SELECT version FROM liftlock.ledger_version) AS ledger_version, s.environment, s.protection,
           COALESCE((to_jsonb(s) ->> 'unlocked_until')::timestamptz > clock_timestamp(), false) AS unlocked,
           f.job_id AS holder, p.plan::text AS plan, m.id, m.name, m.version, m.status, m.position, m.checksum,
           m.token_checksum, m.created_at, m.updated_at, m.applied_at, m.rolled_back_at, m.error_message,
           m.dependencies, m.down, m.irreversible, m.source_format, m.job_id
    FROM (SELECT $1::text AS scope) AS asked
    LEFT JOIN liftlock.settings s ON s.scope = asked.scope
    LEFT JOIN liftlock.fence f ON f.scope = asked.scope
    LEFT JOIN liftlock.plans p ON p.scope = asked.scope AND p.job_id = $2
    LEFT JOIN liftlock.migrations m ON m.scope = asked.scope
"""
"""One row at least: settings, holder and plan stand in each, the migration's columns are null when there is none.
`to_jsonb`, since the ledger of an earlier release has no such column."""

LEDGER_SIGNATURE = """
    SELECT count(*) || ':' || COALESCE(sum(hashtext(xmin::text || ctid::text)), 0)
           || ':' || COALESCE((SELECT s.xmin::text || COALESCE(
                  (to_jsonb(s) ->> 'unlocked_until')::timestamptz > clock_timestamp(), false)::text
              FROM liftlock.settings s WHERE s.scope = $1), '')
           || ':' || COALESCE((SELECT job_id::text FROM liftlock.fence WHERE scope = $1), '')
    FROM liftlock.migrations WHERE scope = $1
"""
"""Another one whenever any row is other than before, whoever changed it, or another job holds the target; good
within one database."""

STORE_PLAN = """
    INSERT INTO liftlock.plans (scope, job_id, plan) VALUES ($1, $2, $3::text::jsonb)
    ON CONFLICT (scope, job_id) DO UPDATE SET plan = excluded.plan
"""

PIN_PLAN = """
    WITH remembered AS (
        INSERT INTO liftlock.settings (scope, environment, protection) VALUES ($1, $4, $5)
        ON CONFLICT (scope) DO UPDATE SET protection = excluded.protection, updated_at = clock_timestamp()
        WHERE settings.protection IS DISTINCT FROM excluded.protection)
    INSERT INTO liftlock.plans (scope, job_id, plan) VALUES ($1, $2, $3::text::jsonb)
"""
"""With the plan, whose database this is and how it is protected."""

START_STEP = """
    INSERT INTO liftlock.steps (scope, job_id, step, name, direction, epoch)
    SELECT $1, $2, $3, $4, $5, $6
    WHERE EXISTS (SELECT 1 FROM liftlock.fence WHERE scope = $1 AND holder = $7 AND epoch = $6)
      AND EXISTS (SELECT 1 FROM liftlock.migrations
                  WHERE scope = $1 AND name = $4 AND status = 'completed' AND ($5 = 'up' OR checksum = $8)
                 ) = ($5 = 'down')
    ON CONFLICT DO NOTHING
"""
"""Goes with BEGIN and F2 in one message: one row when all is as planned. None says only that something is not;
then F2 and BEGIN_STEP, each asked alone, say what."""

BEGIN_STEP = """
    WITH begun AS (
        INSERT INTO liftlock.steps (scope, job_id, step, name, direction, epoch)
        VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT DO NOTHING RETURNING 1)
    SELECT EXISTS (SELECT 1 FROM begun) AS begun,
           (SELECT status FROM liftlock.migrations WHERE scope = $1 AND name = $4) AS status,
           (SELECT checksum FROM liftlock.migrations WHERE scope = $1 AND name = $4) AS checksum,
           set_config('lock_timeout', $7, true), set_config('statement_timeout', $8, true),
           set_config('idle_in_transaction_session_timeout', $9, true)
"""

ALONE_STATUS = """
    SELECT EXISTS (SELECT 1 FROM liftlock.steps WHERE scope = $1 AND job_id = $2 AND step = $3) AS recorded,
           EXISTS (SELECT 1 FROM liftlock.step_statements
                   WHERE scope = $1 AND name = $4 AND direction = $5 AND state = 'uncertain') AS uncertain,
           (SELECT status FROM liftlock.migrations WHERE scope = $1 AND name = $4) AS status,
           (SELECT checksum FROM liftlock.migrations WHERE scope = $1 AND name = $4) AS checksum
"""

TRY_ALONE_LOCK = "SELECT pg_try_advisory_lock(1279870548, hashtext($1))"
HOLDS_ALONE_LOCK = """
    SELECT EXISTS (SELECT 1 FROM pg_catalog.pg_locks
                   WHERE locktype = 'advisory' AND pid = pg_backend_pid() AND granted
                     AND classid = 1279870548 AND objid = hashtext($1)::bigint & 4294967295)
"""
LEAVE_ALONE_LOCK = "SELECT pg_advisory_unlock(1279870548, hashtext($1))"
"""'LIFT', one lock a scope: it belongs to the session, and stays while no transaction is open."""

STATEMENT_STATE = """
    SELECT state, facts::text AS facts FROM liftlock.step_statements
    WHERE scope = $1 AND name = $2 AND direction = $3 AND sha256 = $4 AND occurrence = $5
"""
NOTE_STATEMENT = """
    INSERT INTO liftlock.step_statements (scope, name, direction, sha256, occurrence, state, facts, job_id, epoch)
    VALUES ($1, $2, $3, $4, $5, $6, $7::text::jsonb, $8, $9)
"""
KEEP_STATEMENT = """
    INSERT INTO liftlock.step_statements (scope, name, direction, sha256, occurrence, state, facts, job_id, epoch)
    VALUES ($1, $2, $3, $4, $5, $6, $7::text::jsonb, $8, $9)
    ON CONFLICT (scope, name, direction, sha256, occurrence) DO UPDATE
    SET state = excluded.state, facts = excluded.facts, job_id = excluded.job_id, epoch = excluded.epoch,
        at = clock_timestamp()
"""
TYPE_OF_KEY = """
    SELECT format_type(atttypid, atttypmod) FROM pg_catalog.pg_attribute
    WHERE attrelid = to_regclass($1) AND attnum > 0 AND NOT attisdropped
      AND attname = (parse_ident($2))[1]
"""
REPLICATION_LAG = "SELECT COALESCE(max(extract(epoch FROM replay_lag)), 0) FROM pg_catalog.pg_stat_replication"

PUT_STATEMENT_STATE = """
    UPDATE liftlock.step_statements SET state = $6, epoch = $7, at = clock_timestamp()
    WHERE scope = $1 AND name = $2 AND direction = $3 AND sha256 = $4 AND occurrence = $5
"""
FORGET_STATEMENT = """
    DELETE FROM liftlock.step_statements
    WHERE scope = $1 AND name = $2 AND direction = $3 AND sha256 = $4 AND occurrence = $5
"""
FORGET_STATEMENTS = "DELETE FROM liftlock.step_statements WHERE scope = $1 AND name = $2"

EVENTS = """
    SELECT e.id, e.at, e.name, e.version, e.event, e.job_id, e.actor, e.duration_ms, to_jsonb(e)->>'note' AS note,
           e.failure->>'message' AS failure
    FROM liftlock.migration_events e
    WHERE e.scope = $1 AND (e.at < $2 OR e.at = $2 AND e.id < $3) AND ($4::text IS NULL OR e.name = $4)
    ORDER BY e.at DESC, e.id DESC LIMIT $5
"""
"""`note` came with the second version of the ledger."""

RECORD_UP = """
    WITH event AS (
        INSERT INTO liftlock.migration_events
            (scope, name, version, event, job_id, epoch, actor, duration_ms, checksum)
        SELECT $2, $3, $4, 'run', $5, $6, $7,
               COALESCE($8, (extract(epoch FROM clock_timestamp() - statement_timestamp()) * 1000)::bigint), $9
        FROM liftlock.steps
        WHERE scope = $2 AND job_id = $5 AND step = $17 AND xid = pg_current_xact_id()
        RETURNING id, duration_ms)
    INSERT INTO liftlock.migrations AS m
        (id, scope, name, version, status, applied_at, position, checksum, token_checksum, up, down, verify,
         irreversible, source_format, dependencies, duration_ms, job_id, epoch, transactional)
    SELECT $1, $2, $3, $4, 'completed', clock_timestamp(), event.id, $9, $10, $11, $12, $13, $14, $15, $16,
           event.duration_ms, $5, $6, $18
    FROM event
    ON CONFLICT (scope, name) DO UPDATE
    SET version = excluded.version, status = 'completed', applied_at = excluded.applied_at,
        rolled_back_at = NULL, error_message = NULL, updated_at = clock_timestamp(),
        position = excluded.position, checksum = excluded.checksum, token_checksum = excluded.token_checksum,
        up = excluded.up, down = excluded.down, verify = excluded.verify,
        irreversible = excluded.irreversible, source_format = excluded.source_format,
        dependencies = excluded.dependencies, provenance = excluded.provenance, duration_ms = excluded.duration_ms,
        job_id = excluded.job_id, epoch = excluded.epoch, transactional = excluded.transactional
    RETURNING 1
"""
"""The transaction must still be the one that noted the step: else the script ended it and began another."""

RECORD_DOWN = """
    WITH event AS (
        INSERT INTO liftlock.migration_events
            (scope, name, version, event, job_id, epoch, actor, duration_ms, checksum)
        SELECT $1, $2, $3, 'rolled_back', $4, $5, $6,
               COALESCE($7, (extract(epoch FROM clock_timestamp() - statement_timestamp()) * 1000)::bigint), $8
        FROM liftlock.steps
        WHERE scope = $1 AND job_id = $4 AND step = $9 AND xid = pg_current_xact_id()
        RETURNING id)
    UPDATE liftlock.migrations
    SET status = 'rolled_back', rolled_back_at = clock_timestamp(), updated_at = clock_timestamp(),
        error_message = NULL, position = event.id, job_id = $4, epoch = $5
    FROM event WHERE scope = $1 AND name = $2
    RETURNING 1
"""

RECORD_FAILED_UP = """
    WITH event AS (
        INSERT INTO liftlock.migration_events
            (scope, name, version, event, job_id, epoch, actor, checksum, failure)
        VALUES ($2, $3, $4, 'failed', $5, $6, $7, $8, $16::text::jsonb) RETURNING id)
    INSERT INTO liftlock.migrations AS m
        (id, scope, name, version, status, position, checksum, token_checksum, up, down, verify, irreversible,
         source_format, dependencies, job_id, epoch, error_message)
    SELECT $1, $2, $3, $4, 'failed', event.id, $8, $9, $10, $11, $12, $13, $14, $15, $5, $6, $17 FROM event
    ON CONFLICT (scope, name) DO UPDATE
    SET version = excluded.version, status = 'failed', error_message = excluded.error_message,
        updated_at = clock_timestamp(), position = excluded.position, checksum = excluded.checksum,
        token_checksum = excluded.token_checksum, up = excluded.up, down = excluded.down,
        verify = excluded.verify, irreversible = excluded.irreversible, source_format = excluded.source_format,
        dependencies = excluded.dependencies, job_id = excluded.job_id, epoch = excluded.epoch
    WHERE m.status <> 'completed'
"""

RECORD_FAILED_DOWN = """
    WITH event AS (
        INSERT INTO liftlock.migration_events
            (scope, name, version, event, job_id, epoch, actor, checksum, failure)
        VALUES ($1, $2, $3, 'failed', $4, $5, $6, $7, $8::text::jsonb))
    UPDATE liftlock.migrations SET error_message = $9, updated_at = clock_timestamp()
    WHERE scope = $1 AND name = $2
"""
"""A down that failed changed nothing: the migration stays completed, and says what went wrong."""
