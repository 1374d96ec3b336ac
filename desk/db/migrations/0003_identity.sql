-- Who a conversation's customer is known to be, and how often somebody guessed.
-- No foreign key to conversations: the threads of `langgraph dev` have no row there.

CREATE TABLE identifications (
    conversation_id text PRIMARY KEY,
    customer_id     text CHECK (customer_id <> ''),
    level           smallint NOT NULL DEFAULT 0 CHECK (level BETWEEN 0 AND 2),
    failures        integer NOT NULL DEFAULT 0 CHECK (failures >= 0),
    at              timestamptz NOT NULL DEFAULT now(),
    CHECK ((level = 0) = (customer_id IS NULL))
);
CREATE INDEX identifications_of_customer ON identifications (customer_id) WHERE customer_id IS NOT NULL;

CREATE TABLE identification_attempts (
    address_hash bytea PRIMARY KEY,          -- keyed hash of the e-mail address tried, never the address
    failed_at    timestamptz[] NOT NULL,     -- failed attempts of the last hour, oldest first
    last_at      timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX identification_attempts_old ON identification_attempts (last_at);
