-- A table between two others, with two dependencies.
-- dependencies: create_orders, create_products

-- migrate:up
CREATE TABLE order_lines (
    order_id bigint NOT NULL REFERENCES orders (id) ON DELETE CASCADE,
    product_id bigint NOT NULL REFERENCES products (id),
    quantity integer NOT NULL CHECK (quantity > 0),
    PRIMARY KEY (order_id, product_id)
);

INSERT INTO order_lines (order_id, product_id, quantity)
SELECT o.id, p.id, p.id % 2 + 1 FROM orders o CROSS JOIN products p;

-- migrate:down
DROP TABLE order_lines;
