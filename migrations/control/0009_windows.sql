-- name: control-windows
-- version: 0009
-- dependencies: control-dry-runs
--
-- Jobs that wait for a window to open: they have no place in their queue until then. Schedules of one environment.

-- migrate:up
ALTER TABLE liftlock_control.jobs ADD COLUMN not_before timestamptz;
CREATE INDEX jobs_to_wake ON liftlock_control.jobs (not_before) WHERE state = 'waiting';
ALTER TABLE liftlock_control.schedules ADD COLUMN environment text;

-- migrate:down
DELETE FROM liftlock_control.schedules WHERE environment IS NOT NULL;
ALTER TABLE liftlock_control.schedules DROP COLUMN environment;
DROP INDEX liftlock_control.jobs_to_wake;
ALTER TABLE liftlock_control.jobs DROP COLUMN not_before;
