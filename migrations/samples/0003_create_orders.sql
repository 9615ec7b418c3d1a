-- A foreign key, and the dependency that it needs: dependencies go first, whatever the versions say.
-- dependencies: create_customers

-- migrate:up
CREATE TABLE orders (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    customer_id bigint NOT NULL REFERENCES customers (id),
    placed_at timestamptz NOT NULL DEFAULT now()
);

INSERT INTO customers (email, full_name) VALUES
    ('Ada@Example.com', 'Ada Sailor'),
    ('grace@example.com', 'Grace Harbour');

INSERT INTO orders (customer_id)
SELECT id FROM customers ORDER BY id;

-- migrate:down
DROP TABLE orders;
DELETE FROM customers WHERE email IN ('Ada@Example.com', 'ada@example.com', 'grace@example.com');
