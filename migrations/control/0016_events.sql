-- name: control-events
-- version: 0016
-- dependencies: control-registry
--
-- What happens to jobs, conflicts, schedules and environments, as rows that streams are cursors over. Triggers write
-- them, so that no statement can forget one; those of rows are deferred, so that each runs as the last thing before
-- its commit.

-- migrate:up
CREATE TABLE liftlock_control.events (
    -- drawn under a lock that is held until the commit: in the order of commits, so that `id > $1` never misses a row
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at timestamptz NOT NULL DEFAULT clock_timestamp(),
    type text NOT NULL,
    job_id uuid,
    environment text,
    -- what it is about where that is no job: a conflict, a schedule
    subject text,
    -- one line, for people
    said text NOT NULL,
    -- how many bytes the log of its job has with this line
    log_end bigint,
    detail jsonb NOT NULL DEFAULT '{}'
);
CREATE INDEX events_by_job ON liftlock_control.events (job_id, id) WHERE job_id IS NOT NULL;
CREATE INDEX events_by_place_in_log ON liftlock_control.events (job_id, log_end) WHERE job_id IS NOT NULL;
CREATE INDEX events_of_no_job ON liftlock_control.events (at) WHERE job_id IS NULL;

-- a line of a log: the moment (27 bytes), the type in 16, the words, a blank between them and the end of the line
CREATE FUNCTION liftlock_control.tell(
    what text, job uuid, place text, about text, words text, more jsonb
) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    line text := translate(COALESCE(words, ''), E'\n\r\t', '   ');
    before record;
BEGIN
    PERFORM pg_advisory_xact_lock(7310293);
    IF job IS NOT NULL THEN
        SELECT e.log_end, e.environment INTO before FROM liftlock_control.events e
        WHERE e.job_id = job ORDER BY e.log_end DESC LIMIT 1;
        INSERT INTO liftlock_control.events (type, job_id, environment, subject, said, log_end, detail)
        VALUES (what, job, COALESCE(place, before.environment), about, line,
                COALESCE(before.log_end, 0) + 46 + octet_length(convert_to(line, 'UTF8')), more);
    ELSE
        INSERT INTO liftlock_control.events (type, environment, subject, said, detail)
        VALUES (what, place, about, line, more);
    END IF;
    PERFORM pg_notify('liftlock_events', '');
END $$;

-- in the path of every request for a change: it knows that nothing stands before it
CREATE FUNCTION liftlock_control.tell_of_new_job() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    place text := NULLIF(NEW.request->>'environment', 'liftlock-control');
    who text := COALESCE(NEW.principal_name, NEW.principal_id);
    line text := translate(NEW.kind || COALESCE(' of ' || place, '') || ', asked for by ' || who || ': ' || NEW.message,
                           E'\n\r\t', '   ');
    facts jsonb := jsonb_build_object('kind', NEW.kind, 'state', NEW.state, 'reason', NEW.reason,
                                      'message', NEW.message, 'attempt', NEW.attempt, 'by', who);
BEGIN
    PERFORM pg_advisory_xact_lock(7310293), pg_notify('liftlock_events', '');
    INSERT INTO liftlock_control.events (type, job_id, environment, said, log_end, detail)
    VALUES ('job.accepted', NEW.id, place, line, 46 + octet_length(convert_to(line, 'UTF8')), facts);
    IF NEW.finished_at IS NOT NULL THEN
        PERFORM liftlock_control.tell('job.ended', NEW.id, place, NULL,
            NEW.state || ' (' || NEW.reason || '): ' || NEW.message, facts - 'by');
    END IF;
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER jobs_tell_new AFTER INSERT ON liftlock_control.jobs
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION liftlock_control.tell_of_new_job();

CREATE FUNCTION liftlock_control.tell_of_job() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    facts jsonb := jsonb_build_object(
        'kind', NEW.kind, 'state', NEW.state, 'reason', NEW.reason, 'message', NEW.message, 'attempt', NEW.attempt);
    words text := NEW.state || ' (' || NEW.reason || '): ' || NEW.message;
    one text;
BEGIN
    IF OLD.cancel_requested_at IS NULL AND NEW.cancel_requested_at IS NOT NULL THEN
        PERFORM liftlock_control.tell(
            'job.cancel_asked', NEW.id, NULL, NULL, 'by ' || NEW.cancel_requested_by,
            facts || jsonb_build_object('by', NEW.cancel_requested_by));
    END IF;
    IF OLD.paused_by IS DISTINCT FROM NEW.paused_by AND NEW.finished_at IS NULL THEN
        PERFORM liftlock_control.tell(
            CASE WHEN NEW.paused_by IS NULL THEN 'job.resumed' ELSE 'job.paused' END, NEW.id, NULL, NULL,
            COALESCE('by ' || NEW.paused_by, 'it may go on'), facts || jsonb_build_object('by', NEW.paused_by));
    END IF;
    IF NEW.finished_at IS NOT NULL THEN
        FOR one IN SELECT jsonb_array_elements_text(NEW.notices) LOOP
            PERFORM liftlock_control.tell(
                'job.notice', NEW.id, NULL, NULL, one, facts || jsonb_build_object('message', one));
        END LOOP;
        words := words || COALESCE(' at ' || (NEW.error->>'file') || COALESCE(':' || (NEW.error->>'line'), ''), '');
        PERFORM liftlock_control.tell(
            'job.ended', NEW.id, NULL, NULL, words, facts || jsonb_build_object('error', NEW.error));
    ELSIF (OLD.state, OLD.attempt) IS DISTINCT FROM (NEW.state, NEW.attempt)
        -- what it waits for at a lock is told with the sample of it
        OR OLD.reason IS DISTINCT FROM NEW.reason AND NEW.reason <> 'lock' THEN
        PERFORM liftlock_control.tell('job.changed', NEW.id, NULL, NULL, words, facts);
    ELSIF OLD.message IS DISTINCT FROM NEW.message AND NEW.reason <> 'lock' THEN
        PERFORM liftlock_control.tell('job.progress', NEW.id, NULL, NULL, NEW.message, facts);
    END IF;
    RETURN NULL;
END $$;
-- not for a beat or a ring
CREATE CONSTRAINT TRIGGER jobs_tell AFTER UPDATE ON liftlock_control.jobs
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
    WHEN ((OLD.state, OLD.reason, OLD.message, OLD.attempt, OLD.cancel_requested_at, OLD.paused_by) IS DISTINCT FROM
          (NEW.state, NEW.reason, NEW.message, NEW.attempt, NEW.cancel_requested_at, NEW.paused_by))
    EXECUTE FUNCTION liftlock_control.tell_of_job();

CREATE FUNCTION liftlock_control.words_of(step liftlock_control.job_steps, noted boolean) RETURNS text
LANGUAGE sql IMMUTABLE AS $$
    SELECT translate(step.name || ' (' || step.version || ') ' || step.direction || COALESCE(
        CASE WHEN noted OR step.state IN ('skipped', 'cancelled') THEN ': ' || step.notice
             WHEN step.state = 'failed' THEN ': ' || (step.error->>'message')
             ELSE ' in ' || step.duration_ms || ' ms' END, ''), E'\n\r\t', '   ')
$$;

-- hundreds of steps may change in one statement, so they are told by one. It ends its transaction: between this lock
-- and the commit nobody is waited for
CREATE FUNCTION liftlock_control.tell_of_steps() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    changed liftlock_control.job_steps[];
    noted int[];
BEGIN
    IF TG_OP = 'INSERT' THEN
        SELECT array_agg(n ORDER BY n.ordinal) INTO changed FROM now n WHERE n.state <> 'pending';
    ELSE
        SELECT array_agg(n ORDER BY n.ordinal), array_agg(n.ordinal) FILTER (WHERE n.state = o.state)
        INTO changed, noted
        FROM now n JOIN was o ON o.job_id = n.job_id AND o.ordinal = n.ordinal
        WHERE n.state <> 'pending'
          AND (n.state <> o.state OR n.notice IS NOT NULL AND n.notice IS DISTINCT FROM o.notice);
    END IF;
    IF changed IS NULL THEN
        RETURN NULL;
    END IF;
    PERFORM pg_advisory_xact_lock(7310293), pg_notify('liftlock_events', '');
    INSERT INTO liftlock_control.events (type, job_id, environment, said, log_end, detail)
    SELECT 'step.' || CASE WHEN told.noted THEN 'noted' WHEN told.state = 'running' THEN 'started' ELSE told.state END,
           told.job_id, before.environment, told.words,
           COALESCE(before.log_end, 0) + sum(46 + octet_length(convert_to(told.words, 'UTF8')))
               OVER (PARTITION BY told.job_id ORDER BY told.ordinal),
           jsonb_build_object('step', told.step - 'job_id')
    FROM (SELECT s.job_id, s.ordinal, s.state, s.ordinal = ANY (noted) AS noted, to_jsonb(s) AS step,
                 liftlock_control.words_of(s, s.ordinal = ANY (noted)) AS words
          FROM unnest(changed) s) told
    LEFT JOIN LATERAL (
        SELECT e.log_end, e.environment FROM liftlock_control.events e
        WHERE e.job_id = told.job_id ORDER BY e.log_end DESC LIMIT 1) before ON true
    ORDER BY told.ordinal;
    RETURN NULL;
END $$;
CREATE TRIGGER job_steps_tell_new AFTER INSERT ON liftlock_control.job_steps
    REFERENCING NEW TABLE AS now FOR EACH STATEMENT EXECUTE FUNCTION liftlock_control.tell_of_steps();
CREATE TRIGGER job_steps_tell AFTER UPDATE ON liftlock_control.job_steps
    REFERENCING OLD TABLE AS was NEW TABLE AS now
    FOR EACH STATEMENT EXECUTE FUNCTION liftlock_control.tell_of_steps();

CREATE FUNCTION liftlock_control.tell_of_locks() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    waited int := jsonb_array_length(NEW.sample->'blockers');
    blocked int := jsonb_array_length(NEW.sample->'blocked');
BEGIN
    IF waited + blocked > 0 THEN
        PERFORM liftlock_control.tell('job.lock_wait', NEW.job_id, NULL, NULL,
            CASE WHEN waited > 0 THEN (SELECT j.message FROM liftlock_control.jobs j WHERE j.id = NEW.job_id)
                 ELSE blocked || ' sessions wait for it' END,
            jsonb_build_object('lock', NEW.sample));
    END IF;
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER job_locks_tell AFTER INSERT ON liftlock_control.job_locks
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION liftlock_control.tell_of_locks();

CREATE FUNCTION liftlock_control.tell_of_vote() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    who text := COALESCE(NEW.principal_name, NEW.principal_id);
BEGIN
    PERFORM liftlock_control.tell(CASE WHEN NEW.approved THEN 'job.approved' ELSE 'job.rejected' END,
        NEW.job_id, NULL, NULL, 'by ' || who || COALESCE(': ' || NEW.note, ''),
        jsonb_build_object('by', who, 'message', NEW.note));
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER votes_tell AFTER INSERT ON liftlock_control.votes
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION liftlock_control.tell_of_vote();

CREATE FUNCTION liftlock_control.tell_of_conflict() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM liftlock_control.tell(
        CASE WHEN NEW.state <> 'open' THEN 'conflict.settled'
             WHEN TG_OP = 'UPDATE' AND OLD.state = 'open' THEN 'conflict.again'
             ELSE 'conflict.opened' END,
        NEW.job_id, NEW.environment, NEW.id::text,
        NEW.kind || ': ' || NEW.message || COALESCE(' (' || NEW.resolution || ')', ''),
        jsonb_build_object('kind', NEW.kind, 'state', NEW.state, 'message', NEW.message, 'reason', NEW.resolution,
                           'by', NEW.resolved_by));
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER conflicts_tell_new AFTER INSERT ON liftlock_control.conflicts
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION liftlock_control.tell_of_conflict();
CREATE CONSTRAINT TRIGGER conflicts_tell AFTER UPDATE ON liftlock_control.conflicts
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
    WHEN ((OLD.state, OLD.count, OLD.resolution) IS DISTINCT FROM (NEW.state, NEW.count, NEW.resolution))
    EXECUTE FUNCTION liftlock_control.tell_of_conflict();

CREATE FUNCTION liftlock_control.tell_of_schedule() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    it liftlock_control.schedules := CASE WHEN TG_OP = 'DELETE' THEN OLD ELSE NEW END;
BEGIN
    PERFORM liftlock_control.tell(
        CASE TG_OP WHEN 'DELETE' THEN 'schedule.removed' ELSE 'schedule.changed' END, NULL, it.environment, it.name,
        it.name || CASE WHEN it.paused THEN ' (paused)' ELSE '' END, jsonb_build_object('kind', it.kind));
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER schedules_tell AFTER INSERT OR UPDATE OR DELETE ON liftlock_control.schedules
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION liftlock_control.tell_of_schedule();

CREATE FUNCTION liftlock_control.tell_of_drift() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM liftlock_control.tell('environment.drift', NULL, NEW.environment, NULL, NEW.state || ': ' || NEW.message,
        jsonb_build_object('state', NEW.state, 'message', NEW.message));
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER drift_checks_tell AFTER INSERT OR UPDATE ON liftlock_control.drift_checks
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION liftlock_control.tell_of_drift();

CREATE FUNCTION liftlock_control.tell_of_environment() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    it liftlock_control.environments := CASE WHEN TG_OP = 'DELETE' THEN OLD ELSE NEW END;
BEGIN
    PERFORM liftlock_control.tell(
        CASE TG_OP WHEN 'DELETE' THEN 'environment.removed' ELSE 'environment.changed' END, NULL, it.name, NULL,
        it.name || ', by ' || it.updated_by, jsonb_build_object('by', it.updated_by));
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER environments_tell AFTER INSERT OR UPDATE OR DELETE ON liftlock_control.environments
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION liftlock_control.tell_of_environment();

-- what the jobs of before have left of their past
INSERT INTO liftlock_control.events (at, type, job_id, environment, said, log_end, detail)
SELECT told.at, told.type, told.job_id, told.environment, told.said,
       sum(46 + octet_length(convert_to(told.said, 'UTF8'))) OVER (PARTITION BY told.job_id ORDER BY told.id),
       told.detail
FROM (
    SELECT e.id, e.at, e.job_id, NULLIF(j.request->>'environment', 'liftlock-control') AS environment,
           CASE WHEN e.to_state IN ('succeeded', 'failed', 'cancelled', 'needs_attention') THEN 'job.ended'
                WHEN e.from_state IS NULL THEN 'job.accepted' ELSE 'job.changed' END AS type,
           translate(e.to_state || ' (' || e.reason || ')', E'\n\r\t', '   ') AS said,
           jsonb_build_object('kind', j.kind, 'state', e.to_state, 'reason', e.reason, 'attempt', e.attempt) AS detail
    FROM liftlock_control.job_events e JOIN liftlock_control.jobs j ON j.id = e.job_id) told
ORDER BY told.id;

-- migrate:down
DROP TRIGGER environments_tell ON liftlock_control.environments;
DROP TRIGGER drift_checks_tell ON liftlock_control.drift_checks;
DROP TRIGGER schedules_tell ON liftlock_control.schedules;
DROP TRIGGER conflicts_tell ON liftlock_control.conflicts;
DROP TRIGGER conflicts_tell_new ON liftlock_control.conflicts;
DROP TRIGGER votes_tell ON liftlock_control.votes;
DROP TRIGGER job_locks_tell ON liftlock_control.job_locks;
DROP TRIGGER job_steps_tell ON liftlock_control.job_steps;
DROP TRIGGER job_steps_tell_new ON liftlock_control.job_steps;
DROP TRIGGER jobs_tell ON liftlock_control.jobs;
DROP TRIGGER jobs_tell_new ON liftlock_control.jobs;
DROP FUNCTION liftlock_control.tell_of_environment(), liftlock_control.tell_of_drift(),
    liftlock_control.tell_of_schedule(), liftlock_control.tell_of_conflict(), liftlock_control.tell_of_vote(),
    liftlock_control.tell_of_locks(), liftlock_control.tell_of_steps(),
    liftlock_control.words_of(liftlock_control.job_steps, boolean), liftlock_control.tell_of_job(),
    liftlock_control.tell_of_new_job(), liftlock_control.tell(text, uuid, text, text, text, jsonb);
DROP TABLE liftlock_control.events;
