-- Runs that steps of other runs start.

-- One row a try of such a step. `child_id` NULL: it could not be started, `why` says so. `inputs` is the SHA-256 of what it
-- was given: a restart with the same ones keeps a run that succeeded. `waits` 0: the step does not wait for its end.
CREATE TABLE child_run (
    attempt_id INTEGER PRIMARY KEY REFERENCES step_attempt (id),
    run_id INTEGER NOT NULL REFERENCES run (id),
    step_id INTEGER NOT NULL REFERENCES step (id),
    child_id INTEGER REFERENCES run (id),
    inputs TEXT NOT NULL,
    waits INTEGER NOT NULL,
    why TEXT NOT NULL DEFAULT '',
    CHECK ((child_id IS NULL) = (why <> ''))
) STRICT;

CREATE INDEX child_run_of_step ON child_run (step_id);
CREATE INDEX child_run_of_run ON child_run (run_id);
CREATE INDEX child_run_of_child ON child_run (child_id) WHERE child_id IS NOT NULL;

-- What the names in a version of a process mean, since processes may be renamed.
CREATE TABLE process_version_process (
    process_id INTEGER NOT NULL,
    number INTEGER NOT NULL,
    name TEXT NOT NULL,
    called_id INTEGER NOT NULL REFERENCES process (id),
    PRIMARY KEY (process_id, number, name),
    FOREIGN KEY (process_id, number) REFERENCES process_version (process_id, number)
) STRICT, WITHOUT ROWID;
