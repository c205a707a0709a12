-- A process file that somebody works on: one a person and place, kept until it is published or thrown away.

CREATE TABLE draft (
    user_id INTEGER NOT NULL REFERENCES user_account (id),
    -- The id of the process, or "new".
    place TEXT NOT NULL,
    -- The version that it began from; 0 for a new process.
    base_version INTEGER NOT NULL,
    text TEXT NOT NULL,
    kept_at INTEGER NOT NULL,
    PRIMARY KEY (user_id, place)
) STRICT, WITHOUT ROWID;

ALTER TABLE process_version ADD COLUMN comment TEXT NOT NULL DEFAULT '';
