-- A view over what came before.
-- dependencies: add_order_status, fill_order_totals

-- migrate:up
CREATE VIEW open_orders AS
SELECT o.id, c.email, o.total_cents, o.placed_at
FROM orders o
JOIN customers c ON c.id = o.customer_id
WHERE o.status = 'open';

-- migrate:down
DROP VIEW open_orders;

-- migrate:verify
SELECT count(*) = (SELECT count(*) FROM orders WHERE status = 'open') FROM open_orders;
