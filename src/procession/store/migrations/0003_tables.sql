-- Versions of managed tables: what they hold is in files, which versions hold which file is here.

ALTER TABLE managed_table ADD COLUMN next_record INTEGER NOT NULL DEFAULT 1;
ALTER TABLE managed_table ADD COLUMN next_field INTEGER NOT NULL DEFAULT 2;

CREATE TABLE table_version (
    table_id INTEGER NOT NULL REFERENCES managed_table (id),
    number INTEGER NOT NULL,
    operation TEXT NOT NULL CHECK (operation IN ('create', 'addColumn', 'changeColumn', 'dropColumn', 'append',
        'replace', 'upsert', 'takeBack')),
    author TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    row_count INTEGER NOT NULL CHECK (row_count >= 0),
    size INTEGER NOT NULL CHECK (size >= 0),
    columns TEXT NOT NULL,
    run_id INTEGER REFERENCES run (id),
    step_id INTEGER REFERENCES step (id),
    PRIMARY KEY (table_id, number)
) STRICT;

CREATE INDEX table_version_of_run ON table_version (run_id) WHERE run_id IS NOT NULL;

-- A file is part of the versions from from_version until before until_version (NULL: it is part of the present one).
CREATE TABLE table_part (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    table_id INTEGER NOT NULL REFERENCES managed_table (id),
    sha256 TEXT NOT NULL,
    size INTEGER NOT NULL,
    row_count INTEGER NOT NULL,
    from_version INTEGER NOT NULL,
    until_version INTEGER CHECK (until_version > from_version)
) STRICT;

CREATE INDEX table_part_of_table ON table_part (table_id, until_version);
CREATE INDEX table_part_by_content ON table_part (sha256);
