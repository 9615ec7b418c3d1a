-- name: control-dry-runs
-- version: 0008
-- dependencies: control-proofs
--
-- What going up did where a file was tried; NULL where it did not come to that, and of what was tried before.

-- migrate:up
ALTER TABLE liftlock_control.proofs ADD COLUMN dry_run jsonb;

-- migrate:down
ALTER TABLE liftlock_control.proofs DROP COLUMN dry_run;
