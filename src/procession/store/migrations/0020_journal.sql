-- What steps have done outside, as they record it while they work: it tells the next try what not to do again.
CREATE TABLE journal_entry (
    attempt_id INTEGER NOT NULL REFERENCES step_attempt (id),
    number INTEGER NOT NULL CHECK (number >= 1),
    entry TEXT NOT NULL CHECK (length(entry) BETWEEN 1 AND 200),
    at INTEGER NOT NULL,
    PRIMARY KEY (attempt_id, number)
) STRICT, WITHOUT ROWID;
