-- Connections to what lies outside. Of their secrets only what connections.key opens is here.
CREATE TABLE connection (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    name TEXT NOT NULL COLLATE NOCASE,
    kind TEXT NOT NULL CHECK (kind IN ('smtp', 'http', 'sftp', 's3', 'database', 'folder')),
    description TEXT NOT NULL DEFAULT '',
    options TEXT NOT NULL,
    private_hosts INTEGER NOT NULL DEFAULT 0,
    created_at INTEGER NOT NULL,
    modified_at INTEGER NOT NULL,
    modified_by TEXT NOT NULL,
    used_at INTEGER,
    is_removed INTEGER NOT NULL DEFAULT 0
) STRICT;

CREATE UNIQUE INDEX connection_by_name ON connection (lower(name)) WHERE is_removed = 0;

CREATE TABLE connection_secret (
    connection_id INTEGER NOT NULL REFERENCES connection (id),
    name TEXT NOT NULL,
    key_id TEXT NOT NULL,
    sealed BLOB NOT NULL,
    set_at INTEGER NOT NULL,
    set_by TEXT NOT NULL,
    PRIMARY KEY (connection_id, name)
) STRICT, WITHOUT ROWID;

CREATE TABLE connection_user (
    connection_id INTEGER NOT NULL REFERENCES connection (id),
    user_id INTEGER REFERENCES user_account (id),
    group_id INTEGER REFERENCES user_group (id),
    CHECK ((user_id IS NULL) <> (group_id IS NULL))
) STRICT;

CREATE UNIQUE INDEX connection_user_by_user ON connection_user (connection_id, user_id) WHERE user_id IS NOT NULL;
CREATE UNIQUE INDEX connection_user_by_group ON connection_user (connection_id, group_id) WHERE group_id IS NOT NULL;

-- What the names in a version of a process mean, since connections may be renamed; and who vouches for it.
CREATE TABLE process_version_connection (
    process_id INTEGER NOT NULL,
    number INTEGER NOT NULL,
    name TEXT NOT NULL,
    connection_id INTEGER NOT NULL REFERENCES connection (id),
    user_id INTEGER NOT NULL REFERENCES user_account (id),
    PRIMARY KEY (process_id, number, name),
    FOREIGN KEY (process_id, number) REFERENCES process_version (process_id, number)
) STRICT, WITHOUT ROWID;

CREATE INDEX process_version_connection_of_connection ON process_version_connection (connection_id);

-- Every time that a step was given a connection; it outlives the run.
CREATE TABLE connection_use (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    connection_id INTEGER NOT NULL REFERENCES connection (id),
    run_id INTEGER NOT NULL,
    user_login TEXT NOT NULL,
    at INTEGER NOT NULL
) STRICT;

CREATE INDEX connection_use_of_connection ON connection_use (connection_id, id);
