-- A step may start a run for each of many rows: then there is a row here for each, before any of them starts.

CREATE TABLE child_run_now (
    attempt_id INTEGER NOT NULL REFERENCES step_attempt (id),
    place INTEGER NOT NULL,
    row_key TEXT NOT NULL DEFAULT '',
    run_id INTEGER NOT NULL REFERENCES run (id),
    step_id INTEGER NOT NULL REFERENCES step (id),
    child_id INTEGER REFERENCES run (id),
    inputs TEXT NOT NULL DEFAULT '',
    given TEXT NOT NULL DEFAULT '{}',
    waits INTEGER NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('Waiting', 'Started', 'Over', 'Refused', 'LeftOut')),
    why TEXT NOT NULL DEFAULT '',
    PRIMARY KEY (attempt_id, place),
    CHECK ((child_id IS NOT NULL) = (state IN ('Started', 'Over'))),
    CHECK ((why <> '') = (state = 'Refused'))
) STRICT;

INSERT INTO child_run_now (attempt_id, place, run_id, step_id, child_id, inputs, waits, state, why)
SELECT attempt_id, 0, run_id, step_id, child_id, inputs, waits, CASE WHEN child_id IS NULL THEN 'Refused' ELSE 'Started' END, why
  FROM child_run;

DROP TABLE child_run;
ALTER TABLE child_run_now RENAME TO child_run;

CREATE UNIQUE INDEX child_run_of_key ON child_run (attempt_id, row_key);
CREATE INDEX child_run_of_step ON child_run (step_id, row_key, attempt_id) WHERE child_id IS NOT NULL;
CREATE INDEX child_run_of_run ON child_run (run_id);
CREATE INDEX child_run_of_child ON child_run (child_id) WHERE child_id IS NOT NULL;
CREATE INDEX child_run_of_state ON child_run (attempt_id, state, place);
