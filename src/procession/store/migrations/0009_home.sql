-- Which home this database is of: a copy leaves alone what was under way in the original.

CREATE TABLE home (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    id TEXT NOT NULL,
    path TEXT,
    device TEXT,
    inode TEXT,
    original_id TEXT,
    original_path TEXT
) STRICT;

INSERT INTO home (one, id) VALUES (1, lower(hex(randomblob(16))));

ALTER TABLE run ADD COLUMN is_held INTEGER NOT NULL DEFAULT 0;
ALTER TABLE outbox ADD COLUMN is_held INTEGER NOT NULL DEFAULT 0;

DROP INDEX run_waiting;
DROP INDEX run_running;
CREATE INDEX run_waiting ON run (started_by, process_id, scheduled_at, id) WHERE status = 'Scheduled' AND is_held = 0;
CREATE INDEX run_running ON run (id) WHERE status = 'Running' AND is_held = 0;
CREATE INDEX run_held ON run (id) WHERE is_held = 1;
