-- An index on the foreign key, so that a customer's orders are found without reading them all.
-- dependencies: create_orders

-- migrate:up
CREATE INDEX orders_by_customer ON orders (customer_id, placed_at DESC);

-- migrate:down
DROP INDEX orders_by_customer;
