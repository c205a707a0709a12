-- What is to be told to people, in one table: the links that set passwords, until now in `mail`, and the ends of runs.

CREATE TABLE outbox (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    channel TEXT NOT NULL CHECK (channel IN ('mail')),
    kind TEXT NOT NULL CHECK (kind IN ('set_password', 'run_ended')),
    user_id INTEGER REFERENCES user_account (id),
    run_id INTEGER,
    revision INTEGER,
    target TEXT,
    key TEXT NOT NULL UNIQUE DEFAULT (lower(hex(randomblob(16)))),
    created_at INTEGER NOT NULL,
    tries INTEGER NOT NULL DEFAULT 0,
    next_at INTEGER NOT NULL,
    last_error TEXT,
    sent_at INTEGER,
    given_up_at INTEGER,
    FOREIGN KEY (run_id, revision) REFERENCES history (run_id, revision) ON DELETE CASCADE,
    CHECK ((kind = 'set_password') = (user_id IS NOT NULL)),
    CHECK ((kind = 'run_ended') = (run_id IS NOT NULL AND revision IS NOT NULL AND target IS NOT NULL)),
    CHECK (sent_at IS NULL OR given_up_at IS NULL)
) STRICT;

CREATE UNIQUE INDEX outbox_of_end ON outbox (run_id, revision, target) WHERE run_id IS NOT NULL;
CREATE INDEX outbox_waiting ON outbox (next_at, id) WHERE sent_at IS NULL AND given_up_at IS NULL;

INSERT INTO outbox (channel, kind, user_id, created_at, tries, next_at)
    SELECT 'mail', kind, user_id, created_at, tries, next_at FROM mail ORDER BY id;

DROP TABLE mail;
