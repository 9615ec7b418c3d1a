-- The third version of the ledger: the schema as it was when the last job that changed it ended.
-- Only the newest is kept: what drifts is compared with it. `event_id` is the newest event then; a newer one
-- without a state means that nobody could look, and nothing is claimed.
CREATE TABLE liftlock.schema_state (
    scope text PRIMARY KEY,
    fingerprint bytea NOT NULL,
    -- canonical JSON
    snapshot text NOT NULL,
    event_id bigint NOT NULL,
    job_id uuid NOT NULL,
    at timestamptz NOT NULL DEFAULT clock_timestamp()
);
UPDATE liftlock.ledger_version SET version = 3;
