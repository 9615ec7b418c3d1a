-- name: control-removed
-- version: 0023
-- dependencies: control-append-only
--
-- Environments as liftlock.toml has had them, and each of several targets: to take one with a history out of the file
-- asks first, and that there was one is known nowhere else.

-- migrate:up
CREATE TABLE liftlock_control.file_environments (
    name text PRIMARY KEY,
    -- without a password, as people see it
    address text NOT NULL,
    protection text NOT NULL,
    first_seen_at timestamptz NOT NULL DEFAULT now(),
    last_seen_at timestamptz NOT NULL DEFAULT now(),
    -- on purpose, by somebody
    removed_at timestamptz
);

-- migrate:down
DROP TABLE liftlock_control.file_environments;
