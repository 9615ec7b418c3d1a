-- name: control-append-only
-- version: 0021
-- dependencies: control-webhooks
--
-- The audit trail is only ever added to, also by right: whoever does not own it may read it and add to it. (Triggers
-- refuse the same to its owner.) See deploy/roles.sql for roles with which the service does not own it.

-- migrate:up
DO $$
DECLARE
    held record;
BEGIN
    FOR held IN
        SELECT DISTINCT CASE one.grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(one.grantee)) END AS who
        FROM pg_class c, aclexplode(c.relacl) AS one
        WHERE c.oid = 'liftlock_control.audit'::regclass AND one.grantee <> c.relowner
    LOOP
        EXECUTE 'REVOKE UPDATE, DELETE, TRUNCATE, REFERENCES, TRIGGER ON liftlock_control.audit FROM ' || held.who;
    END LOOP;
END $$;

-- migrate:down
SELECT 1;
