-- name: control-registry
-- version: 0013
-- dependencies: control-approvals
--
-- Environments that are registered over HTTP, beside those of liftlock.toml.

-- migrate:up
CREATE TABLE liftlock_control.environments (
    name text PRIMARY KEY,
    document jsonb NOT NULL,
    version int NOT NULL DEFAULT 1,
    updated_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    updated_by text NOT NULL
);

-- migrate:down
DROP TABLE liftlock_control.environments;
