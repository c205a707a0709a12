-- Steps that wait for people to decide.

-- One row a try of such a step. `decision` NULL: it is open; failed: nobody can decide it any more, `why` says so. `due` is
-- by the home's own clock (operations/home_time), when people are reminded or the step fails.
CREATE TABLE approval (
    attempt_id INTEGER PRIMARY KEY REFERENCES step_attempt (id),
    run_id INTEGER NOT NULL REFERENCES run (id),
    step_id INTEGER NOT NULL REFERENCES step (id),
    opened_at INTEGER NOT NULL,
    due INTEGER,
    decision TEXT CHECK (decision IN ('approved', 'rejected', 'failed')),
    why TEXT NOT NULL DEFAULT ''
) STRICT;

CREATE INDEX approval_of_step ON approval (step_id);
CREATE INDEX approval_open ON approval (run_id) WHERE decision IS NULL;

-- What each person said of what they saw: `signed` is the SHA-256 of it. Said once; it counts while it is what there is.
CREATE TABLE approval_vote (
    attempt_id INTEGER NOT NULL REFERENCES approval (attempt_id),
    user_id INTEGER NOT NULL REFERENCES user_account (id),
    signed TEXT NOT NULL,
    decision TEXT NOT NULL CHECK (decision IN ('approved', 'rejected')),
    comment TEXT NOT NULL,
    voted_at INTEGER NOT NULL,
    PRIMARY KEY (attempt_id, user_id, signed)
) STRICT, WITHOUT ROWID;

-- Who has filled in a run or uploaded to it, also to the run that its inputs were copied from.
CREATE TABLE run_preparer (
    run_id INTEGER NOT NULL REFERENCES run (id),
    user_id INTEGER NOT NULL REFERENCES user_account (id),
    PRIMARY KEY (run_id, user_id)
) STRICT, WITHOUT ROWID;

-- The table anew, since a list of kinds cannot be made longer.
CREATE TABLE outbox_new (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    channel TEXT NOT NULL CHECK (channel IN ('mail')),
    kind TEXT NOT NULL CHECK (kind IN ('set_password', 'run_ended', 'approval')),
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
    is_held INTEGER NOT NULL DEFAULT 0,
    FOREIGN KEY (run_id, revision) REFERENCES history (run_id, revision) ON DELETE CASCADE,
    CHECK ((kind = 'set_password') = (user_id IS NOT NULL)),
    CHECK ((kind <> 'set_password') = (run_id IS NOT NULL AND revision IS NOT NULL AND target IS NOT NULL)),
    CHECK (sent_at IS NULL OR given_up_at IS NULL)
) STRICT;

INSERT INTO outbox_new (id, channel, kind, user_id, run_id, revision, target, key, created_at, tries, next_at, last_error,
    sent_at, given_up_at, is_held) SELECT id, channel, kind, user_id, run_id, revision, target, key, created_at, tries,
    next_at, last_error, sent_at, given_up_at, is_held FROM outbox;
DROP TABLE outbox;
ALTER TABLE outbox_new RENAME TO outbox;
CREATE UNIQUE INDEX outbox_of_end ON outbox (run_id, revision, target) WHERE run_id IS NOT NULL;
CREATE INDEX outbox_waiting ON outbox (next_at, id) WHERE sent_at IS NULL AND given_up_at IS NULL;
