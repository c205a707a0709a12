-- The first schema.

CREATE TABLE schema_migration (
    number INTEGER PRIMARY KEY,
    name TEXT NOT NULL,
    applied_at INTEGER NOT NULL
) STRICT;

CREATE TABLE user_account (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    login TEXT NOT NULL UNIQUE,
    email TEXT NOT NULL UNIQUE,
    first_name TEXT NOT NULL,
    last_name TEXT NOT NULL,
    role TEXT NOT NULL CHECK (role IN ('Subscriber', 'Designer', 'ClientAdmin', 'SVXAdmin')),
    status TEXT NOT NULL DEFAULT 'Active' CHECK (status IN ('Active', 'Suspended', 'Locked')),
    created_at INTEGER NOT NULL
) STRICT;

CREATE TABLE user_group (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    name TEXT NOT NULL UNIQUE,
    description TEXT NOT NULL DEFAULT '',
    created_at INTEGER NOT NULL
) STRICT;

CREATE TABLE user_group_member (
    group_id INTEGER NOT NULL REFERENCES user_group (id),
    user_id INTEGER NOT NULL REFERENCES user_account (id),
    PRIMARY KEY (group_id, user_id)
) STRICT, WITHOUT ROWID;

CREATE TABLE application (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    client_id TEXT NOT NULL UNIQUE,
    secret_hash TEXT NOT NULL,
    name TEXT NOT NULL,
    user_id INTEGER NOT NULL REFERENCES user_account (id),
    scopes TEXT NOT NULL,
    created_at INTEGER NOT NULL
) STRICT;

CREATE TABLE token (
    hash TEXT PRIMARY KEY,
    application_id INTEGER NOT NULL REFERENCES application (id),
    user_id INTEGER NOT NULL REFERENCES user_account (id),
    scopes TEXT NOT NULL,
    expires_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX token_by_expiry ON token (expires_at);

CREATE TABLE process (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    name TEXT NOT NULL UNIQUE,
    version INTEGER NOT NULL,
    runs_created INTEGER NOT NULL DEFAULT 0,
    created_at INTEGER NOT NULL,
    modified_at INTEGER NOT NULL,
    modified_by TEXT NOT NULL
) STRICT;

CREATE TABLE process_version (
    process_id INTEGER NOT NULL REFERENCES process (id),
    number INTEGER NOT NULL,
    definition TEXT NOT NULL,
    source TEXT,
    sha256 TEXT NOT NULL,
    author TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (process_id, number)
) STRICT;

CREATE TABLE permission (
    process_id INTEGER NOT NULL REFERENCES process (id),
    user_id INTEGER REFERENCES user_account (id),
    group_id INTEGER REFERENCES user_group (id),
    role TEXT NOT NULL CHECK (role IN ('reader', 'executor', 'editor', 'owner')),
    CHECK ((user_id IS NULL) <> (group_id IS NULL))
) STRICT;

CREATE UNIQUE INDEX permission_of_user ON permission (user_id, process_id) WHERE user_id IS NOT NULL;
CREATE UNIQUE INDEX permission_of_group ON permission (group_id, process_id) WHERE group_id IS NOT NULL;

CREATE TABLE run (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    process_id INTEGER NOT NULL REFERENCES process (id),
    version INTEGER NOT NULL,
    name TEXT NOT NULL,
    description TEXT NOT NULL,
    alert_email TEXT NOT NULL,
    alert_sms TEXT NOT NULL,
    status TEXT NOT NULL DEFAULT 'NotStarted'
        CHECK (status IN ('NotStarted', 'Scheduled', 'Running', 'Finished', 'Cancelled', 'TimedOut')),
    outcome TEXT CHECK (outcome IN ('Success', 'Warning', 'Failed')),
    attempt INTEGER NOT NULL DEFAULT 0,
    epoch INTEGER NOT NULL DEFAULT 0,
    revision INTEGER NOT NULL DEFAULT 0,
    created_at INTEGER NOT NULL,
    modified_at INTEGER NOT NULL,
    modified_by TEXT NOT NULL,
    started_by INTEGER REFERENCES user_account (id),
    scheduled_at INTEGER,
    started_at INTEGER,
    finished_at INTEGER,
    duration INTEGER,
    deadline_at INTEGER,
    restarted_key TEXT,
    executor TEXT,
    lease_until INTEGER,
    FOREIGN KEY (process_id, version) REFERENCES process_version (process_id, number),
    CHECK ((outcome IS NOT NULL) = (status = 'Finished')),
    CHECK (status <> 'Running' OR (executor IS NOT NULL AND started_at IS NOT NULL))
) STRICT;

CREATE INDEX run_by_process ON run (process_id, id);
CREATE INDEX run_unfinished ON run (status, id) WHERE status IN ('Scheduled', 'Running');

CREATE TABLE step (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    process_id INTEGER NOT NULL REFERENCES process (id),
    run_id INTEGER REFERENCES run (id),
    key TEXT NOT NULL,
    name TEXT NOT NULL,
    kind TEXT NOT NULL CHECK (kind IN ('Data', 'Action')),
    step_order TEXT NOT NULL,
    group_name TEXT NOT NULL,
    position INTEGER NOT NULL,
    enabled INTEGER NOT NULL,
    is_retired INTEGER NOT NULL DEFAULT 0,
    status TEXT NOT NULL DEFAULT 'NotStarted' CHECK (status IN
        ('NotStarted', 'Scheduled', 'Running', 'Success', 'Warning', 'Failed', 'Cancelled', 'Skipped')),
    message TEXT NOT NULL DEFAULT '',
    started_at INTEGER,
    finished_at INTEGER,
    duration INTEGER,
    tries INTEGER NOT NULL DEFAULT 0,
    retry_at INTEGER,
    progress REAL,
    progress_message TEXT NOT NULL DEFAULT '',
    CHECK (status <> 'Running' OR started_at IS NOT NULL)
) STRICT;

CREATE UNIQUE INDEX step_of_run ON step (run_id, key) WHERE run_id IS NOT NULL;
CREATE UNIQUE INDEX step_of_process ON step (process_id, key) WHERE run_id IS NULL;

CREATE TABLE property (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    step_id INTEGER NOT NULL REFERENCES step (id),
    position INTEGER NOT NULL,
    key TEXT NOT NULL,
    name TEXT NOT NULL,
    type TEXT NOT NULL CHECK (type IN ('Dropdown', 'Text', 'String', 'Number', 'Decimal', 'CheckBox',
        'SystemVariable', 'Datepicker', 'File')),
    flow TEXT NOT NULL CHECK (flow IN ('INPUT', 'OUTPUT', 'NONE')),
    required INTEGER NOT NULL,
    visible INTEGER NOT NULL,
    mouseover TEXT NOT NULL,
    value TEXT,
    options TEXT NOT NULL,
    decimal_points INTEGER,
    foreground_color TEXT,
    variable TEXT,
    is_retired INTEGER NOT NULL DEFAULT 0
) STRICT;

CREATE UNIQUE INDEX property_of_step ON property (step_id, key);

CREATE TABLE file (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    property_id INTEGER NOT NULL UNIQUE REFERENCES property (id),
    name TEXT NOT NULL DEFAULT '',
    sha256 TEXT,
    size INTEGER NOT NULL DEFAULT 0,
    CHECK (sha256 IS NOT NULL OR size = 0)
) STRICT;

CREATE INDEX file_by_content ON file (sha256) WHERE sha256 IS NOT NULL;

-- What was frozen at the start (step_id is NULL) and what steps wrote: the present value of a property is its last
-- write that no restart has undone. Nothing is ever overwritten (docs/crash.md, Restart from a step).
CREATE TABLE property_write (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    property_id INTEGER NOT NULL REFERENCES property (id),
    step_id INTEGER REFERENCES step (id),
    attempt INTEGER NOT NULL,
    value TEXT,
    file_name TEXT NOT NULL DEFAULT '',
    sha256 TEXT,
    size INTEGER NOT NULL DEFAULT 0,
    written_at INTEGER NOT NULL,
    undone_by INTEGER
) STRICT;

CREATE INDEX property_write_of_property ON property_write (property_id, id);
CREATE INDEX property_write_of_step ON property_write (step_id) WHERE step_id IS NOT NULL;
CREATE INDEX property_write_by_content ON property_write (sha256) WHERE sha256 IS NOT NULL;

CREATE TABLE step_attempt (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    run_id INTEGER NOT NULL REFERENCES run (id),
    step_id INTEGER NOT NULL REFERENCES step (id),
    attempt INTEGER NOT NULL,
    number INTEGER NOT NULL,
    epoch INTEGER NOT NULL,
    started_at INTEGER NOT NULL,
    finished_at INTEGER,
    duration INTEGER,
    status TEXT NOT NULL CHECK (status IN ('Running', 'Success', 'Warning', 'Failed', 'Cancelled')),
    message TEXT NOT NULL DEFAULT '',
    pid INTEGER NOT NULL,
    started_ticks INTEGER NOT NULL,
    boot_id TEXT NOT NULL,
    is_gone INTEGER NOT NULL DEFAULT 0
) STRICT;

CREATE INDEX step_attempt_of_step ON step_attempt (step_id);
CREATE INDEX step_attempt_not_gone ON step_attempt (run_id) WHERE is_gone = 0;

CREATE TABLE history (
    run_id INTEGER NOT NULL REFERENCES run (id),
    revision INTEGER NOT NULL,
    at INTEGER NOT NULL,
    attempt INTEGER NOT NULL,
    kind TEXT NOT NULL,
    step_id INTEGER,
    user_login TEXT,
    detail TEXT NOT NULL,
    PRIMARY KEY (run_id, revision)
) STRICT, WITHOUT ROWID;

CREATE TABLE log (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    at INTEGER NOT NULL,
    user_login TEXT NOT NULL,
    message TEXT NOT NULL
) STRICT;
