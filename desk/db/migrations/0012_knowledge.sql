-- Governed knowledge: every version of every article, who wrote and who approved it, and what was noticed about it.
-- The rows with status 'published' are what the assistant may answer from; the vector index only helps to find them.

CREATE TABLE knowledge_state (
    only_row   boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    generation bigint NOT NULL DEFAULT 0     -- goes up whenever something starts or stops being published
);
INSERT INTO knowledge_state DEFAULT VALUES;

CREATE TABLE article_versions (
    article      text NOT NULL CHECK (article ~ '^[a-z][a-z0-9-]{1,63}$'),
    version      text NOT NULL CHECK (version ~ '^(0|[1-9]\d{0,5})\.(0|[1-9]\d{0,5})$'),
    status       text NOT NULL CHECK (status IN ('draft', 'in_review', 'approved', 'published', 'retired')),
    front        jsonb NOT NULL CHECK (jsonb_typeof(front) = 'object'),  -- front matter; without id, version, status
    body         text NOT NULL,
    path         text NOT NULL,              -- the file it came from, for the audit from answer to file
    hash         text NOT NULL,              -- of front matter and body: the same text is stored once
    origin       text,                       -- the import it came with, by the name of its folder or file
    author       text NOT NULL,              -- a staff_… id, operator, or pack
    submitted_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    findings     jsonb NOT NULL DEFAULT '[]',  -- what was noticed at submission: hidden text, links, instructions
    decided_by   text,                       -- who approved or sent it back
    decided_at   timestamptz,
    reason       text,                       -- why it was sent back, forced through or retired
    published_at timestamptz,
    retired_at   timestamptz,
    PRIMARY KEY (article, version),
    CHECK (status NOT IN ('approved', 'published') OR decided_by IS NOT NULL),
    CHECK (status <> 'published' OR published_at IS NOT NULL),
    -- Four eyes; what the pack brings was approved with the pack.
    CHECK (status NOT IN ('approved', 'published') OR decided_by <> author OR author = 'pack')
);
CREATE UNIQUE INDEX article_versions_published ON article_versions (article) WHERE status = 'published';
CREATE UNIQUE INDEX article_versions_open ON article_versions (article)
    WHERE status IN ('draft', 'in_review', 'approved');
CREATE INDEX article_versions_of_status ON article_versions (status, article);

-- What a version says never changes once somebody else has seen it, and nothing is published past an approval: an
-- answer's source must stay what it was. The desk decides the same first; this holds whoever writes the statement.
CREATE FUNCTION article_versions_guard() RETURNS trigger
    LANGUAGE plpgsql
AS $$
BEGIN
    IF TG_OP = 'DELETE' THEN
        RAISE EXCEPTION 'article versions are kept' USING ERRCODE = 'insufficient_privilege';
    END IF;
    IF (OLD.status <> 'draft' OR OLD.decided_by IS NOT NULL)
       AND (NEW.article, NEW.version, NEW.front, NEW.body, NEW.path, NEW.hash, NEW.author, NEW.findings)
           IS DISTINCT FROM
           (OLD.article, OLD.version, OLD.front, OLD.body, OLD.path, OLD.hash, OLD.author, OLD.findings) THEN
        RAISE EXCEPTION 'a version of an article does not change after it was submitted'
            USING ERRCODE = 'insufficient_privilege';
    END IF;
    IF NEW.status <> OLD.status AND NOT (CASE OLD.status
           WHEN 'draft' THEN NEW.status = 'retired'
                             OR OLD.decided_by IS NULL AND (NEW.status = 'in_review' OR NEW.author = 'pack')
           WHEN 'in_review' THEN true
           WHEN 'approved' THEN NEW.status <> 'in_review'
           WHEN 'published' THEN NEW.status = 'retired'
           WHEN 'retired' THEN NEW.status = 'published' AND OLD.published_at IS NOT NULL
       END) THEN
        RAISE EXCEPTION 'an article does not go from % to %', OLD.status, NEW.status
            USING ERRCODE = 'insufficient_privilege';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER article_versions_immutable BEFORE UPDATE OR DELETE ON article_versions
    FOR EACH ROW EXECUTE FUNCTION article_versions_guard();

CREATE FUNCTION knowledge_moved() RETURNS trigger
    LANGUAGE plpgsql
AS $$
BEGIN
    UPDATE knowledge_state SET generation = generation + 1;
    RETURN NULL;
END $$;
CREATE TRIGGER article_versions_arrive AFTER INSERT ON article_versions
    FOR EACH ROW WHEN (NEW.status = 'published') EXECUTE FUNCTION knowledge_moved();
CREATE TRIGGER article_versions_move AFTER UPDATE OF status ON article_versions
    FOR EACH ROW WHEN ((NEW.status = 'published') <> (OLD.status = 'published')) EXECUTE FUNCTION knowledge_moved();

-- An article's history is what the audit log says of it.
CREATE INDEX audit_entries_of_article ON audit_entries ((detail->>'article'), position)
    WHERE action = 'knowledge.changed';

-- The pieces a version was cut into when it was first published: what answers are taken from, and what an auditor reads.
CREATE TABLE article_chunks (
    id      text PRIMARY KEY,                -- <article>@<version>#<heading slug>
    article text NOT NULL,
    version text NOT NULL,
    place   integer NOT NULL,                -- reading order, from 0
    heading text NOT NULL,
    text    text NOT NULL,
    FOREIGN KEY (article, version) REFERENCES article_versions,
    UNIQUE (article, version, place)
);

CREATE TABLE knowledge_conflicts (
    id            text PRIMARY KEY,
    article       text NOT NULL,             -- at submission: the submitted one
    version       text NOT NULL,
    chunk_id      text NOT NULL,
    quote         text NOT NULL,
    other_article text NOT NULL,
    other_version text NOT NULL,
    other_chunk_id text NOT NULL,
    other_quote   text NOT NULL,
    kind          text NOT NULL,
    reason        text NOT NULL,
    confidence    real NOT NULL,
    judge         text NOT NULL CHECK (judge IN ('none', 'confirmed', 'failed')),
    found_in      text NOT NULL CHECK (found_in IN ('submission', 'conversation')),
    status        text NOT NULL DEFAULT 'open' CHECK (status IN ('open', 'dismissed', 'resolved')),
    found_at      timestamptz NOT NULL DEFAULT clock_timestamp(),
    last_seen_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
    times_seen    integer NOT NULL DEFAULT 1,
    conversation_id text,                    -- the first that met it
    ticket_id     text,
    decided_by    text,
    decided_at    timestamptz,
    decision      text,                      -- why it was dismissed
    key           text NOT NULL UNIQUE       -- of the two chunks and quotes, whichever came first: found again, it is the same one
);
CREATE INDEX knowledge_conflicts_of_status ON knowledge_conflicts (status, id);
CREATE INDEX knowledge_conflicts_of_version ON knowledge_conflicts (article, version);
CREATE INDEX knowledge_conflicts_of_other ON knowledge_conflicts (other_article, other_version);

-- The owners' ticket is over when the conflict is, and comes back with it.
CREATE FUNCTION knowledge_conflicts_tickets() RETURNS trigger
    LANGUAGE plpgsql
AS $$
BEGIN
    UPDATE tickets SET status = CASE WHEN NEW.status = 'open' THEN 'open' ELSE 'resolved' END WHERE id = NEW.ticket_id;
    RETURN NULL;
END $$;
CREATE TRIGGER knowledge_conflicts_tickets AFTER UPDATE OF status ON knowledge_conflicts
    FOR EACH ROW WHEN (NEW.status <> OLD.status) EXECUTE FUNCTION knowledge_conflicts_tickets();

CREATE TABLE knowledge_gaps (
    turn_id         text NOT NULL,
    conversation_id text NOT NULL,
    asked_at        timestamptz NOT NULL DEFAULT clock_timestamp(),
    question        text NOT NULL,           -- redacted, and complete without the conversation
    intent          text,
    channel         text NOT NULL,
    locale          text NOT NULL,
    best            real NOT NULL,           -- score of the nearest passage, 0..1
    nearest         text,                    -- its article
    PRIMARY KEY (turn_id, question)          -- a message may ask several things; a turn that runs again asks nothing new
);
CREATE INDEX knowledge_gaps_in_time ON knowledge_gaps (asked_at);

CREATE TABLE knowledge_reminders (
    article   text NOT NULL,
    version   text NOT NULL,
    kind      text NOT NULL CHECK (kind IN ('due', 'overdue', 'expired')),
    due       date NOT NULL,
    sent_at   timestamptz NOT NULL DEFAULT clock_timestamp(),
    ticket_id text,
    PRIMARY KEY (article, version, kind, due)  -- once each
);

-- The ticket about an overdue version is over when that version is.
CREATE FUNCTION knowledge_reminders_tickets() RETURNS trigger
    LANGUAGE plpgsql
AS $$
BEGIN
    UPDATE tickets SET status = 'resolved' WHERE status <> 'resolved' AND id IN (
        SELECT ticket_id FROM knowledge_reminders WHERE (article, version) = (NEW.article, NEW.version));
    RETURN NULL;
END $$;
CREATE TRIGGER article_versions_gone AFTER UPDATE OF status ON article_versions
    FOR EACH ROW WHEN (OLD.status = 'published' AND NEW.status = 'retired')
    EXECUTE FUNCTION knowledge_reminders_tickets();

-- A reminder goes to a colleague: it belongs to no customer and no conversation.
ALTER TABLE outbox ALTER COLUMN conversation_id DROP NOT NULL, ALTER COLUMN customer_id DROP NOT NULL,
    DROP CONSTRAINT outbox_kind_check, ADD CHECK (kind IN ('code', 'notice', 'reminder')),
    ADD CHECK (kind = 'reminder' OR (conversation_id IS NOT NULL AND customer_id IS NOT NULL));

-- A ticket about content belongs to no conversation.
ALTER TABLE tickets ALTER COLUMN conversation_id DROP NOT NULL, ALTER COLUMN turn_id DROP NOT NULL,
    ADD COLUMN kind text NOT NULL DEFAULT 'conversation' CHECK (kind IN ('conversation', 'content')),
    ADD CHECK (kind = 'content' OR (conversation_id IS NOT NULL AND turn_id IS NOT NULL));
