-- One that cannot be undone, and says so: a rollback stops here, with this reason.
-- dependencies: create_customers, create_orders
-- irreversible: the original spelling of the addresses is not kept

-- migrate:up
UPDATE customers SET email = lower(email) WHERE email <> lower(email);
