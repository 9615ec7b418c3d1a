-- name: control-approvals
-- version: 0010
-- dependencies: control-windows
--
-- Jobs that wait for somebody's word, and whose it was.

-- migrate:up
ALTER TABLE liftlock_control.jobs ADD COLUMN approvals_needed int NOT NULL DEFAULT 0;
CREATE TABLE liftlock_control.votes (
    job_id uuid NOT NULL REFERENCES liftlock_control.jobs,
    at timestamptz NOT NULL DEFAULT clock_timestamp(),
    principal_id text NOT NULL,
    principal_kind text NOT NULL,
    principal_address text,
    approved boolean NOT NULL,
    note text,
    -- nobody counts twice
    PRIMARY KEY (job_id, principal_kind, principal_id)
);

-- migrate:down
DROP TABLE liftlock_control.votes;
ALTER TABLE liftlock_control.jobs DROP COLUMN approvals_needed;
