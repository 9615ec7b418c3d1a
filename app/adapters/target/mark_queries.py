"""The statements for what is only recorded: marks, accepted files, a released target. The others: `queries`."""

MARK_UP = """
    WITH event AS (
        INSERT INTO liftlock.migration_events (scope, name, version, event, job_id, epoch, actor, checksum, note)
        SELECT $2, $3, $4, $16::text, $5, $6, $7, $8, $18 FROM liftlock.steps
        WHERE scope = $2 AND job_id = $5 AND step = $17 AND xid = pg_current_xact_id()
        RETURNING id)
    INSERT INTO liftlock.migrations AS m
        (id, scope, name, version, status, applied_at, position, checksum, token_checksum, up, down, verify,
         irreversible, source_format, dependencies, provenance, job_id, epoch, transactional)
    SELECT $1, $2, $3, $4, 'completed', clock_timestamp(), event.id, $8, $9, $10, $11, $12, $13, $14, $15, $16, $5, $6,
           $19
    FROM event
    ON CONFLICT (scope, name) DO UPDATE
    SET version = excluded.version, status = 'completed', rolled_back_at = NULL, error_message = NULL,
        applied_at = CASE WHEN m.status = 'completed' THEN m.applied_at ELSE excluded.applied_at END,
        position = CASE WHEN m.status = 'completed' THEN m.position ELSE excluded.position END,
        updated_at = clock_timestamp(), checksum = excluded.checksum, token_checksum = excluded.token_checksum,
        up = excluded.up, down = excluded.down, verify = excluded.verify,
        irreversible = excluded.irreversible, source_format = excluded.source_format,
        dependencies = excluded.dependencies, provenance = excluded.provenance, duration_ms = NULL,
        job_id = excluded.job_id, epoch = excluded.epoch, transactional = excluded.transactional
    RETURNING 1
"""
"""As RECORD_UP, for what was not run; `provenance` says so."""

MARK_DOWN = """
    WITH event AS (
        INSERT INTO liftlock.migration_events (scope, name, version, event, job_id, epoch, actor, checksum, note)
        SELECT $1, $2, $3, 'marked', $4, $5, $6, $7, $9 FROM liftlock.steps
        WHERE scope = $1 AND job_id = $4 AND step = $8 AND xid = pg_current_xact_id()
        RETURNING id)
    UPDATE liftlock.migrations
    SET status = 'rolled_back', rolled_back_at = clock_timestamp(), updated_at = clock_timestamp(),
        error_message = NULL, position = event.id, job_id = $4, epoch = $5
    FROM event WHERE scope = $1 AND name = $2
    RETURNING 1
"""

ACCEPT_FILE = """
    WITH event AS (
        INSERT INTO liftlock.migration_events (scope, name, version, event, job_id, epoch, actor, checksum, note)
        SELECT $1, $2, $3, 'resolved', $4, $5, $6, $7, $17 FROM liftlock.steps
        WHERE scope = $1 AND job_id = $4 AND step = $16 AND xid = pg_current_xact_id()
        RETURNING id)
    UPDATE liftlock.migrations
    SET version = $3, updated_at = clock_timestamp(), checksum = $7, token_checksum = $8, up = $9, down = $10,
        verify = $11, irreversible = $12, source_format = $13, dependencies = $14, job_id = $4, epoch = $5,
        transactional = $18
    FROM event WHERE scope = $1 AND name = $2 AND status = 'completed' AND checksum = $15
    RETURNING 1
"""
"""Its place among what is applied stays: it was applied when it was applied."""

RELEASE = """
    WITH freed AS (
        UPDATE liftlock.fence SET holder = NULL, job_id = NULL, attempt = NULL, epoch = epoch + 1
        WHERE scope = $1 AND job_id = $2 RETURNING epoch)
    INSERT INTO liftlock.job_done (scope, job_id, outcome, epoch)
    SELECT $1, $2, $3::text::jsonb, epoch FROM freed ON CONFLICT DO NOTHING
"""
"""The end of a job that nobody will go on with; nothing when it does not hold the target. What is left of its
attempts is fenced from here on."""
