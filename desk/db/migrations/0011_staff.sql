-- Who works here, and what is switched off.

CREATE TABLE staff (
    id          text PRIMARY KEY,
    name        text NOT NULL CHECK (name <> ''),
    roles       text[] NOT NULL CHECK (
        cardinality(roles) > 0
        AND roles <@ ARRAY['agent', 'approver', 'supervisor', 'knowledge_owner', 'auditor', 'admin']),
    token_hash  bytea NOT NULL UNIQUE,  -- keyed hash of the token, never the token
    customer_id text,                   -- an employee's own customer account: they never decide about it
    created_at  timestamptz NOT NULL DEFAULT now(),
    disabled_at timestamptz             -- rows stay: the audit log speaks of them
);

CREATE TABLE switches (
    name   text PRIMARY KEY,            -- a tool, an intent, or all
    off    boolean NOT NULL,
    reason text,
    by     text NOT NULL,               -- a member of staff, or operator
    at     timestamptz NOT NULL DEFAULT now()
);
