-- name: control-access
-- version: 0011
-- dependencies: control-approvals
--
-- Tokens, by the digests of their secrets; who a principal is called; the audit trail as people ask for it.

-- migrate:up
CREATE TABLE liftlock_control.tokens (
    id uuid PRIMARY KEY,
    name text NOT NULL,
    digest bytea NOT NULL CHECK (octet_length(digest) = 32),
    role text,
    scopes text[] NOT NULL,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    created_by text NOT NULL,
    expires_at timestamptz,
    last_used_at timestamptz,
    last_used_from text,
    revoked_at timestamptz,
    revoked_by text
);
-- a name on the audit trail means one token at a time
CREATE UNIQUE INDEX tokens_by_name ON liftlock_control.tokens (name) WHERE revoked_at IS NULL;

ALTER TABLE liftlock_control.jobs ADD COLUMN principal_name text;
ALTER TABLE liftlock_control.votes ADD COLUMN principal_name text;

ALTER TABLE liftlock_control.audit ADD COLUMN principal_name text, ADD COLUMN refused text;
CREATE INDEX audit_by_principal ON liftlock_control.audit (principal_id, id);
CREATE INDEX audit_by_principal_name ON liftlock_control.audit (principal_name, id) WHERE principal_name IS NOT NULL;
CREATE INDEX audit_by_environment ON liftlock_control.audit (environment, id);
CREATE INDEX audit_by_action ON liftlock_control.audit (action, id);
-- rows come in the order of their time, so a few pages of ranges are all that `since` needs
CREATE INDEX audit_by_time ON liftlock_control.audit USING brin (at);
-- also for a session that plays a replica, which ordinary triggers leave alone
ALTER TABLE liftlock_control.audit ENABLE ALWAYS TRIGGER audit_append_only;
ALTER TABLE liftlock_control.audit ENABLE ALWAYS TRIGGER audit_no_truncate;

-- migrate:down
ALTER TABLE liftlock_control.audit ENABLE TRIGGER audit_no_truncate;
ALTER TABLE liftlock_control.audit ENABLE TRIGGER audit_append_only;
DROP INDEX liftlock_control.audit_by_time, liftlock_control.audit_by_action, liftlock_control.audit_by_environment,
    liftlock_control.audit_by_principal_name, liftlock_control.audit_by_principal;
ALTER TABLE liftlock_control.audit DROP COLUMN refused, DROP COLUMN principal_name;
ALTER TABLE liftlock_control.votes DROP COLUMN principal_name;
ALTER TABLE liftlock_control.jobs DROP COLUMN principal_name;
DROP TABLE liftlock_control.tokens;
