-- name: control-jobs
-- version: 0001
--
-- Jobs, their steps and their events. The claims, beats and sweeps over these tables are model-checked;
-- the trigger holds what the statements promise: final states are final, only the named moves exist.

-- migrate:up
CREATE SCHEMA IF NOT EXISTS liftlock_control;

CREATE TABLE liftlock_control.targets (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name text NOT NULL UNIQUE,
    epoch bigint NOT NULL DEFAULT 0
);

CREATE SEQUENCE liftlock_control.job_seq;
CREATE TABLE liftlock_control.jobs (
    id uuid PRIMARY KEY,
    -- the place in the target's queue, given on entering `queued`
    seq bigint,
    target_id bigint NOT NULL REFERENCES liftlock_control.targets,
    kind text NOT NULL,
    request jsonb NOT NULL,
    state text NOT NULL DEFAULT 'queued' CHECK (state IN (
        'queued', 'waiting', 'running', 'succeeded', 'failed', 'cancelled', 'needs_attention')),
    reason text NOT NULL,
    message text NOT NULL,
    -- the fencing number of the claim: +1 per claim, never reused
    attempt int NOT NULL DEFAULT 0,
    -- +1 once the target's fence is held
    starts int NOT NULL DEFAULT 0,
    max_starts int NOT NULL DEFAULT 10,
    owner text,
    lease_until timestamptz,
    dispatches int NOT NULL DEFAULT 0,
    next_dispatch_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    -- its ring was used up while it was not its turn: whoever frees the target rings again
    parked boolean NOT NULL DEFAULT false,
    dedupe_key text,
    principal_id text NOT NULL,
    principal_kind text NOT NULL,
    principal_address text,
    request_id text,
    traceparent text,
    error jsonb,
    notices jsonb NOT NULL DEFAULT '[]',
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    updated_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    started_at timestamptz,
    finished_at timestamptz,
    CHECK ((state = 'running') = (lease_until IS NOT NULL AND owner IS NOT NULL)),
    CHECK ((state IN ('succeeded', 'failed', 'cancelled', 'needs_attention')) = (finished_at IS NOT NULL))
);
CREATE UNIQUE INDEX jobs_one_running_per_target ON liftlock_control.jobs (target_id) WHERE state = 'running';
CREATE INDEX jobs_dedupe ON liftlock_control.jobs (dedupe_key, created_at) WHERE dedupe_key IS NOT NULL;
CREATE INDEX jobs_due ON liftlock_control.jobs (next_dispatch_at) WHERE state = 'queued';
CREATE INDEX jobs_lapsed ON liftlock_control.jobs (lease_until) WHERE state = 'running';
CREATE INDEX jobs_open ON liftlock_control.jobs (target_id, seq) WHERE state IN ('queued', 'running');
CREATE INDEX jobs_by_target ON liftlock_control.jobs (target_id, id);

CREATE TABLE liftlock_control.job_steps (
    job_id uuid NOT NULL REFERENCES liftlock_control.jobs,
    ordinal int NOT NULL,
    name text NOT NULL,
    version text NOT NULL,
    direction text NOT NULL,
    state text NOT NULL,
    started_at timestamptz,
    finished_at timestamptz,
    duration_ms bigint,
    error jsonb,
    notice text,
    PRIMARY KEY (job_id, ordinal)
);

CREATE TABLE liftlock_control.job_events (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    job_id uuid NOT NULL,
    at timestamptz NOT NULL DEFAULT clock_timestamp(),
    from_state text,
    to_state text NOT NULL,
    attempt int NOT NULL,
    reason text NOT NULL
);
CREATE INDEX job_events_by_job ON liftlock_control.job_events (job_id, id);

CREATE FUNCTION liftlock_control.jobs_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.state IN ('succeeded', 'failed', 'cancelled', 'needs_attention') THEN
        RAISE EXCEPTION 'job % has ended (%)', OLD.id, OLD.state USING ERRCODE = '23M01';
    END IF;
    IF NEW.state IS DISTINCT FROM OLD.state AND (OLD.state, NEW.state) NOT IN (
        ('waiting', 'queued'), ('waiting', 'cancelled'), ('waiting', 'failed'),
        ('queued', 'running'), ('queued', 'cancelled'), ('queued', 'failed'),
        ('running', 'queued'), ('running', 'succeeded'), ('running', 'failed'),
        ('running', 'cancelled'), ('running', 'needs_attention')
    ) THEN
        RAISE EXCEPTION 'a job may not go from % to %', OLD.state, NEW.state USING ERRCODE = '23M02';
    END IF;
    -- a started job may own the target's fence: only an attempt may end it
    IF OLD.state = 'queued' AND NEW.state IN ('cancelled', 'failed') AND OLD.starts > 0 THEN
        RAISE EXCEPTION 'job % has started; only an attempt may end it', OLD.id USING ERRCODE = '23M03';
    END IF;
    IF NEW.attempt < OLD.attempt THEN
        RAISE EXCEPTION 'attempt went backwards' USING ERRCODE = '23M04';
    END IF;
    IF OLD.state = 'running' AND NEW.state = 'running' AND NEW.attempt <> OLD.attempt THEN
        RAISE EXCEPTION 'claim of a running job' USING ERRCODE = '23M05';
    END IF;
    -- a beat or a ring is nothing that anybody reads
    IF (NEW.state, NEW.reason, NEW.message, NEW.attempt, NEW.starts)
       IS DISTINCT FROM (OLD.state, OLD.reason, OLD.message, OLD.attempt, OLD.starts) THEN
        NEW.updated_at := clock_timestamp();
    END IF;
    IF NEW.state IS DISTINCT FROM OLD.state THEN
        IF NEW.state IN ('succeeded', 'failed', 'cancelled', 'needs_attention') THEN
            NEW.finished_at := clock_timestamp();
            NEW.owner := NULL;
            NEW.lease_until := NULL;
        ELSIF NEW.state = 'queued' THEN
            NEW.owner := NULL;
            NEW.lease_until := NULL;
        END IF;
        INSERT INTO liftlock_control.job_events (job_id, from_state, to_state, attempt, reason)
        VALUES (NEW.id, OLD.state, NEW.state, NEW.attempt, NEW.reason);
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER jobs_guard BEFORE UPDATE ON liftlock_control.jobs
    FOR EACH ROW EXECUTE FUNCTION liftlock_control.jobs_guard();

CREATE FUNCTION liftlock_control.jobs_announce() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify('liftlock_jobs', NEW.id || ' ' || NEW.state);
    RETURN NULL;
END $$;
-- not for a beat: only what a watcher would see
CREATE TRIGGER jobs_announce AFTER UPDATE OF state, reason, message ON liftlock_control.jobs
    FOR EACH ROW EXECUTE FUNCTION liftlock_control.jobs_announce();

CREATE FUNCTION liftlock_control.never_deleted() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'rows of % are kept for ever', TG_TABLE_NAME USING ERRCODE = '23M06';
END $$;
CREATE TRIGGER jobs_never_deleted BEFORE DELETE ON liftlock_control.jobs
    FOR EACH ROW EXECUTE FUNCTION liftlock_control.never_deleted();

-- migrate:down
DROP SCHEMA liftlock_control CASCADE;
