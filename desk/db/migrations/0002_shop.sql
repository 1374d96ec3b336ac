-- The reference business systems: a small shop in a schema of its own, where a customer's rows are the customer's.
-- Adapters read as the role frontdesk_shop with frontdesk.customer_id set for one transaction; without it there are no rows.

DO $$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'frontdesk_shop') THEN
        CREATE ROLE frontdesk_shop NOLOGIN NOINHERIT;
    END IF;
EXCEPTION WHEN duplicate_object OR unique_violation THEN
    NULL;  -- roles belong to the whole server: another database was migrated at the same time
END $$;

DO $$
BEGIN
    IF NOT pg_has_role(current_user, 'frontdesk_shop', 'SET') THEN
        EXECUTE format('GRANT frontdesk_shop TO %I', current_user);
    END IF;
END $$;

CREATE SCHEMA shop;
REVOKE ALL ON SCHEMA shop FROM PUBLIC;

CREATE TABLE shop.customers (
    id      text PRIMARY KEY CHECK (id <> ''),
    name    text NOT NULL,
    email   text NOT NULL CHECK (position('@' IN email) > 1),
    phone   text,
    segment text NOT NULL CHECK (segment IN ('standard', 'vip')),
    locale  text NOT NULL
);
CREATE UNIQUE INDEX customers_email ON shop.customers (lower(email));

CREATE TABLE shop.orders (
    number       text PRIMARY KEY CHECK (number <> ''),
    customer_id  text NOT NULL REFERENCES shop.customers,
    status       text NOT NULL CHECK (status IN ('processing', 'shipped', 'delivered', 'cancelled')),
    total        bigint NOT NULL CHECK (total >= 0),               -- minor units
    currency     text NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
    placed_at    timestamptz NOT NULL,
    shipped_at   timestamptz CHECK (shipped_at >= placed_at),
    delivered_at timestamptz CHECK (delivered_at >= shipped_at),
    UNIQUE (number, customer_id),
    CHECK (status <> 'shipped' OR (shipped_at IS NOT NULL AND delivered_at IS NULL)),
    CHECK ((status = 'delivered') = (delivered_at IS NOT NULL)),
    CHECK (status <> 'processing' OR shipped_at IS NULL)
);
CREATE INDEX orders_of_customer ON shop.orders (customer_id, placed_at DESC);

-- The customer is repeated in every table that hangs on an order, and the pair must exist: a row-level policy then is
-- one comparison, and a row cannot belong to one customer while its order belongs to another.
CREATE TABLE shop.order_items (
    order_number text NOT NULL,
    position     integer NOT NULL CHECK (position > 0),
    customer_id  text NOT NULL,
    name         text NOT NULL,
    quantity     integer NOT NULL CHECK (quantity > 0),
    price        bigint NOT NULL CHECK (price >= 0),
    PRIMARY KEY (order_number, position),
    FOREIGN KEY (order_number, customer_id) REFERENCES shop.orders (number, customer_id) ON DELETE CASCADE
);

CREATE TABLE shop.shipments (
    order_number    text PRIMARY KEY,
    customer_id     text NOT NULL,
    tracking_number text UNIQUE,
    carrier         text,
    status          text NOT NULL CHECK (status IN ('not_shipped', 'in_transit', 'delivered')),
    last_scan       text,
    expected_at     timestamptz,
    CHECK ((status = 'not_shipped') = (tracking_number IS NULL)),
    FOREIGN KEY (order_number, customer_id) REFERENCES shop.orders (number, customer_id) ON DELETE CASCADE
);

CREATE TABLE shop.invoices (
    number         text PRIMARY KEY CHECK (number <> ''),
    order_number   text NOT NULL,
    customer_id    text NOT NULL,
    total          bigint NOT NULL CHECK (total >= 0),
    currency       text NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
    issued_at      timestamptz NOT NULL,
    payment_status text NOT NULL CHECK (payment_status IN ('paid', 'open', 'refunded')),
    payment_method text NOT NULL CHECK (payment_method !~ '[0-9]{5}'),  -- masked: at most the last four digits
    FOREIGN KEY (order_number, customer_id) REFERENCES shop.orders (number, customer_id) ON DELETE CASCADE
);
CREATE INDEX invoices_of_order ON shop.invoices (order_number);

GRANT USAGE ON SCHEMA shop TO frontdesk_shop;
GRANT SELECT ON ALL TABLES IN SCHEMA shop TO frontdesk_shop;

-- FORCE: the owner, too, sees nothing by accident. Seeding and identification open the shop on purpose, for one
-- transaction or one function call, with frontdesk.whole_shop; only the owner's policy looks at it.
DO $$
DECLARE
    name text;
    key  text;
BEGIN
    FOREACH name IN ARRAY ARRAY['customers', 'orders', 'order_items', 'shipments', 'invoices'] LOOP
        key := CASE name WHEN 'customers' THEN 'id' ELSE 'customer_id' END;
        EXECUTE format('ALTER TABLE shop.%I ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY', name);
        EXECUTE format(
            'CREATE POLICY own_rows ON shop.%I FOR SELECT TO frontdesk_shop'
            ' USING (%I = NULLIF(current_setting(''frontdesk.customer_id'', true), ''''))', name, key);
        EXECUTE format(
            'CREATE POLICY whole_shop ON shop.%I FOR ALL TO %I'
            ' USING (current_setting(''frontdesk.whole_shop'', true) = ''on'')', name, current_user);
    END LOOP;
END $$;

-- The switch is turned inside and not in the function's header: only a superuser may name a custom setting there.
CREATE FUNCTION shop.identify(address text, placed_order text) RETURNS text
    LANGUAGE plpgsql VOLATILE SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    found_id text;
BEGIN
    PERFORM set_config('frontdesk.whole_shop', 'on', true);
    SELECT customers.id INTO found_id
      FROM shop.orders JOIN shop.customers ON customers.id = orders.customer_id
     WHERE orders.number = placed_order AND lower(customers.email) = lower(address);
    PERFORM set_config('frontdesk.whole_shop', 'off', true);
    RETURN found_id;
END $$;
REVOKE ALL ON FUNCTION shop.identify(text, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION shop.identify(text, text) TO frontdesk_shop;
