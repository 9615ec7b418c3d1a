-- name: control-answers-and-schedules
-- version: 0004
-- dependencies: control-records
--
-- Who settled a conflict and why; what runs by itself, and when.

-- migrate:up
ALTER TABLE liftlock_control.conflicts
    ADD COLUMN resolved_by text,
    ADD COLUMN note text,
    ADD COLUMN resolved_by_job uuid;
-- what somebody has said to ignore stays one closed record, as what settles itself does
DROP INDEX liftlock_control.conflicts_one_per_cause;
CREATE UNIQUE INDEX conflicts_one_per_cause ON liftlock_control.conflicts (md5(fingerprint))
    WHERE state = 'open' OR resolution = 'none' OR resolution = 'ignore';

CREATE TABLE liftlock_control.schedules (
    name text PRIMARY KEY,
    kind text NOT NULL,
    every interval NOT NULL CHECK (every > interval '0'),
    next_due timestamptz NOT NULL,
    paused boolean NOT NULL DEFAULT false,
    last_job uuid
);
INSERT INTO liftlock_control.schedules (name, kind, every, next_due) VALUES
    ('purge', 'purge', interval '10 min', clock_timestamp() + interval '10 min'),
    ('rescue', 'rescue', interval '5 min', clock_timestamp() + interval '5 min');

-- two ticks of the same moment insert one job
ALTER TABLE liftlock_control.jobs ADD COLUMN schedule text, ADD COLUMN due_at timestamptz;
CREATE UNIQUE INDEX jobs_one_per_tick ON liftlock_control.jobs (schedule, due_at) WHERE due_at IS NOT NULL;
-- a tick that found nothing to do is no history; every other job is kept for ever
DROP TRIGGER jobs_never_deleted ON liftlock_control.jobs;
CREATE TRIGGER jobs_never_deleted BEFORE DELETE ON liftlock_control.jobs
    FOR EACH ROW WHEN (OLD.due_at IS NULL OR OLD.state <> 'succeeded' OR OLD.reason <> 'nothing_to_do')
    EXECUTE FUNCTION liftlock_control.never_deleted();

-- migrate:down
DROP TRIGGER jobs_never_deleted ON liftlock_control.jobs;
CREATE TRIGGER jobs_never_deleted BEFORE DELETE ON liftlock_control.jobs
    FOR EACH ROW EXECUTE FUNCTION liftlock_control.never_deleted();
DROP INDEX liftlock_control.jobs_one_per_tick;
ALTER TABLE liftlock_control.jobs DROP COLUMN schedule, DROP COLUMN due_at;
DROP TABLE liftlock_control.schedules;
DROP INDEX liftlock_control.conflicts_one_per_cause;
DELETE FROM liftlock_control.conflicts WHERE resolution = 'ignore';
CREATE UNIQUE INDEX conflicts_one_per_cause ON liftlock_control.conflicts (md5(fingerprint))
    WHERE state = 'open' OR resolution = 'none';
ALTER TABLE liftlock_control.conflicts DROP COLUMN resolved_by, DROP COLUMN note, DROP COLUMN resolved_by_job;
