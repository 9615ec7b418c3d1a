-- name: control-sessions
-- version: 0018
-- dependencies: control-access
--
-- Who is signed in to the dashboard: by the digest of what their browser holds, and for which token.

-- migrate:up
CREATE TABLE liftlock_control.sessions (
    digest bytea PRIMARY KEY CHECK (octet_length(digest) = 32),
    -- null for the token of the settings, which has no row
    token_id uuid REFERENCES liftlock_control.tokens (id),
    token_digest bytea NOT NULL CHECK (octet_length(token_digest) = 32),
    created_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL
);
CREATE INDEX sessions_by_end ON liftlock_control.sessions (expires_at);

-- migrate:down
DROP TABLE liftlock_control.sessions;
