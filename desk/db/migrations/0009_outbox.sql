-- The outbox: messages to customers, stored in the transaction that decides them and sent afterwards.

CREATE TABLE outbox (
    id              text PRIMARY KEY,
    channel         text NOT NULL CHECK (channel IN ('email', 'sms')),
    kind            text NOT NULL CHECK (kind IN ('code', 'notice')),
    key             text NOT NULL UNIQUE,    -- the same message again is the same row
    conversation_id text NOT NULL,
    customer_id     text NOT NULL,
    payload         jsonb NOT NULL,          -- for a code: which challenge and which number, never the code
    status          text NOT NULL DEFAULT 'waiting' CHECK (status IN ('waiting', 'sent', 'dropped', 'dead')),
    attempts        integer NOT NULL DEFAULT 0,
    due_at          timestamptz NOT NULL DEFAULT clock_timestamp(),      -- while it is being sent: end of the lease
    created_at      timestamptz NOT NULL DEFAULT clock_timestamp(),
    ended_at        timestamptz,
    failure         text                     -- one word on what went wrong last
) WITH (fillfactor = 80);
CREATE INDEX outbox_due ON outbox (channel, due_at) WHERE status = 'waiting';
CREATE INDEX outbox_dead ON outbox (ended_at) WHERE status = 'dead';
