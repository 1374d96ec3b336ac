-- One-time codes. No code and no link is stored: both are derived from the installation's key, the id and the number.
-- No foreign key to conversations: the threads of `langgraph dev` have no row there.

CREATE TABLE step_up_challenges (
    id              text PRIMARY KEY,
    proposal_id     text NOT NULL,
    conversation_id text NOT NULL,
    customer_id     text NOT NULL,
    action          text NOT NULL,           -- the tool
    args_hash       text NOT NULL,           -- of the frozen arguments: a verification is good for these alone
    title           text NOT NULL,           -- what the customer is told it confirms
    factor          text NOT NULL CHECK (factor IN ('email', 'sms')),
    destination     text,                    -- forgotten as soon as nothing more will be sent
    sent_to         text NOT NULL,           -- masked
    sends           integer NOT NULL DEFAULT 1 CHECK (sends > 0),        -- number of the newest code, the only one that counts
    attempts        integer NOT NULL DEFAULT 0 CHECK (attempts >= 0),    -- counted before a code is compared
    status          text NOT NULL DEFAULT 'open' CHECK (status IN ('open', 'verified', 'replaced', 'void')),
    created_at      timestamptz NOT NULL DEFAULT clock_timestamp(),
    expires_at      timestamptz NOT NULL,
    verified_at     timestamptz,
    CHECK ((status = 'open') = (destination IS NOT NULL)),
    CHECK (status <> 'verified' OR verified_at IS NOT NULL)
);
CREATE UNIQUE INDEX step_up_one_open ON step_up_challenges (proposal_id) WHERE status = 'open';
CREATE INDEX step_up_open_of_conversation ON step_up_challenges (conversation_id, created_at) WHERE status = 'open';
CREATE INDEX step_up_of_proposal ON step_up_challenges (proposal_id);
CREATE INDEX step_up_of_customer ON step_up_challenges (customer_id, created_at);

CREATE TABLE step_up_sends (
    at              timestamptz NOT NULL DEFAULT clock_timestamp(),
    customer_id     text NOT NULL,
    conversation_id text NOT NULL,
    challenge_id    text NOT NULL,           -- once it is met, its sends no longer count
    address_hash    bytea NOT NULL           -- keyed hash of the address or number
);
CREATE INDEX step_up_sends_challenge ON step_up_sends (challenge_id);
CREATE INDEX step_up_sends_customer ON step_up_sends (customer_id, at);
CREATE INDEX step_up_sends_conversation ON step_up_sends (conversation_id, at);
CREATE INDEX step_up_sends_address ON step_up_sends (address_hash, at);
CREATE INDEX step_up_sends_old ON step_up_sends (at);
