-- Roles with the least rights that Liftlock works with: psql -f deploy/roles.sql, as a superuser, once.
--
--   liftlock_owner     owns Liftlock's own tables and brings them up to date:
--                      DATABASE_URL=postgresql://liftlock_owner@…/liftlock python -m app.installing
--   liftlock_service   the DATABASE_URL of API, workers and beat: works with the tables, and cannot change or remove a
--                      row of the audit trail, nor what keeps it so
--   shop_migrator      the url of one environment; make one for each target, with a name and a password of its own
--
-- Change the names as you like. Give each LOGIN role a password: \password liftlock_service

CREATE ROLE liftlock_owner LOGIN;
CREATE ROLE liftlock_service LOGIN;
CREATE ROLE shop_migrator LOGIN;

-- The control database; it has to be there: CREATE DATABASE liftlock;
\connect liftlock
REVOKE ALL ON DATABASE liftlock FROM PUBLIC;
REVOKE ALL ON SCHEMA public FROM PUBLIC;
GRANT CONNECT, CREATE ON DATABASE liftlock TO liftlock_owner;
GRANT CONNECT ON DATABASE liftlock TO liftlock_service;
CREATE SCHEMA liftlock_control AUTHORIZATION liftlock_owner;
CREATE SCHEMA liftlock AUTHORIZATION liftlock_owner;
GRANT USAGE ON SCHEMA liftlock_control, liftlock TO liftlock_service;
ALTER DEFAULT PRIVILEGES FOR ROLE liftlock_owner IN SCHEMA liftlock_control
    GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO liftlock_service;
ALTER DEFAULT PRIVILEGES FOR ROLE liftlock_owner IN SCHEMA liftlock_control
    GRANT USAGE ON SEQUENCES TO liftlock_service;
-- the history of Liftlock's own tables: the service only looks whether they are those of its release
ALTER DEFAULT PRIVILEGES FOR ROLE liftlock_owner IN SCHEMA liftlock GRANT SELECT ON TABLES TO liftlock_service;

-- A target. Its role makes the schemas `liftlock` (the ledger) and `liftlock_preserved` (rows that are kept) by itself.
\connect shop
REVOKE ALL ON DATABASE shop FROM PUBLIC;
GRANT CONNECT, CREATE, TEMPORARY ON DATABASE shop TO shop_migrator;
GRANT USAGE, CREATE ON SCHEMA public TO shop_migrator;
-- who stands in the way of a migration, and what that session does
GRANT pg_read_all_stats TO shop_migrator;
-- To prove migrations (POST /migrations/verify, requireProof) a scratch database is made. Let the role make it:
--   ALTER ROLE shop_migrator CREATEDB;
-- or name as scratchUrl another server, where a role that may has no data to reach (docs/proofs.md).
-- Only an owner may change a table. Where tables are there already, let the role be a member of the one that owns them:
--   GRANT shop_owner TO shop_migrator;
-- and have migrations begin with SET ROLE shop_owner where what they make should be its own.
