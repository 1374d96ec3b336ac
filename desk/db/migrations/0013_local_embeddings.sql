-- The axes of the local embedding, fitted on a large corpus: vectors of one process mean something to another only
-- when both were made with the same ones.

CREATE TABLE local_embeddings (
    name      text PRIMARY KEY,
    content   bytea NOT NULL,                -- of LocalEmbedding.to_bytes: words of the articles, no customer's
    fitted_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
ALTER TABLE local_embeddings ALTER COLUMN content SET STORAGE EXTERNAL;  -- does not compress
