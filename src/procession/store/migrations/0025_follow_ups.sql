-- What a step asks for outside once its end is on disk: written in the transaction of that end.
CREATE TABLE follow_up (
    attempt_id INTEGER PRIMARY KEY REFERENCES step_attempt (id),
    run_id INTEGER NOT NULL REFERENCES run (id),
    step_id INTEGER NOT NULL REFERENCES step (id),
    action TEXT NOT NULL,
    connection TEXT NOT NULL,
    asked TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    state TEXT NOT NULL DEFAULT 'Waiting' CHECK (state IN ('Waiting', 'Done', 'GivenUp')),
    tries INTEGER NOT NULL DEFAULT 0 CHECK (tries >= 0),
    next_at INTEGER NOT NULL,
    ended_at INTEGER,
    is_at_work INTEGER NOT NULL DEFAULT 0,
    is_held INTEGER NOT NULL DEFAULT 0,
    message TEXT NOT NULL DEFAULT '',
    CHECK ((state = 'Waiting') = (ended_at IS NULL)),
    CHECK (is_at_work = 0 OR state = 'Waiting')
) STRICT;

CREATE INDEX follow_up_waiting ON follow_up (next_at, attempt_id) WHERE state = 'Waiting';
CREATE INDEX follow_up_of_step ON follow_up (step_id);
CREATE INDEX follow_up_of_run ON follow_up (run_id);
CREATE INDEX follow_up_given_up ON follow_up (ended_at) WHERE state = 'GivenUp';
