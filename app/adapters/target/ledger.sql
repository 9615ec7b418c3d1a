-- Liftlock's ledger in a target database: what is applied, and the fence that keeps two writers apart.
-- Runs under pg_advisory_xact_lock: CREATE IF NOT EXISTS alone fails when two start together.
CREATE SCHEMA IF NOT EXISTS liftlock;
COMMENT ON SCHEMA liftlock IS 'Liftlock''s ledger: what is applied here; kept by Liftlock';

CREATE TABLE liftlock.ledger_version (version int NOT NULL);
INSERT INTO liftlock.ledger_version VALUES (1);

CREATE TABLE liftlock.settings (
    scope text PRIMARY KEY,
    environment text NOT NULL,
    protection text NOT NULL,
    updated_at timestamptz NOT NULL DEFAULT clock_timestamp()
);

-- one row a scope: who may write now (holder), and for which job until it has ended (job_id)
CREATE TABLE liftlock.fence (
    scope text PRIMARY KEY,
    epoch bigint NOT NULL DEFAULT 0,
    holder uuid,
    job_id uuid,
    attempt int,
    acquired_at timestamptz,
    touched_at timestamptz
);

CREATE TABLE liftlock.migration_events (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    scope text NOT NULL,
    name text NOT NULL,
    version text NOT NULL,
    event text NOT NULL,
    at timestamptz NOT NULL DEFAULT clock_timestamp(),
    job_id uuid NOT NULL,
    epoch bigint NOT NULL,
    actor text NOT NULL,
    duration_ms bigint,
    checksum bytea NOT NULL,
    failure jsonb
);

CREATE TABLE liftlock.migrations (
    id uuid PRIMARY KEY,
    scope text NOT NULL,
    name text NOT NULL,
    version text NOT NULL,
    status text NOT NULL CHECK (status IN ('pending', 'completed', 'failed', 'rolled_back')),
    applied_at timestamptz,
    rolled_back_at timestamptz,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    updated_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    error_message text,
    position bigint NOT NULL,
    dependencies text[] NOT NULL DEFAULT '{}',
    checksum bytea NOT NULL,
    token_checksum bytea NOT NULL,
    up text NOT NULL,
    down text,
    verify text,
    irreversible text,
    source_format text NOT NULL,
    provenance text NOT NULL DEFAULT 'liftlock',
    transactional boolean NOT NULL DEFAULT true,
    duration_ms bigint,
    job_id uuid NOT NULL,
    epoch bigint NOT NULL,
    schema_fingerprint bytea,
    UNIQUE (scope, name)
);

CREATE TABLE liftlock.plans (
    scope text NOT NULL,
    job_id uuid NOT NULL,
    plan jsonb NOT NULL,
    PRIMARY KEY (scope, job_id)
);

-- the proof of "exactly once": a second commit of the same step collides here
CREATE TABLE liftlock.steps (
    scope text NOT NULL,
    job_id uuid NOT NULL,
    step int NOT NULL,
    name text NOT NULL,
    direction text NOT NULL,
    epoch bigint NOT NULL,
    xid xid8 NOT NULL DEFAULT pg_current_xact_id(),
    at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (scope, job_id, step)
);

CREATE TABLE liftlock.job_done (
    scope text NOT NULL,
    job_id uuid NOT NULL,
    outcome jsonb NOT NULL,
    epoch bigint NOT NULL,
    at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (scope, job_id)
);

CREATE FUNCTION liftlock.append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'rows of liftlock.% are only ever added', TG_TABLE_NAME USING ERRCODE = '23M07';
END $$;
CREATE TRIGGER migration_events_append_only BEFORE UPDATE OR DELETE ON liftlock.migration_events
    FOR EACH ROW EXECUTE FUNCTION liftlock.append_only();
CREATE TRIGGER migration_events_no_truncate BEFORE TRUNCATE ON liftlock.migration_events
    FOR EACH STATEMENT EXECUTE FUNCTION liftlock.append_only();
