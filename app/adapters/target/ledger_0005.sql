-- The fifth version of the ledger: an environment that is unlocked for a while, by whom, and when it locks again.
ALTER TABLE liftlock.settings ADD COLUMN unlocked_until timestamptz, ADD COLUMN unlocked_by text;
UPDATE liftlock.ledger_version SET version = 5;
