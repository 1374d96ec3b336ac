-- Conversations, their inbox (turns), their transcript (messages), their event log and their tickets.

CREATE TABLE conversations (
    id           text PRIMARY KEY,
    channel      text NOT NULL,
    locale       text NOT NULL,
    status       text NOT NULL DEFAULT 'open' CHECK (status IN ('open', 'with_person', 'closed')),
    customer_id  text,                       -- from the host's token (in-app), never from text
    session_hash bytea NOT NULL,             -- keyed hash of the session token
    pack_version text NOT NULL,
    created_at   timestamptz NOT NULL DEFAULT now(),
    last_event   bigint NOT NULL DEFAULT 0,  -- number of the newest event
    open_turns   integer NOT NULL DEFAULT 0 CHECK (open_turns >= 0),
    lease_owner  text,                       -- process that runs this conversation's turns
    lease_epoch  bigint NOT NULL DEFAULT 0,  -- grows with every change of owner: the fence of all its writes
    lease_until  timestamptz                 -- on this database's clock
) WITH (fillfactor = 60);                    -- room for HOT updates: this row changes with every batch of events

CREATE UNIQUE INDEX conversations_session ON conversations (session_hash);

CREATE TABLE turns (
    id                text PRIMARY KEY,
    conversation_id   text NOT NULL REFERENCES conversations ON DELETE CASCADE,
    position          bigint GENERATED ALWAYS AS IDENTITY,
    client_message_id text NOT NULL,
    message_id        text NOT NULL,
    text              text NOT NULL,         -- redacted before it gets here
    received_at       timestamptz NOT NULL DEFAULT now(),
    attempts          integer NOT NULL DEFAULT 0,
    first_event       bigint,
    completed_at      timestamptz,           -- NULL: the turn is owed
    outcome           text,
    UNIQUE (conversation_id, client_message_id)
) WITH (fillfactor = 70);
CREATE INDEX turns_owed ON turns (conversation_id, position) WHERE completed_at IS NULL;

CREATE TABLE messages (
    id              text PRIMARY KEY,
    conversation_id text NOT NULL REFERENCES conversations ON DELETE CASCADE,
    position        bigint GENERATED ALWAYS AS IDENTITY,
    turn_id         text,
    role            text NOT NULL CHECK (role IN ('customer', 'assistant', 'agent')),
    text            text NOT NULL,
    sources         jsonb,                   -- what the customer was shown
    options         jsonb,
    evidence        jsonb,                   -- sentence -> chunk -> article version -> file
    at              timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX messages_of_conversation ON messages (conversation_id, position);
-- A turn has one answer, whatever crashes and re-runs.
CREATE UNIQUE INDEX messages_one_answer ON messages (turn_id) WHERE role = 'assistant';

CREATE TABLE event_batches (
    conversation_id text NOT NULL REFERENCES conversations ON DELETE CASCADE,
    first_event     bigint NOT NULL,
    last_event      bigint NOT NULL,
    events          text NOT NULL,           -- JSON [[type, data as sent], …]: text, so that a replay is the same bytes
    PRIMARY KEY (conversation_id, first_event)
);

CREATE TABLE tickets (
    id              text PRIMARY KEY,
    conversation_id text NOT NULL,           -- no reference: threads of `langgraph dev` have no row in conversations
    turn_id         text NOT NULL,
    queue           text NOT NULL,
    priority        text NOT NULL CHECK (priority IN ('normal', 'high', 'urgent')),
    reason          text NOT NULL,
    packet          jsonb NOT NULL,
    status          text NOT NULL DEFAULT 'open' CHECK (status IN ('open', 'claimed', 'resolved')),
    created_at      timestamptz NOT NULL DEFAULT now(),
    UNIQUE (conversation_id, turn_id)        -- a turn escalates once
);
CREATE INDEX tickets_of_queue ON tickets (queue, created_at) WHERE status = 'open';
