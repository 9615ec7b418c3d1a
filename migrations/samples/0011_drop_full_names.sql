-- One that destroys a column with its values. They are kept, and rolled back it brings them back too, row by row.
-- dependencies: create_customers, create_orders

-- migrate:up
-- liftlock: allow COLUMN_DROPPED nothing of the shop reads full names any more
ALTER TABLE customers DROP COLUMN full_name;

-- migrate:down
ALTER TABLE customers ADD COLUMN full_name text NOT NULL DEFAULT '';
ALTER TABLE customers ALTER COLUMN full_name DROP DEFAULT;
