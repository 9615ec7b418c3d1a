-- name: control-reconciling
-- version: 0012
-- dependencies: control-approvals
--
-- Every quarter of an hour: do the targets still have what was done in them?

-- migrate:up
INSERT INTO liftlock_control.schedules (name, kind, every, next_due) VALUES
    ('reconcile', 'reconcile', interval '15 min', clock_timestamp() + interval '15 min');

-- migrate:down
DELETE FROM liftlock_control.schedules WHERE name = 'reconcile';
