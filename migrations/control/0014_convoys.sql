-- name: control-convoys
-- version: 0014
-- dependencies: control-registry
--
-- The jobs of one job over several targets: at each place one, whoever makes it, and however often.

-- migrate:up
CREATE TABLE liftlock_control.convoys (
    parent_id uuid NOT NULL REFERENCES liftlock_control.jobs,
    place int NOT NULL,
    job_id uuid NOT NULL UNIQUE REFERENCES liftlock_control.jobs,
    PRIMARY KEY (parent_id, place)
);

-- migrate:down
DROP TABLE liftlock_control.convoys;
