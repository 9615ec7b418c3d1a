-- The fourth version of the ledger: what steps would have destroyed, kept until the step that undoes them.
CREATE SCHEMA IF NOT EXISTS liftlock_preserved;
COMMENT ON SCHEMA liftlock_preserved IS 'rows that migrations would have destroyed; kept by Liftlock';
REVOKE ALL ON SCHEMA liftlock_preserved FROM PUBLIC;

CREATE TABLE liftlock.preserved (
    id uuid PRIMARY KEY,
    scope text NOT NULL,
    -- the step that would have destroyed it
    name text NOT NULL,
    direction text NOT NULL,
    job_id uuid NOT NULL,
    step int NOT NULL,
    -- the order in which a step's sets were kept: they are given back the other way round
    place int NOT NULL,
    kind text NOT NULL CHECK (kind IN ('table', 'columns', 'types', 'deleted', 'updated', 'sequence')),
    relation oid NOT NULL,
    schema_name text NOT NULL,
    relation_name text NOT NULL,
    -- [{"name", "type", "stored"}], in the order of c1, c2 … of the table of kept rows
    columns jsonb NOT NULL,
    -- the same, in the order of k1, k2 …
    keys jsonb NOT NULL,
    -- [{"column", "value", "called"}]
    sequences jsonb NOT NULL DEFAULT '[]',
    rows bigint NOT NULL,
    bytes bigint NOT NULL,
    checksum text NOT NULL,
    kept_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    state text NOT NULL DEFAULT 'kept' CHECK (state IN ('kept', 'restored', 'partly_restored', 'purged')),
    settled_at timestamptz,
    settled_by uuid,
    restored bigint,
    remarks jsonb NOT NULL DEFAULT '[]'
);
CREATE INDEX preserved_waiting ON liftlock.preserved (scope, name, direction) WHERE state = 'kept';
UPDATE liftlock.ledger_version SET version = 4;
