-- name: control-ends
-- version: 0024
-- dependencies: control-removed
--
-- A job that a worker has taken once and found to have nothing to do is announced with all that became of it: whoever
-- waits for it has no more to read. On a channel of its own, for processes of before that know only the other one.

-- migrate:up
CREATE OR REPLACE FUNCTION liftlock_control.jobs_announce() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.reason = 'nothing_to_do' AND NEW.state = 'succeeded' AND NEW.attempt = 1 AND NEW.starts = 0
        AND NEW.error IS NULL AND NEW.notices = '[]' AND NEW.cancel_requested_at IS NULL AND NEW.paused_by IS NULL
        AND NEW.request->>'convoy' IS NULL AND octet_length(NEW.message) < 1000 THEN
        PERFORM pg_notify('liftlock_ends', NEW.id || ' ' || jsonb_build_object(
            'message', NEW.message, 'started_at', NEW.started_at, 'finished_at', NEW.finished_at,
            'updated_at', NEW.updated_at)::text);
    END IF;
    PERFORM pg_notify('liftlock_jobs', NEW.id || ' ' || NEW.state);
    RETURN NULL;
END $$;

-- migrate:down
CREATE OR REPLACE FUNCTION liftlock_control.jobs_announce() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify('liftlock_jobs', NEW.id || ' ' || NEW.state);
    RETURN NULL;
END $$;
