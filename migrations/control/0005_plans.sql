-- name: control-plans
-- version: 0005
-- dependencies: control-answers-and-schedules
--
-- What somebody asked would be run: kept as it was answered, so that a run can be held to it.

-- migrate:up
CREATE TABLE liftlock_control.plans (
    id uuid PRIMARY KEY,
    environment text NOT NULL,
    kind text NOT NULL,
    verdict text NOT NULL CHECK (verdict IN ('ready', 'needs_consent', 'refused')),
    created_at timestamptz NOT NULL,
    principal_id text NOT NULL,
    step_count int NOT NULL,
    hazard_count int NOT NULL,
    -- JSON as text: it is only ever read whole, and a migration may hold what jsonb cannot
    content text NOT NULL
);
CREATE INDEX plans_by_environment ON liftlock_control.plans (environment, id);

-- migrate:down
DROP TABLE liftlock_control.plans;
