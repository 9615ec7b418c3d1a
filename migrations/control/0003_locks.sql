-- name: control-locks
-- version: 0003
-- dependencies: control-records
--
-- Who asked a job to stop, and whom it met at the locks of its target.

-- migrate:up
ALTER TABLE liftlock_control.jobs
    ADD COLUMN cancel_requested_at timestamptz,
    ADD COLUMN cancel_requested_by text;

CREATE TABLE liftlock_control.job_locks (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    job_id uuid NOT NULL,
    at timestamptz NOT NULL DEFAULT clock_timestamp(),
    sample jsonb NOT NULL
);
CREATE INDEX job_locks_by_job ON liftlock_control.job_locks (job_id, id);

-- migrate:down
DROP TABLE liftlock_control.job_locks;
ALTER TABLE liftlock_control.jobs DROP COLUMN cancel_requested_at, DROP COLUMN cancel_requested_by;
