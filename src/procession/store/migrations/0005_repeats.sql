-- Requests that carried an Idempotency-Key: what they asked and what they were answered, for a day.

CREATE TABLE repeat (
    hash TEXT PRIMARY KEY,
    request TEXT NOT NULL,
    answer BLOB,
    at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX repeat_by_time ON repeat (at);
