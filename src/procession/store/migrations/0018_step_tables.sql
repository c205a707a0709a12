-- Managed tables at work in steps.

-- What the names in a version of a process mean, since tables may be renamed; and who vouches for it.
CREATE TABLE process_version_table (
    process_id INTEGER NOT NULL,
    number INTEGER NOT NULL,
    name TEXT NOT NULL,
    table_id INTEGER NOT NULL REFERENCES managed_table (id),
    user_id INTEGER NOT NULL REFERENCES user_account (id),
    PRIMARY KEY (process_id, number, name),
    FOREIGN KEY (process_id, number) REFERENCES process_version (process_id, number)
) STRICT, WITHOUT ROWID;

-- Which version an attempt at a step reads: it is there before the work begins, and a later attempt reads it again.
CREATE TABLE table_read (
    attempt_id INTEGER NOT NULL REFERENCES step_attempt (id),
    place TEXT NOT NULL,
    table_id INTEGER NOT NULL REFERENCES managed_table (id),
    version INTEGER NOT NULL,
    -- The attempt at the run from which on it no longer counts: a restart that asked for the present version.
    undone_by INTEGER,
    PRIMARY KEY (attempt_id, place)
) STRICT, WITHOUT ROWID;

-- The table anew, since a list of operations cannot be made longer. `same_as` is the version whose rows this one holds
-- too, where it has none of its own; first_record and end_record are the ids that it has given to new records.
CREATE TABLE table_version_new (
    table_id INTEGER NOT NULL REFERENCES managed_table (id),
    number INTEGER NOT NULL,
    operation TEXT NOT NULL CHECK (operation IN ('create', 'addColumn', 'changeColumn', 'dropColumn', 'append',
        'replace', 'upsert', 'replaceWhere', 'takeBack', 'compact')),
    author TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    row_count INTEGER NOT NULL CHECK (row_count >= 0),
    size INTEGER NOT NULL CHECK (size >= 0),
    columns TEXT NOT NULL,
    run_id INTEGER REFERENCES run (id),
    step_id INTEGER REFERENCES step (id),
    same_as INTEGER,
    first_record INTEGER NOT NULL DEFAULT 0,
    end_record INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (table_id, number)
) STRICT;

INSERT INTO table_version_new (table_id, number, operation, author, created_at, row_count, size, columns, run_id,
    step_id) SELECT table_id, number, operation, author, created_at, row_count, size, columns, run_id, step_id
    FROM table_version;
DROP TABLE table_version;
ALTER TABLE table_version_new RENAME TO table_version;
CREATE INDEX table_version_of_run ON table_version (run_id) WHERE run_id IS NOT NULL;
