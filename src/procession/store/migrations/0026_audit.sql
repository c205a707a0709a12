-- The audit trail: a chain of SHA-256 over the rows of history and log, added in the transactions that add those
-- (store/audit.py). Rows of earlier releases are sealed by the program in the transaction of this migration.
CREATE TABLE audit (
    id INTEGER PRIMARY KEY,
    kind TEXT NOT NULL CHECK (kind IN ('history', 'log', 'removed')),
    number INTEGER NOT NULL,
    revision INTEGER NOT NULL,
    digest BLOB NOT NULL CHECK (length(digest) = 32),
    chain BLOB NOT NULL CHECK (length(chain) = 32)
) STRICT;

-- Where the chain ends: without it nobody would miss what is taken away from its end.
CREATE TABLE audit_head (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    entries INTEGER NOT NULL,
    chain BLOB NOT NULL
) STRICT;

INSERT INTO audit_head VALUES (1, 0, x'');

-- For our own mistakes: somebody with a database shell can drop them, which is what the chain is for.
CREATE TRIGGER audit_stays BEFORE UPDATE ON audit BEGIN SELECT RAISE(ABORT, 'the trail is only added to'); END;
CREATE TRIGGER audit_is_kept BEFORE DELETE ON audit BEGIN SELECT RAISE(ABORT, 'the trail is only added to'); END;
CREATE TRIGGER log_stays BEFORE UPDATE ON log BEGIN SELECT RAISE(ABORT, 'the log is only added to'); END;
CREATE TRIGGER log_is_kept BEFORE DELETE ON log BEGIN SELECT RAISE(ABORT, 'the log is only added to'); END;
CREATE TRIGGER history_stays BEFORE UPDATE ON history BEGIN SELECT RAISE(ABORT, 'history is only added to'); END;
