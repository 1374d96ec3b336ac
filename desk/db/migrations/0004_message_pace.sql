-- The pace of a conversation's messages, the same for every process: one instant on this database's clock.

ALTER TABLE conversations ADD COLUMN paced_until timestamptz;  -- NULL: no message yet
