-- name: control-drift
-- version: 0006
-- dependencies: control-answers-and-schedules
--
-- The last look at the schema of each environment; and drift that somebody has asked to leave for a while.

-- migrate:up
CREATE TABLE liftlock_control.drift_checks (
    environment text PRIMARY KEY,
    checked_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    state text NOT NULL CHECK (state IN ('clean', 'drifted', 'not_checked')),
    message text NOT NULL,
    expected text,
    found text,
    recorded_at timestamptz,
    recorded_by_job uuid,
    differences jsonb NOT NULL DEFAULT '[]',
    differences_total int NOT NULL DEFAULT 0,
    conflict_id uuid,
    first_seen_at timestamptz
);

-- until when; then the next time that it is seen opens the record again
ALTER TABLE liftlock_control.conflicts ADD COLUMN ignored_until timestamptz;
DROP INDEX liftlock_control.conflicts_one_per_cause;
CREATE UNIQUE INDEX conflicts_one_per_cause ON liftlock_control.conflicts (md5(fingerprint))
    WHERE state = 'open' OR resolution IN ('none', 'ignore', 'ignore_until');

INSERT INTO liftlock_control.schedules (name, kind, every, next_due) VALUES
    ('drift', 'scan', interval '1 hour', clock_timestamp() + interval '1 hour');

-- migrate:down
DELETE FROM liftlock_control.schedules WHERE name = 'drift';
DROP INDEX liftlock_control.conflicts_one_per_cause;
DELETE FROM liftlock_control.conflicts WHERE resolution = 'ignore_until';
CREATE UNIQUE INDEX conflicts_one_per_cause ON liftlock_control.conflicts (md5(fingerprint))
    WHERE state = 'open' OR resolution = 'none' OR resolution = 'ignore';
ALTER TABLE liftlock_control.conflicts DROP COLUMN ignored_until;
DROP TABLE liftlock_control.drift_checks;
