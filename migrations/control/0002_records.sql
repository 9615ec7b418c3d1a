-- name: control-records
-- version: 0002
-- dependencies: control-jobs
--
-- What is kept beside the jobs: conflicts, the audit trail, idempotency keys.

-- migrate:up
CREATE TABLE liftlock_control.conflicts (
    id uuid PRIMARY KEY,
    kind text NOT NULL,
    environment text,
    job_id uuid,
    other_job_id uuid,
    migrations text[] NOT NULL DEFAULT '{}',
    message text NOT NULL,
    evidence jsonb NOT NULL DEFAULT '{}',
    answer text NOT NULL,
    fingerprint text NOT NULL,
    state text NOT NULL CHECK (state IN ('open', 'resolved', 'expired')),
    count int NOT NULL DEFAULT 1,
    first_seen_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    last_seen_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    resolved_at timestamptz,
    resolution text,
    waited_ms bigint
);
-- repeats of one cause are one record: while it is open, or for ever when it settles itself
CREATE UNIQUE INDEX conflicts_one_per_cause ON liftlock_control.conflicts (md5(fingerprint))
    WHERE state = 'open' OR resolution = 'none';
CREATE INDEX conflicts_open_by_environment ON liftlock_control.conflicts (environment) WHERE state = 'open';
CREATE INDEX conflicts_open_by_job ON liftlock_control.conflicts (job_id) WHERE state = 'open';

CREATE TABLE liftlock_control.audit (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at timestamptz NOT NULL DEFAULT clock_timestamp(),
    principal_id text NOT NULL,
    principal_kind text NOT NULL,
    principal_address text,
    request_id text,
    action text NOT NULL,
    environment text,
    subject text,
    detail jsonb NOT NULL DEFAULT '{}'
);

CREATE FUNCTION liftlock_control.append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'rows of % are only ever added', TG_TABLE_NAME USING ERRCODE = '23M07';
END $$;
CREATE TRIGGER audit_append_only BEFORE UPDATE OR DELETE ON liftlock_control.audit
    FOR EACH ROW EXECUTE FUNCTION liftlock_control.append_only();
CREATE TRIGGER audit_no_truncate BEFORE TRUNCATE ON liftlock_control.audit
    FOR EACH STATEMENT EXECUTE FUNCTION liftlock_control.append_only();

CREATE TABLE liftlock_control.idempotency_keys (
    client text NOT NULL,
    key text NOT NULL,
    request_hash bytea NOT NULL,
    token uuid NOT NULL,
    job_id uuid,
    locked_until timestamptz NOT NULL,
    answer jsonb,
    expires_at timestamptz NOT NULL,
    PRIMARY KEY (client, key)
);
CREATE INDEX idempotency_keys_expiry ON liftlock_control.idempotency_keys (expires_at);

-- migrate:down
DROP TABLE liftlock_control.idempotency_keys, liftlock_control.audit, liftlock_control.conflicts;
DROP FUNCTION liftlock_control.append_only();
