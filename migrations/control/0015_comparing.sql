-- name: control-comparing
-- version: 0015
-- dependencies: control-convoys
--
-- Every hour: is each environment still what those it requires have led to?

-- migrate:up
INSERT INTO liftlock_control.schedules (name, kind, every, next_due) VALUES
    ('compare', 'compare', interval '1 hour', clock_timestamp() + interval '1 hour');

-- migrate:down
DELETE FROM liftlock_control.schedules WHERE name = 'compare';
