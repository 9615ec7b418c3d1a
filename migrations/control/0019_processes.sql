-- name: control-processes
-- version: 0019
-- dependencies: control-events
--
-- The processes that are at work, each of which says so every few seconds: what is alive, and in which release.

-- migrate:up
CREATE TABLE liftlock_control.processes (
    name text PRIMARY KEY,
    kind text NOT NULL CHECK (kind IN ('api', 'worker')),
    release text NOT NULL,
    started_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    seen_at timestamptz NOT NULL DEFAULT clock_timestamp()
);

-- migrate:down
DROP TABLE liftlock_control.processes;
