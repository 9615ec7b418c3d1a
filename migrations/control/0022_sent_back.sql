-- name: control-sent-back
-- version: 0022
-- dependencies: control-append-only
--
-- A job that has not begun goes back to those that wait for approval when its environment comes to ask for more.

-- migrate:up
CREATE OR REPLACE FUNCTION liftlock_control.jobs_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.state IN ('succeeded', 'failed', 'cancelled', 'needs_attention') THEN
        RAISE EXCEPTION 'job % has ended (%)', OLD.id, OLD.state USING ERRCODE = '23M01';
    END IF;
    IF NEW.state IS DISTINCT FROM OLD.state AND (OLD.state, NEW.state) NOT IN (
        ('waiting', 'queued'), ('waiting', 'cancelled'), ('waiting', 'failed'),
        ('queued', 'running'), ('queued', 'cancelled'), ('queued', 'failed'),
        ('queued', 'waiting'), ('running', 'waiting'), ('running', 'queued'), ('running', 'succeeded'), ('running', 'failed'),
        ('running', 'cancelled'), ('running', 'needs_attention')
    ) THEN
        RAISE EXCEPTION 'a job may not go from % to %', OLD.state, NEW.state USING ERRCODE = '23M02';
    END IF;
    -- a started job may own the target's fence: only an attempt may end it
    IF OLD.state = 'queued' AND NEW.state IN ('cancelled', 'failed') AND OLD.starts > 0 THEN
        RAISE EXCEPTION 'job % has started; only an attempt may end it', OLD.id USING ERRCODE = '23M03';
    END IF;
    -- nor may it be sent back to wait: nobody else could have the target meanwhile
    IF OLD.state IN ('queued', 'running') AND NEW.state = 'waiting' AND OLD.starts > 0 THEN
        RAISE EXCEPTION 'job % has started; it goes on', OLD.id USING ERRCODE = '23M08';
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
        ELSIF NEW.state IN ('queued', 'waiting') THEN
            NEW.owner := NULL;
            NEW.lease_until := NULL;
        END IF;
        INSERT INTO liftlock_control.job_events (job_id, from_state, to_state, attempt, reason)
        VALUES (NEW.id, OLD.state, NEW.state, NEW.attempt, NEW.reason);
    END IF;
    RETURN NEW;
END $$;

-- as it tells of those that are accepted to wait for somebody
DROP TRIGGER events_note_for_webhooks ON liftlock_control.events;
CREATE TRIGGER events_note_for_webhooks AFTER INSERT ON liftlock_control.events
    FOR EACH ROW WHEN (
        NEW.type IN ('job.ended', 'job.accepted', 'conflict.opened')
        OR NEW.type = 'job.changed' AND NEW.detail->>'state' = 'waiting' AND NEW.detail->>'reason' = 'approval')
    EXECUTE FUNCTION liftlock_control.note_for_webhooks();

-- migrate:down
DROP TRIGGER events_note_for_webhooks ON liftlock_control.events;
CREATE TRIGGER events_note_for_webhooks AFTER INSERT ON liftlock_control.events
    FOR EACH ROW WHEN (NEW.type IN ('job.ended', 'job.accepted', 'conflict.opened'))
    EXECUTE FUNCTION liftlock_control.note_for_webhooks();

CREATE OR REPLACE FUNCTION liftlock_control.jobs_guard() RETURNS trigger LANGUAGE plpgsql AS $$
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
