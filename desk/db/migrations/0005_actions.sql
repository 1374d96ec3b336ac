-- Actions under control: what the assistant wants to do, who has to agree, and what was done.

ALTER TABLE turns ADD COLUMN wake jsonb;  -- NULL: a customer's message; else what woke the conversation (a decision, a code)

-- A write the assistant wants to make, with frozen arguments. Codes, the customer's yes and an approver's decision are
-- bound to it. No reference to conversations: threads of `langgraph dev` have no row there.
CREATE TABLE proposals (
    id              text PRIMARY KEY,
    conversation_id text NOT NULL,
    customer_id     text NOT NULL,
    turn_id         text NOT NULL,
    pack_version    text NOT NULL,
    intent          text,                     -- NULL: staff asked for a compensation
    tool            text NOT NULL,
    arguments       jsonb NOT NULL,
    args_hash       text NOT NULL,            -- over tool, arguments and customer
    facts           jsonb NOT NULL,           -- what the business systems said when it was proposed
    request         jsonb NOT NULL,           -- the customer's request, to go on with after a code or a decision
    status          text NOT NULL DEFAULT 'open' CHECK (status IN ('open', 'superseded', 'withdrawn', 'closed')),
    confirmed_turn  text,                     -- the turn whose message was the customer's yes
    confirmed_at    timestamptz,
    requested_by    text,                     -- staff member who asked for a compensation
    compensates     text,                     -- the action it takes back
    created_at      timestamptz NOT NULL DEFAULT now(),
    UNIQUE (turn_id, args_hash),              -- a turn that runs again finds its proposal
    CHECK ((confirmed_turn IS NULL) = (confirmed_at IS NULL)),
    CHECK ((intent IS NULL) = (requested_by IS NOT NULL))
);
CREATE INDEX proposals_open ON proposals (conversation_id) WHERE status = 'open';

CREATE TABLE approvals (
    id              text PRIMARY KEY,
    proposal_id     text NOT NULL UNIQUE REFERENCES proposals,
    conversation_id text NOT NULL,
    customer_id     text NOT NULL,
    tool            text NOT NULL,
    amount          bigint,                   -- minor units, when the tool has an amount
    rules           text[] NOT NULL,          -- ids of the approval rules that applied
    why             text NOT NULL,
    roles           text[] NOT NULL,
    people          smallint NOT NULL CHECK (people BETWEEN 1 AND 2),
    request         jsonb NOT NULL,           -- LangChain's human-in-the-loop shape: action_requests, review_configs
    card            jsonb NOT NULL,           -- facts of the systems, signals, the customer
    args_hash       text NOT NULL,
    status          text NOT NULL DEFAULT 'pending'
                    CHECK (status IN ('pending', 'approved', 'edited', 'rejected', 'expired', 'superseded')),
    final_arguments jsonb,                    -- after an edit
    final_hash      text,
    questions       integer NOT NULL DEFAULT 0,
    reason          text,
    requested_at    timestamptz NOT NULL DEFAULT now(),
    expires_at      timestamptz NOT NULL,
    decided_at      timestamptz,
    decided_by      text,
    CHECK ((status = 'pending') = (decided_at IS NULL)),
    CHECK (status NOT IN ('approved', 'edited') OR final_hash IS NOT NULL)
);
CREATE INDEX approvals_pending ON approvals (expires_at) WHERE status = 'pending';
CREATE INDEX approvals_of_conversation ON approvals (conversation_id);

CREATE TABLE approval_votes (                 -- where two people have to agree
    approval_id text NOT NULL REFERENCES approvals,
    staff_id    text NOT NULL,
    args_hash   text NOT NULL,                -- what this person agreed to
    at          timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (approval_id, staff_id)
);

-- The ledger: every call of a tool, written before it runs and again after. One effect for each key.
CREATE TABLE actions (
    id              text PRIMARY KEY,
    key             text NOT NULL UNIQUE,     -- idempotency key; business systems get it with the write
    at              timestamptz NOT NULL DEFAULT now(),
    conversation_id text NOT NULL,
    turn_id         text NOT NULL,
    customer_id     text,
    intent          text,
    tool            text NOT NULL,
    risk            text NOT NULL CHECK (risk IN ('read', 'write', 'high')),
    args            jsonb NOT NULL,           -- redacted
    amount          bigint,                   -- minor units
    decision        text NOT NULL,            -- the gate's word: allowed, or why not
    proposal_id     text REFERENCES proposals,
    approval_id     text REFERENCES approvals,
    outcome         text NOT NULL CHECK (outcome IN ('started', 'succeeded', 'failed', 'unknown', 'compensated', 'denied')),
    detail          text,                     -- one word: why it failed
    result          jsonb,                    -- of a write: the fields the tool may show
    ms              double precision,
    finished_at     timestamptz,
    -- Nothing is written without a proposal, and nothing is known of a call that has not ended.
    CHECK (risk = 'read' OR outcome = 'denied' OR proposal_id IS NOT NULL)
);
CREATE INDEX actions_of_conversation ON actions (conversation_id, id);
CREATE INDEX actions_of_customer ON actions (customer_id, tool, at) WHERE risk <> 'read';
CREATE INDEX actions_unfinished ON actions (at) WHERE outcome = 'started';
