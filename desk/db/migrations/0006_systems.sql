-- The reference systems can be written to: orders, billing, CRM, ticketing and scheduling, as one customer at a time.
--
-- Every rule stands here, where no caller gets round it. Who breaks one gets an integrity error whose constraint name
-- begins with the reason the adapters give (desk.integrations.protocols.Refused); what follows "__" tells two rules of
-- one reason apart. Triggers that look beyond the row they fire for run as the owner and open the shop for that moment,
-- so a caller who turns frontdesk.customer_id about in the middle of a statement changes nothing. Those on INSERT fire
-- after the row-level check, so a refused row tells nothing about the customer it was meant for.

SELECT set_config('frontdesk.whole_shop', 'on', true);  -- for the data this migration moves

-- Helpers -------------------------------------------------------------------------------------------------------------

CREATE FUNCTION shop.refuse(reason text, message text) RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RAISE EXCEPTION USING ERRCODE = 'check_violation', CONSTRAINT = reason, MESSAGE = message;
END $$;

-- Turns the owner's switch and tells how it stood: a trigger may fire while the shop is being seeded.
CREATE FUNCTION shop.whole_shop(wanted text) RETURNS text
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    before text := coalesce(current_setting('frontdesk.whole_shop', true), '');
BEGIN
    PERFORM set_config('frontdesk.whole_shop', wanted, true);
    RETURN before;
END $$;

-- The country an address ends with, or NULL when its last part names none.
CREATE FUNCTION shop.country_of(address text) RETURNS text
    LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp
AS $$
    SELECT code FROM (VALUES
        ('US', 'united states'), ('US', 'united states of america'), ('US', 'usa'), ('CA', 'canada'), ('MX', 'mexico'),
        ('GB', 'united kingdom'), ('GB', 'uk'), ('GB', 'great britain'), ('GB', 'england'), ('GB', 'scotland'),
        ('IE', 'ireland'), ('FR', 'france'), ('DE', 'germany'), ('DE', 'deutschland'), ('ES', 'spain'),
        ('ES', 'españa'), ('PT', 'portugal'), ('IT', 'italy'), ('AT', 'austria'), ('CH', 'switzerland'),
        ('BE', 'belgium'), ('NL', 'netherlands'), ('NL', 'the netherlands'), ('LU', 'luxembourg'), ('DK', 'denmark'),
        ('SE', 'sweden'), ('NO', 'norway'), ('FI', 'finland'), ('PL', 'poland'), ('CZ', 'czech republic'),
        ('CZ', 'czechia'), ('RO', 'romania'), ('GR', 'greece'), ('TR', 'turkey'), ('UA', 'ukraine'), ('RU', 'russia'),
        ('NG', 'nigeria'), ('GH', 'ghana'), ('KE', 'kenya'), ('ZA', 'south africa'), ('EG', 'egypt'),
        ('IL', 'israel'), ('AE', 'united arab emirates'), ('IN', 'india'), ('CN', 'china'), ('JP', 'japan'),
        ('KR', 'south korea'), ('SG', 'singapore'), ('PH', 'philippines'), ('AU', 'australia'), ('NZ', 'new zealand'),
        ('BR', 'brazil'), ('AR', 'argentina'), ('CL', 'chile'), ('CO', 'colombia'), ('PE', 'peru')
    ) AS known (code, name)
     WHERE name = lower(btrim(regexp_replace(address, '^.*,', ''), ' .'))
$$;

-- Customers -----------------------------------------------------------------------------------------------------------

ALTER TABLE shop.customers
    ADD COLUMN address            text NOT NULL DEFAULT 'Not recorded',
    ADD COLUMN country            text NOT NULL DEFAULT 'ZZ' CHECK (country ~ '^[A-Z]{2}$'),  -- ISO 3166; ZZ: unknown
    ADD COLUMN status             text NOT NULL DEFAULT 'active' CHECK (status IN ('active', 'closed')),
    ADD COLUMN newsletter         boolean NOT NULL DEFAULT false,
    ADD COLUMN previous_email     text,
    ADD COLUMN previous_phone     text,
    ADD COLUMN email_changed_at   timestamptz,
    ADD COLUMN phone_changed_at   timestamptz,
    ADD COLUMN address_changed_at timestamptz,
    ADD COLUMN payment_method_id  text,
    DROP CONSTRAINT customers_email_check,
    ADD CONSTRAINT value_invalid__name CHECK (name ~ '^[^[:cntrl:]]{1,120}$' AND name ~ '[^[:space:]]'),
    ADD CONSTRAINT value_invalid__email CHECK (
        length(email) <= 254 AND email ~ '^[^@[:space:][:cntrl:]]{1,64}@[^@[:space:][:cntrl:]]+\.[^@.[:space:][:cntrl:]]{2,}$'),
    ADD CONSTRAINT value_invalid__phone CHECK (phone ~ '^\+[0-9]{8,15}$'),
    ADD CONSTRAINT value_invalid__address CHECK (address ~ '^[^[:cntrl:]]{5,250}$');
ALTER TABLE shop.customers ALTER COLUMN address DROP DEFAULT, ALTER COLUMN country DROP DEFAULT;
ALTER INDEX shop.customers_email RENAME TO value_taken__email;

-- As before; "address" alone would be a column of customers now.
CREATE OR REPLACE FUNCTION shop.identify(address text, placed_order text) RETURNS text
    LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    before   text := shop.whole_shop('on');
    found_id text;
BEGIN
    SELECT customers.id INTO found_id
      FROM shop.orders JOIN shop.customers ON customers.id = orders.customer_id
     WHERE orders.number = placed_order AND lower(customers.email) = lower(identify.address);
    PERFORM shop.whole_shop(before);
    RETURN found_id;
END $$;

CREATE TABLE shop.payment_methods (
    id          text PRIMARY KEY CHECK (id <> ''),
    customer_id text NOT NULL REFERENCES shop.customers ON DELETE CASCADE,
    label       text NOT NULL CHECK (label !~ '[0-9]{5}'),  -- masked: at most the last four digits
    UNIQUE (id, customer_id)
);
ALTER TABLE shop.customers
    ADD CONSTRAINT own_payment_method FOREIGN KEY (payment_method_id, id) REFERENCES shop.payment_methods (id, customer_id);

-- What happened to an account and its records, in words without contact data.
CREATE TABLE shop.history (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    customer_id text NOT NULL REFERENCES shop.customers ON DELETE CASCADE,
    at          timestamptz NOT NULL,
    what        text NOT NULL CHECK (length(what) <= 200)
);
CREATE INDEX history_of_customer ON shop.history (customer_id, at DESC);

-- Orders and their money ----------------------------------------------------------------------------------------------

-- What was paid and what went back are kept on the order, so that one CHECK on one locked row bounds all refunds.
ALTER TABLE shop.orders
    ADD COLUMN delivery_address text NOT NULL DEFAULT 'Not recorded',
    ADD COLUMN delivery_country text NOT NULL DEFAULT 'ZZ' CHECK (delivery_country ~ '^[A-Z]{2}$'),
    ADD COLUMN paid             bigint NOT NULL DEFAULT 0 CHECK (paid >= 0),
    ADD COLUMN refunded         bigint NOT NULL DEFAULT 0 CHECK (refunded >= 0),
    ADD CONSTRAINT value_invalid__delivery_address CHECK (delivery_address ~ '^[^[:cntrl:]]{5,250}$'),
    ADD CONSTRAINT orders_of_a_currency UNIQUE (number, customer_id, currency);
ALTER TABLE shop.orders ALTER COLUMN delivery_address DROP DEFAULT, ALTER COLUMN delivery_country DROP DEFAULT;

CREATE TABLE shop.payments (
    id           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    order_number text NOT NULL,
    customer_id  text NOT NULL,
    amount       bigint NOT NULL CHECK (amount > 0),
    currency     text NOT NULL,
    method       text NOT NULL CHECK (method !~ '[0-9]{5}'),
    paid_at      timestamptz NOT NULL DEFAULT now(),
    FOREIGN KEY (order_number, customer_id, currency) REFERENCES shop.orders (number, customer_id, currency)
        ON DELETE CASCADE
);
CREATE INDEX payments_of_order ON shop.payments (order_number);

CREATE SEQUENCE shop.refund_numbers START 10001;
CREATE TABLE shop.refunds (
    reference    text PRIMARY KEY DEFAULT 'RF-' || nextval('shop.refund_numbers'),
    order_number text NOT NULL,
    customer_id  text NOT NULL,
    amount       bigint NOT NULL CONSTRAINT value_invalid__amount CHECK (amount > 0),
    currency     text NOT NULL,
    created_at   timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT wrong_currency FOREIGN KEY (order_number, customer_id, currency)
        REFERENCES shop.orders (number, customer_id, currency) ON DELETE CASCADE
);
CREATE INDEX refunds_of_order ON shop.refunds (order_number);

-- Shops that were filled before: an invoice said what was paid. From now on it follows from the order.
UPDATE shop.orders
   SET paid = orders.total,
       refunded = CASE WHEN invoices.payment_status = 'refunded' OR status = 'cancelled' THEN orders.total ELSE 0 END
  FROM shop.invoices WHERE invoices.order_number = orders.number AND invoices.payment_status <> 'open';
INSERT INTO shop.payments (order_number, customer_id, amount, currency, method, paid_at)
SELECT orders.number, orders.customer_id, paid, orders.currency, payment_method, issued_at
  FROM shop.orders JOIN shop.invoices ON invoices.order_number = orders.number WHERE paid > 0;
INSERT INTO shop.refunds (order_number, customer_id, amount, currency)
SELECT number, customer_id, refunded, currency FROM shop.orders WHERE refunded > 0;
ALTER TABLE shop.invoices DROP COLUMN payment_status;

ALTER TABLE shop.orders
    ADD CONSTRAINT more_than_paid CHECK (refunded <= paid),
    ADD CONSTRAINT already_shipped CHECK (status <> 'cancelled' OR shipped_at IS NULL),
    ADD CONSTRAINT cancelled_means_refunded CHECK (status <> 'cancelled' OR refunded >= paid);

CREATE FUNCTION shop.money_moved() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    before text := shop.whole_shop('on');
BEGIN
    IF TG_TABLE_NAME = 'payments' THEN
        UPDATE shop.orders SET paid = paid + NEW.amount WHERE number = NEW.order_number;
    ELSE
        UPDATE shop.orders SET refunded = refunded + NEW.amount WHERE number = NEW.order_number AND paid > 0;
        IF NOT FOUND THEN
            PERFORM shop.refuse('not_paid', 'Nothing was paid for this order.');
        END IF;
    END IF;
    PERFORM shop.whole_shop(before);
    RETURN NULL;
END $$;
CREATE TRIGGER money_moved AFTER INSERT ON shop.payments FOR EACH ROW EXECUTE FUNCTION shop.money_moved();
CREATE TRIGGER money_moved AFTER INSERT ON shop.refunds FOR EACH ROW EXECUTE FUNCTION shop.money_moved();

CREATE FUNCTION shop.order_moves_on() RETURNS trigger
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF NEW.status = 'processing' AND OLD.status <> 'cancelled' THEN
        PERFORM shop.refuse('not_cancelled', 'Only a cancelled order can be taken up again.');
    ELSIF NEW.status = 'processing' AND OLD.refunded > 0 THEN
        PERFORM shop.refuse('already_refunded', 'The money for this order went back.');
    ELSIF OLD.status = 'cancelled' AND NEW.status <> 'processing' THEN
        PERFORM shop.refuse('already_cancelled', 'The order is cancelled.');
    ELSIF (OLD.status, NEW.status) NOT IN (
        ('processing', 'shipped'), ('processing', 'cancelled'), ('shipped', 'delivered'), ('cancelled', 'processing')
    ) THEN
        PERFORM shop.refuse('already_shipped', 'The order was shipped.');
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER order_moves_on BEFORE UPDATE OF status ON shop.orders
    FOR EACH ROW EXECUTE FUNCTION shop.order_moves_on();

CREATE FUNCTION shop.delivery_may_change() RETURNS trigger
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF OLD.status = 'cancelled' THEN
        PERFORM shop.refuse('already_cancelled', 'The order is cancelled.');
    ELSIF OLD.status <> 'processing' THEN
        PERFORM shop.refuse('already_shipped', 'The order was shipped.');
    ELSIF shop.country_of(NEW.delivery_address) <> OLD.delivery_country AND OLD.delivery_country <> 'ZZ' THEN
        PERFORM shop.refuse('other_country', 'An order cannot move to another country.');
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER delivery_may_change BEFORE UPDATE OF delivery_address ON shop.orders
    FOR EACH ROW EXECUTE FUNCTION shop.delivery_may_change();

-- Accounts ------------------------------------------------------------------------------------------------------------

CREATE FUNCTION shop.account_changes() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    before text;
    settled interval := '30 days';
BEGIN
    IF OLD.status = 'closed' AND (NEW.status = 'closed' OR to_jsonb(NEW) - 'status' <> to_jsonb(OLD) - 'status') THEN
        PERFORM shop.refuse('account_closed', 'The account is closed.');
    END IF;
    IF OLD.status = 'active' AND NEW.status = 'closed' THEN
        before := shop.whole_shop('on');
        IF EXISTS (SELECT FROM shop.orders WHERE customer_id = OLD.id AND orders.status IN ('processing', 'shipped')) THEN
            PERFORM shop.refuse('open_orders', 'There are open orders.');
        END IF;
        PERFORM shop.whole_shop(before);
    END IF;
    -- "Previous" is what was there before the changes of the last weeks: who changes an address twice, or back, must
    -- not make the true one vanish from where warnings and codes go.
    IF NEW.email <> OLD.email THEN
        IF coalesce(OLD.email_changed_at < now() - settled, true) THEN
            NEW.previous_email := OLD.email;
        END IF;
        NEW.email_changed_at := now();
    END IF;
    IF NEW.phone IS DISTINCT FROM OLD.phone THEN
        IF coalesce(OLD.phone_changed_at < now() - settled, true) THEN
            NEW.previous_phone := OLD.phone;
        END IF;
        NEW.phone_changed_at := now();
    END IF;
    IF NEW.address <> OLD.address THEN
        NEW.address_changed_at := now();
        NEW.country := coalesce(shop.country_of(NEW.address), OLD.country);
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER account_changes BEFORE UPDATE ON shop.customers FOR EACH ROW EXECUTE FUNCTION shop.account_changes();

CREATE FUNCTION shop.account_opens_or_closes() RETURNS trigger
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF NEW.status = OLD.status THEN
        PERFORM shop.refuse('account_' || CASE OLD.status WHEN 'active' THEN 'open' ELSE 'closed' END,
                            'The account is that already.');
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER account_opens_or_closes BEFORE UPDATE OF status ON shop.customers
    FOR EACH ROW EXECUTE FUNCTION shop.account_opens_or_closes();

-- Holds the account open until the end of the transaction: it cannot be closed beneath a write.
CREATE FUNCTION shop.account_is_open() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    before text := shop.whole_shop('on');
BEGIN
    PERFORM FROM shop.customers WHERE id = NEW.customer_id AND status = 'active' FOR SHARE;
    IF NOT FOUND THEN
        PERFORM shop.refuse('account_closed', 'The account is closed.');
    END IF;
    PERFORM shop.whole_shop(before);
    RETURN NULL;
END $$;

-- Ticketing -----------------------------------------------------------------------------------------------------------

CREATE SEQUENCE shop.ticket_numbers START 10001;
CREATE TABLE shop.tickets (
    reference   text PRIMARY KEY DEFAULT 'CASE-' || nextval('shop.ticket_numbers'),
    customer_id text NOT NULL REFERENCES shop.customers,
    subject     text NOT NULL CONSTRAINT value_invalid__subject CHECK (length(btrim(subject)) BETWEEN 1 AND 200),
    description text NOT NULL CONSTRAINT value_invalid__description CHECK (length(description) <= 2000),
    queue       text NOT NULL CONSTRAINT value_invalid__queue CHECK (queue ~ '^[a-z][a-z0-9_]{0,59}$'),
    status      text NOT NULL DEFAULT 'open' CHECK (status IN ('open', 'closed')),
    created_at  timestamptz NOT NULL DEFAULT now(),
    UNIQUE (reference, customer_id)
);
CREATE INDEX tickets_of_customer ON shop.tickets (customer_id);

CREATE TABLE shop.ticket_notes (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    ticket      text NOT NULL,
    customer_id text NOT NULL,
    note        text NOT NULL CONSTRAINT value_invalid__note CHECK (length(btrim(note)) BETWEEN 1 AND 2000),
    created_at  timestamptz NOT NULL DEFAULT now(),
    FOREIGN KEY (ticket, customer_id) REFERENCES shop.tickets (reference, customer_id) ON DELETE CASCADE
);
CREATE INDEX notes_of_ticket ON shop.ticket_notes (ticket, id);

CREATE FUNCTION shop.ticket_is_open() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    before text := shop.whole_shop('on');
BEGIN
    IF TG_TABLE_NAME = 'ticket_notes' THEN
        PERFORM FROM shop.tickets WHERE reference = NEW.ticket AND status = 'open' FOR SHARE;
        IF NOT FOUND THEN
            PERFORM shop.refuse('ticket_closed', 'The ticket is closed.');
        END IF;
    ELSIF OLD.status = 'closed' THEN
        PERFORM shop.refuse('ticket_closed', 'The ticket is closed.');
    END IF;
    PERFORM shop.whole_shop(before);
    RETURN NULL;
END $$;
CREATE TRIGGER ticket_is_open AFTER UPDATE ON shop.tickets FOR EACH ROW EXECUTE FUNCTION shop.ticket_is_open();
CREATE TRIGGER ticket_is_open AFTER INSERT ON shop.ticket_notes FOR EACH ROW EXECUTE FUNCTION shop.ticket_is_open();

-- Scheduling ----------------------------------------------------------------------------------------------------------

CREATE TABLE shop.slots (
    id        text PRIMARY KEY CHECK (id <> ''),
    kind      text NOT NULL CHECK (kind IN ('showroom_visit', 'design_consultation')),
    starts_at timestamptz NOT NULL,
    place     text NOT NULL
);
CREATE INDEX slots_to_come ON shop.slots (kind, starts_at);

CREATE SEQUENCE shop.booking_numbers START 10001;
CREATE TABLE shop.bookings (
    reference        text PRIMARY KEY DEFAULT 'AP-' || nextval('shop.booking_numbers'),
    customer_id      text NOT NULL REFERENCES shop.customers,
    slot_id          text NOT NULL REFERENCES shop.slots,
    previous_slot_id text REFERENCES shop.slots,
    status           text NOT NULL DEFAULT 'booked' CHECK (status IN ('booked', 'cancelled')),
    created_at       timestamptz NOT NULL DEFAULT now()
);
CREATE UNIQUE INDEX slot_taken ON shop.bookings (slot_id) WHERE status = 'booked';
CREATE INDEX bookings_of_customer ON shop.bookings (customer_id);

CREATE FUNCTION shop.booking_is_possible() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    before text := shop.whole_shop('on');
BEGIN
    IF TG_OP = 'UPDATE' AND (
        OLD.status <> 'booked' OR (SELECT starts_at FROM shop.slots WHERE id = OLD.slot_id) <= now()
    ) THEN
        PERFORM shop.refuse('booking_over', 'The appointment is over or cancelled.');
    END IF;
    IF NEW.status = 'booked' AND (SELECT starts_at FROM shop.slots WHERE id = NEW.slot_id) <= now() THEN
        PERFORM shop.refuse('slot_past', 'The slot is in the past.');
    END IF;
    IF TG_OP = 'UPDATE' AND NEW.status = 'booked' THEN
        IF NEW.slot_id = OLD.slot_id THEN
            PERFORM shop.refuse('slot_taken', 'The appointment is at that time already.');
        ELSIF (SELECT kind FROM shop.slots WHERE id = NEW.slot_id) <> (SELECT kind FROM shop.slots WHERE id = OLD.slot_id) THEN
            PERFORM shop.refuse('value_invalid', 'An appointment keeps its kind.');
        END IF;
        NEW.previous_slot_id := OLD.slot_id;
    END IF;
    PERFORM shop.whole_shop(before);
    RETURN NEW;
END $$;
CREATE TRIGGER booking_is_possible BEFORE INSERT OR UPDATE ON shop.bookings
    FOR EACH ROW EXECUTE FUNCTION shop.booking_is_possible();

-- Whether anybody holds the slot: all that one customer may learn of another's appointment.
CREATE FUNCTION shop.is_taken(slot text) RETURNS boolean
    LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    before text := shop.whole_shop('on');
    taken  boolean := EXISTS (SELECT FROM shop.bookings WHERE slot_id = slot AND status = 'booked');
BEGIN
    PERFORM shop.whole_shop(before);
    RETURN taken;
END $$;

-- Effects -------------------------------------------------------------------------------------------------------------

-- One row for each write that happened, in its transaction: a key works once, and the same key gets the same answer.
CREATE TABLE shop.effects (
    key          text CONSTRAINT key_reused PRIMARY KEY CHECK (key <> ''),
    customer_id  text NOT NULL REFERENCES shop.customers ON DELETE CASCADE,
    operation    text NOT NULL,
    request_hash text NOT NULL,
    result       jsonb NOT NULL,
    at           timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX effects_of_customer ON shop.effects (customer_id);

-- Whose rows, and who may write what ----------------------------------------------------------------------------------

DO $$
DECLARE
    name text;
    mine text;
BEGIN
    FOREACH name IN ARRAY ARRAY[
        'payment_methods', 'history', 'payments', 'refunds', 'tickets', 'ticket_notes', 'slots', 'bookings', 'effects'
    ] LOOP
        -- A slot is nobody's; a customer who exists sees them all.
        mine := CASE name WHEN 'slots' THEN 'EXISTS (SELECT FROM shop.customers)'
                ELSE 'customer_id = NULLIF(current_setting(''frontdesk.customer_id'', true), '''')' END;
        EXECUTE format('ALTER TABLE shop.%I ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY', name);
        EXECUTE format('CREATE POLICY own_rows ON shop.%I FOR SELECT TO frontdesk_shop USING (%s)', name, mine);
        EXECUTE format(
            'CREATE POLICY whole_shop ON shop.%I FOR ALL TO %I'
            ' USING (current_setting(''frontdesk.whole_shop'', true) = ''on'')', name, current_user);
        EXECUTE format('GRANT SELECT ON shop.%I TO frontdesk_shop', name);
    END LOOP;
    FOREACH name IN ARRAY ARRAY['refunds', 'tickets', 'ticket_notes', 'bookings', 'effects'] LOOP
        EXECUTE format(
            'CREATE POLICY own_inserts ON shop.%I FOR INSERT TO frontdesk_shop'
            ' WITH CHECK (customer_id = NULLIF(current_setting(''frontdesk.customer_id'', true), ''''))', name);
    END LOOP;
    FOREACH name IN ARRAY ARRAY['customers', 'orders', 'tickets', 'bookings'] LOOP
        mine := CASE name WHEN 'customers' THEN 'id' ELSE 'customer_id' END;
        EXECUTE format(
            'CREATE POLICY own_updates ON shop.%I FOR UPDATE TO frontdesk_shop'
            ' USING (%I = NULLIF(current_setting(''frontdesk.customer_id'', true), ''''))', name, mine);
    END LOOP;
    FOREACH name IN ARRAY ARRAY['orders', 'refunds', 'tickets', 'ticket_notes', 'bookings'] LOOP
        EXECUTE format(
            'CREATE TRIGGER account_is_open AFTER INSERT OR UPDATE ON shop.%I'
            ' FOR EACH ROW EXECUTE FUNCTION shop.account_is_open()', name);
    END LOOP;
END $$;

GRANT UPDATE (name, email, phone, address, newsletter, status, payment_method_id) ON shop.customers TO frontdesk_shop;
GRANT UPDATE (status, delivery_address) ON shop.orders TO frontdesk_shop;
GRANT INSERT (order_number, customer_id, amount, currency) ON shop.refunds TO frontdesk_shop;
GRANT INSERT (customer_id, subject, description, queue), UPDATE (queue, status) ON shop.tickets TO frontdesk_shop;
GRANT INSERT (ticket, customer_id, note) ON shop.ticket_notes TO frontdesk_shop;
GRANT INSERT (customer_id, slot_id), UPDATE (slot_id, status) ON shop.bookings TO frontdesk_shop;
GRANT INSERT (key, customer_id, operation, request_hash, result) ON shop.effects TO frontdesk_shop;
GRANT USAGE ON SEQUENCE shop.refund_numbers, shop.ticket_numbers, shop.booking_numbers TO frontdesk_shop;

-- What an account remembers. Arguments: the column with the customer, a sentence, and the column that fills its %s.
CREATE FUNCTION shop.remember() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    before  text := shop.whole_shop('on');
    written jsonb := to_jsonb(NEW);
BEGIN
    INSERT INTO shop.history (customer_id, at, what) VALUES (
        written ->> TG_ARGV[0],
        CASE TG_OP WHEN 'INSERT' THEN (written ->> 'created_at')::timestamptz ELSE now() END,
        format(TG_ARGV[1], written ->> TG_ARGV[2])
    );
    PERFORM shop.whole_shop(before);
    RETURN NULL;
END $$;

CREATE TRIGGER remember_name AFTER UPDATE ON shop.customers FOR EACH ROW
    WHEN (NEW.name <> OLD.name) EXECUTE FUNCTION shop.remember('id', 'Name changed', '');
CREATE TRIGGER remember_email AFTER UPDATE ON shop.customers FOR EACH ROW
    WHEN (NEW.email <> OLD.email) EXECUTE FUNCTION shop.remember('id', 'E-mail address changed', '');
CREATE TRIGGER remember_phone AFTER UPDATE ON shop.customers FOR EACH ROW
    WHEN (NEW.phone IS DISTINCT FROM OLD.phone) EXECUTE FUNCTION shop.remember('id', 'Phone number changed', '');
CREATE TRIGGER remember_address AFTER UPDATE ON shop.customers FOR EACH ROW
    WHEN (NEW.address <> OLD.address) EXECUTE FUNCTION shop.remember('id', 'Home address changed', '');
CREATE TRIGGER remember_payment_method AFTER UPDATE ON shop.customers FOR EACH ROW
    WHEN (NEW.payment_method_id <> OLD.payment_method_id)
    EXECUTE FUNCTION shop.remember('id', 'Payment method changed', '');
CREATE TRIGGER remember_newsletter AFTER UPDATE ON shop.customers FOR EACH ROW
    WHEN (NEW.newsletter <> OLD.newsletter) EXECUTE FUNCTION shop.remember('id', 'Newsletter choice changed', '');
CREATE TRIGGER remember_status AFTER UPDATE ON shop.customers FOR EACH ROW
    WHEN (NEW.status <> OLD.status) EXECUTE FUNCTION shop.remember('id', 'Account set to %s', 'status');
CREATE TRIGGER remember_delivery AFTER UPDATE ON shop.orders FOR EACH ROW
    WHEN (NEW.delivery_address <> OLD.delivery_address)
    EXECUTE FUNCTION shop.remember('customer_id', 'Delivery address of order %s changed', 'number');
CREATE TRIGGER remember_cancelled AFTER UPDATE ON shop.orders FOR EACH ROW
    WHEN (NEW.status = 'cancelled' AND OLD.status <> 'cancelled')
    EXECUTE FUNCTION shop.remember('customer_id', 'Order %s cancelled', 'number');
CREATE TRIGGER remember_reinstated AFTER UPDATE ON shop.orders FOR EACH ROW
    WHEN (OLD.status = 'cancelled' AND NEW.status = 'processing')
    EXECUTE FUNCTION shop.remember('customer_id', 'Cancellation of order %s taken back', 'number');
CREATE TRIGGER remember_refund AFTER INSERT ON shop.refunds FOR EACH ROW
    EXECUTE FUNCTION shop.remember('customer_id', 'Refund for order %s', 'order_number');
CREATE TRIGGER remember_ticket AFTER INSERT ON shop.tickets FOR EACH ROW
    EXECUTE FUNCTION shop.remember('customer_id', 'Case %s opened', 'reference');
CREATE TRIGGER remember_booking AFTER INSERT ON shop.bookings FOR EACH ROW
    EXECUTE FUNCTION shop.remember('customer_id', 'Appointment %s booked', 'reference');
CREATE TRIGGER remember_move AFTER UPDATE ON shop.bookings FOR EACH ROW
    WHEN (NEW.slot_id <> OLD.slot_id) EXECUTE FUNCTION shop.remember('customer_id', 'Appointment %s moved', 'reference');
CREATE TRIGGER remember_unbooked AFTER UPDATE ON shop.bookings FOR EACH ROW
    WHEN (NEW.status <> OLD.status) EXECUTE FUNCTION shop.remember('customer_id', 'Appointment %s cancelled', 'reference');

REVOKE ALL ON ALL FUNCTIONS IN SCHEMA shop FROM PUBLIC;
-- The first two run as whoever writes and read no row.
GRANT EXECUTE ON FUNCTION shop.refuse(text, text), shop.country_of(text), shop.is_taken(text) TO frontdesk_shop;

SELECT set_config('frontdesk.whole_shop', '', true);
