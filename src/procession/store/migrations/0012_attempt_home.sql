-- Attempts at runs that were begun under another name of this home: by it their steps make themselves known outside.
-- The name '' is of those begun before names were told.

CREATE TABLE attempt_home (
    run_id INTEGER NOT NULL,
    attempt INTEGER NOT NULL,
    home_id TEXT NOT NULL,
    PRIMARY KEY (run_id, attempt)
) STRICT, WITHOUT ROWID;

INSERT INTO attempt_home SELECT id, attempt, '' FROM run WHERE status IN ('Scheduled', 'Running');
