-- A function and a trigger: semicolons inside the body belong to it.
-- dependencies: create_products

-- migrate:up
CREATE TABLE price_history (
    product_id bigint NOT NULL REFERENCES products (id),
    price_cents integer NOT NULL,
    changed_at timestamptz NOT NULL DEFAULT now()
);

CREATE FUNCTION keep_old_price() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO price_history (product_id, price_cents) VALUES (OLD.id, OLD.price_cents);
    RETURN NEW;
END;
$$;

CREATE TRIGGER keep_old_price BEFORE UPDATE OF price_cents ON products
FOR EACH ROW WHEN (OLD.price_cents IS DISTINCT FROM NEW.price_cents)
EXECUTE FUNCTION keep_old_price();

-- migrate:down
DROP TRIGGER keep_old_price ON products;
DROP FUNCTION keep_old_price();
DROP TABLE price_history;
