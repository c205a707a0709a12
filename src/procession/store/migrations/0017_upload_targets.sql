-- A session also fills what is to be imported into a table; and it keeps what a commit made of it, so that a browser that
-- lost the answer can be told. NULL: not committed yet, or by an earlier release.

CREATE TABLE upload_session_new (
    id TEXT PRIMARY KEY,
    file_id INTEGER REFERENCES file (id),
    table_id INTEGER REFERENCES managed_table (id),
    user_id INTEGER NOT NULL REFERENCES user_account (id),
    created_at INTEGER NOT NULL,
    committed_at INTEGER,
    size INTEGER NOT NULL DEFAULT 0 CHECK (size >= 0),
    content TEXT,
    CHECK ((file_id IS NULL) <> (table_id IS NULL)),
    CHECK (content IS NULL OR committed_at IS NOT NULL)
) STRICT, WITHOUT ROWID;

CREATE TABLE upload_chunk_new (
    session_id TEXT NOT NULL REFERENCES upload_session_new (id),
    number INTEGER NOT NULL CHECK (number >= 1),
    stored_as TEXT NOT NULL,
    file_name TEXT NOT NULL,
    sha256 TEXT NOT NULL,
    size INTEGER NOT NULL,
    PRIMARY KEY (session_id, number)
) STRICT, WITHOUT ROWID;

INSERT INTO upload_session_new (id, file_id, user_id, created_at, committed_at, size)
SELECT id, file_id, user_id, created_at, committed_at, size FROM upload_session;
INSERT INTO upload_chunk_new SELECT session_id, number, stored_as, file_name, sha256, size FROM upload_chunk;

DROP TABLE upload_chunk;
DROP TABLE upload_session;
ALTER TABLE upload_session_new RENAME TO upload_session;
ALTER TABLE upload_chunk_new RENAME TO upload_chunk;

CREATE INDEX upload_session_by_time ON upload_session (created_at);
CREATE INDEX upload_session_of_user ON upload_session (user_id);
