-- Rows that come with the schema, and a verify block: it runs in the same transaction, and unless every row
-- of it is true, the migration is rolled back.

-- migrate:up
CREATE TABLE products (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    sku text NOT NULL UNIQUE,
    title text NOT NULL,
    price_cents integer NOT NULL CHECK (price_cents >= 0)
);

INSERT INTO products (sku, title, price_cents) VALUES
    ('ROPE-10', 'Mooring rope, 10 m', 2900),
    ('FEND-S', 'Fender, small', 1850),
    ('HOOK-2', 'Boat hook, 2 m', 3400);

-- migrate:down
DROP TABLE products;

-- migrate:verify
SELECT count(*) = 3 FROM products;
SELECT price_cents > 0 FROM products;
