-- What a step that starts a run for each row gives all of them by ${step.property}, as it was when its rows were kept: another
-- step may write there while they wait.
CREATE TABLE child_input (
    attempt_id INTEGER NOT NULL REFERENCES step_attempt (id),
    property_id INTEGER NOT NULL REFERENCES property (id),
    value TEXT,
    file_name TEXT NOT NULL DEFAULT '',
    sha256 TEXT,
    size INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (attempt_id, property_id)
) STRICT, WITHOUT ROWID;

CREATE INDEX child_input_of_property ON child_input (property_id);
