-- An enum type and a column of it.
-- dependencies: create_orders

-- migrate:up
CREATE TYPE order_status AS ENUM ('open', 'paid', 'shipped', 'cancelled');
ALTER TABLE orders ADD COLUMN status order_status NOT NULL DEFAULT 'open';

-- migrate:down
ALTER TABLE orders DROP COLUMN status;
DROP TYPE order_status;
