-- The audit log: what happened, written by the transaction in which it happened, sealed into a hash chain right after.
-- docs/decisions holds the reasons; the words for `action` are in desk/audit/events.py.

CREATE TABLE audit_entries (
    position        bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at              timestamptz NOT NULL DEFAULT clock_timestamp(),
    action          text NOT NULL CHECK (action <> ''),
    actor           text NOT NULL CHECK (actor <> ''),  -- customer:C-1001, staff:staff_…, bot, system
    conversation_id text,                               -- no reference: entries outlive what they speak of
    customer_id     text,
    detail          jsonb NOT NULL CHECK (jsonb_typeof(detail) = 'object'),
    number          bigint UNIQUE,                      -- place in the chain, from 1 without gaps; NULL: not sealed yet
    prev_hash       bytea,
    hash            bytea,
    CHECK (num_nonnulls(number, prev_hash, hash) IN (0, 3))
);
CREATE INDEX audit_entries_unsealed ON audit_entries (position) WHERE number IS NULL;
CREATE INDEX audit_entries_of_conversation ON audit_entries (conversation_id, position) WHERE conversation_id IS NOT NULL;
CREATE INDEX audit_entries_of_customer ON audit_entries (customer_id, position) WHERE customer_id IS NOT NULL;
CREATE INDEX audit_entries_of_action ON audit_entries (action, position);

-- Writes one entry as part of the caller's transaction and takes no lock. In a CTE, use its result (or EXISTS, or a
-- join): PostgreSQL does not run a SELECT that nobody reads.
CREATE FUNCTION audit_append(action text, actor text, conversation text, customer text, detail jsonb) RETURNS bigint
    LANGUAGE sql VOLATILE
AS $$
    INSERT INTO audit_entries (action, actor, conversation_id, customer_id, detail)
    VALUES ($1, $2, $3, $4, coalesce($5, '{}'::jsonb)) RETURNING position;
$$;

-- Append-only for everybody. The one change there is: the sealer numbers an entry that has no number yet.
CREATE FUNCTION audit_entries_guard() RETURNS trigger
    LANGUAGE plpgsql
AS $$
BEGIN
    IF TG_OP = 'INSERT' AND NEW.number IS NULL THEN
        RETURN NEW;
    END IF;
    IF TG_OP = 'UPDATE' AND current_setting('frontdesk.audit_sealing', true) = 'on'
       AND OLD.number IS NULL AND NEW.number IS NOT NULL
       AND (NEW.position, NEW.at, NEW.action, NEW.actor, NEW.conversation_id, NEW.customer_id, NEW.detail)
           IS NOT DISTINCT FROM
           (OLD.position, OLD.at, OLD.action, OLD.actor, OLD.conversation_id, OLD.customer_id, OLD.detail) THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION 'the audit log is append-only (% refused)', TG_OP USING ERRCODE = 'insufficient_privilege';
END $$;

CREATE TRIGGER audit_entries_append_only BEFORE INSERT OR UPDATE OR DELETE ON audit_entries
    FOR EACH ROW EXECUTE FUNCTION audit_entries_guard();
CREATE TRIGGER audit_entries_no_truncate BEFORE TRUNCATE ON audit_entries
    FOR EACH STATEMENT EXECUTE FUNCTION audit_entries_guard();
-- ALWAYS: session_replication_role = replica does not get around them.
ALTER TABLE audit_entries ENABLE ALWAYS TRIGGER audit_entries_append_only;
ALTER TABLE audit_entries ENABLE ALWAYS TRIGGER audit_entries_no_truncate;
