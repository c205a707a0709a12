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

-- The version whose rows a version holds too, file by file, where it is not a new one.
ALTER TABLE table_version ADD COLUMN same_as INTEGER;
