-- name: control-proofs
-- version: 0007
-- dependencies: control-drift
--
-- The newest verdict on each file: what going up, down and up again has shown of it.

-- migrate:up
CREATE SEQUENCE liftlock_control.proofs_revision;

CREATE TABLE liftlock_control.proofs (
    environment text NOT NULL,
    name text NOT NULL,
    checksum text NOT NULL,
    verdict text NOT NULL CHECK (verdict IN (
        'proven', 'not_restored', 'rows_lost', 'down_fails', 'up_fails', 'irreversible', 'not_checked')),
    text text NOT NULL,
    failure jsonb,
    differences jsonb NOT NULL DEFAULT '[]',
    differences_total int NOT NULL DEFAULT 0,
    losses jsonb NOT NULL DEFAULT '[]',
    notices jsonb NOT NULL DEFAULT '[]',
    job_id uuid NOT NULL,
    server_version text NOT NULL,
    checked_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    revision bigint NOT NULL,
    PRIMARY KEY (environment, name, checksum)
);
-- whether anything has changed is asked with every list
CREATE INDEX proofs_newest ON liftlock_control.proofs (environment, revision);

-- migrate:down
DROP TABLE liftlock_control.proofs;
DROP SEQUENCE liftlock_control.proofs_revision;
