-- The second version of the ledger: what ran outside a transaction, statement by statement.
ALTER TABLE liftlock.migration_events ADD COLUMN IF NOT EXISTS note text;
COMMENT ON COLUMN liftlock.migration_events.note IS 'why, of what people have said: marks, and answers to conflicts';

-- rows of a migration that is under way or was left half way; none once it is done, or people have settled it
CREATE TABLE liftlock.step_statements (
    scope text NOT NULL,
    name text NOT NULL,
    direction text NOT NULL,
    -- the same text twice in a script is told apart by `occurrence`
    sha256 bytea NOT NULL,
    occurrence int NOT NULL,
    state text NOT NULL CHECK (state IN ('intent', 'applied', 'uncertain')),
    -- what was seen before the statement was sent
    facts jsonb NOT NULL DEFAULT '{}',
    job_id uuid NOT NULL,
    epoch bigint NOT NULL,
    at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (scope, name, direction, sha256, occurrence)
);
UPDATE liftlock.ledger_version SET version = 2;
