-- Uploads in chunks: a session, and what of it has arrived. A chunk's bytes are on disk before its row is here.

CREATE TABLE upload_session (
    id TEXT PRIMARY KEY,
    file_id INTEGER NOT NULL REFERENCES file (id),
    user_id INTEGER NOT NULL REFERENCES user_account (id),
    created_at INTEGER NOT NULL,
    committed_at INTEGER
) STRICT, WITHOUT ROWID;

CREATE INDEX upload_session_by_time ON upload_session (created_at);
CREATE INDEX upload_session_of_user ON upload_session (user_id);

CREATE TABLE upload_chunk (
    session_id TEXT NOT NULL REFERENCES upload_session (id),
    number INTEGER NOT NULL CHECK (number >= 1),
    stored_as TEXT NOT NULL,
    file_name TEXT NOT NULL,
    sha256 TEXT NOT NULL,
    size INTEGER NOT NULL,
    PRIMARY KEY (session_id, number)
) STRICT, WITHOUT ROWID;
