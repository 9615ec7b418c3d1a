-- name: control-webhooks
-- version: 0020
-- dependencies: control-processes
--
-- Whom to tell, what of, and whether they have heard. What is worth telling is noted in the transaction that did it.

-- migrate:up
CREATE TABLE liftlock_control.webhooks (
    id uuid PRIMARY KEY,
    name text NOT NULL UNIQUE,
    -- `sealed:…`, `env:NAME` or `file:PATH`, as the secrets; `shown` is what people may see of it
    url text NOT NULL,
    shown text NOT NULL,
    format text NOT NULL CHECK (format IN ('standard', 'slack')),
    -- none: all of them
    events text[] NOT NULL,
    environments text[] NOT NULL,
    secret text NOT NULL,
    previous_secret text,
    previous_until timestamptz,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    created_by text NOT NULL,
    disabled_at timestamptz
);

CREATE TABLE liftlock_control.webhook_outbox (
    event_id bigint PRIMARY KEY
);

CREATE TABLE liftlock_control.webhook_deliveries (
    id uuid PRIMARY KEY,
    webhook_id uuid NOT NULL REFERENCES liftlock_control.webhooks ON DELETE CASCADE,
    -- what its receiver knows it by: the same when it is delivered again
    message_id uuid NOT NULL,
    event_id bigint,
    type text NOT NULL,
    body text NOT NULL,
    state text NOT NULL DEFAULT 'pending' CHECK (state IN ('pending', 'delivered', 'failed')),
    tries jsonb NOT NULL DEFAULT '[]',
    next_try_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    finished_at timestamptz,
    CHECK ((state = 'pending') = (finished_at IS NULL))
);
CREATE UNIQUE INDEX webhook_deliveries_once ON liftlock_control.webhook_deliveries (webhook_id, event_id)
    WHERE id = message_id;
CREATE INDEX webhook_deliveries_due ON liftlock_control.webhook_deliveries (next_try_at) WHERE state = 'pending';
CREATE INDEX webhook_deliveries_by_webhook ON liftlock_control.webhook_deliveries (webhook_id, id);
CREATE INDEX webhook_deliveries_over ON liftlock_control.webhook_deliveries (finished_at) WHERE state <> 'pending';

CREATE FUNCTION liftlock_control.note_for_webhooks() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (SELECT 1 FROM liftlock_control.webhooks WHERE disabled_at IS NULL) THEN
        RETURN NULL;
    END IF;
    IF NEW.type = 'job.accepted' AND NEW.detail->>'reason' IS DISTINCT FROM 'approval' THEN
        RETURN NULL;
    END IF;
    -- a tick that found nothing to do is no news
    IF NEW.type = 'job.ended' AND NEW.detail->>'reason' = 'nothing_to_do' AND EXISTS (
        SELECT 1 FROM liftlock_control.jobs j WHERE j.id = NEW.job_id AND j.schedule IS NOT NULL) THEN
        RETURN NULL;
    END IF;
    INSERT INTO liftlock_control.webhook_outbox (event_id) VALUES (NEW.id);
    RETURN NULL;
END $$;
CREATE TRIGGER events_note_for_webhooks AFTER INSERT ON liftlock_control.events
    FOR EACH ROW WHEN (NEW.type IN ('job.ended', 'job.accepted', 'conflict.opened'))
    EXECUTE FUNCTION liftlock_control.note_for_webhooks();

-- migrate:down
DROP TRIGGER events_note_for_webhooks ON liftlock_control.events;
DROP FUNCTION liftlock_control.note_for_webhooks();
DROP TABLE liftlock_control.webhook_deliveries, liftlock_control.webhook_outbox, liftlock_control.webhooks;
