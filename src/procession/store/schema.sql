-- The whole schema, as the migrations leave it; a test compares the two.
-- Times are microseconds since 1970 in UTC, durations microseconds. Statuses repeat model/lifecycle.py.
-- A run's stopwatch (model/stopwatch.py) is `worked` at the moment `beat` of the machine's steady clock; `worked_max` and
-- a step's `began` are readings of it.

CREATE TABLE schema_migration (
    number INTEGER PRIMARY KEY,
    name TEXT NOT NULL,
    applied_at INTEGER NOT NULL
) STRICT;

-- The home that this database is of, and of which it is a copy (store/identity.py). What is held was under way there.
CREATE TABLE home (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    id TEXT NOT NULL,
    path TEXT,
    device TEXT,
    inode TEXT,
    original_id TEXT,
    original_path TEXT
) STRICT;

-- How much time it has lived, by a reading of the machine's clocks (model/home_time.py): tokens end by it.
CREATE TABLE home_time (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    least INTEGER NOT NULL,
    most INTEGER NOT NULL,
    wall INTEGER NOT NULL,
    since_boot INTEGER NOT NULL,
    boot TEXT NOT NULL
) STRICT;

-- Attempts at runs that were begun under another name of the home, as which their steps make themselves known outside.
CREATE TABLE attempt_home (
    run_id INTEGER NOT NULL,
    attempt INTEGER NOT NULL,
    home_id TEXT NOT NULL,
    PRIMARY KEY (run_id, attempt)
) STRICT, WITHOUT ROWID;

CREATE TABLE user_account (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    login TEXT NOT NULL UNIQUE,
    email TEXT NOT NULL UNIQUE,
    first_name TEXT NOT NULL,
    last_name TEXT NOT NULL,
    role TEXT NOT NULL CHECK (role IN ('Subscriber', 'Designer', 'ClientAdmin', 'SVXAdmin')),
    status TEXT NOT NULL DEFAULT 'Active' CHECK (status IN ('Active', 'Suspended', 'Locked')),
    created_at INTEGER NOT NULL,
    city TEXT,
    country TEXT,
    born_on TEXT,
    department TEXT,
    phone_land TEXT,
    phone_mobile TEXT,
    timezone TEXT NOT NULL DEFAULT '(UTC) Coordinated Universal Time',
    signed_in_at INTEGER,
    password_hash TEXT,
    numbers TEXT NOT NULL DEFAULT 'point' CHECK (numbers IN ('point', 'comma', 'space')),
    has_shortcuts INTEGER NOT NULL DEFAULT 1
) STRICT;

CREATE TABLE user_link (
    hash TEXT PRIMARY KEY,
    user_id INTEGER NOT NULL REFERENCES user_account (id),
    expires_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX user_link_of_user ON user_link (user_id);

CREATE TABLE session (
    hash TEXT PRIMARY KEY,
    user_id INTEGER NOT NULL REFERENCES user_account (id),
    expires_at INTEGER NOT NULL,
    created_at INTEGER,
    browser TEXT NOT NULL DEFAULT '',
    wrong INTEGER NOT NULL DEFAULT 0
) STRICT, WITHOUT ROWID;

CREATE INDEX session_of_user ON session (user_id);

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
    created_at INTEGER NOT NULL,
    redirect_uris TEXT NOT NULL DEFAULT '',
    is_public INTEGER NOT NULL DEFAULT 0,
    used_at INTEGER
) STRICT;

-- What a user has consented to: every code, access token and refresh token that came of it falls with it.
CREATE TABLE oauth_grant (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    application_id INTEGER NOT NULL REFERENCES application (id),
    user_id INTEGER NOT NULL REFERENCES user_account (id),
    scopes TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    revoked_at INTEGER
) STRICT;

CREATE INDEX oauth_grant_of_user ON oauth_grant (user_id);
CREATE INDEX oauth_grant_of_application ON oauth_grant (application_id);

CREATE TABLE authorization_code (
    hash TEXT PRIMARY KEY,
    grant_id INTEGER NOT NULL REFERENCES oauth_grant (id),
    redirect_uri TEXT NOT NULL,
    code_challenge TEXT,
    code_challenge_method TEXT,
    expires_at INTEGER NOT NULL,
    used_at INTEGER
) STRICT, WITHOUT ROWID;

CREATE INDEX authorization_code_of_grant ON authorization_code (grant_id);

CREATE TABLE refresh_token (
    hash TEXT PRIMARY KEY,
    grant_id INTEGER NOT NULL REFERENCES oauth_grant (id),
    scopes TEXT NOT NULL,
    expires_at INTEGER NOT NULL,
    used_at INTEGER
) STRICT, WITHOUT ROWID;

CREATE INDEX refresh_token_of_grant ON refresh_token (grant_id);

CREATE TABLE token (
    hash TEXT PRIMARY KEY,
    application_id INTEGER NOT NULL REFERENCES application (id),
    user_id INTEGER NOT NULL REFERENCES user_account (id),
    scopes TEXT NOT NULL,
    expires_at INTEGER NOT NULL,
    grant_id INTEGER REFERENCES oauth_grant (id)
) STRICT, WITHOUT ROWID;

CREATE INDEX token_by_expiry ON token (expires_at);
CREATE INDEX token_of_grant ON token (grant_id) WHERE grant_id IS NOT NULL;
CREATE INDEX token_of_application ON token (application_id);

-- Changes whenever what a proof of a caller rests on does, whoever changes it: what was proved before is asked again.
-- A random value, not a number counted up: what is rolled back never comes again.

CREATE TABLE proof_state (
    state INTEGER NOT NULL
) STRICT;

CREATE TRIGGER proof_state_token_changed AFTER UPDATE ON token
BEGIN
    UPDATE proof_state SET state = random();
END;

CREATE TRIGGER proof_state_token_deleted AFTER DELETE ON token
BEGIN
    UPDATE proof_state SET state = random();
END;

CREATE TRIGGER proof_state_user_changed AFTER UPDATE ON user_account
BEGIN
    UPDATE proof_state SET state = random();
END;

CREATE TRIGGER proof_state_user_deleted AFTER DELETE ON user_account
BEGIN
    UPDATE proof_state SET state = random();
END;

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
    comment TEXT NOT NULL DEFAULT '',
    PRIMARY KEY (process_id, number)
) STRICT;

-- A process file that somebody works on: one a person and place, kept until it is published or thrown away.
CREATE TABLE draft (
    user_id INTEGER NOT NULL REFERENCES user_account (id),
    -- The id of the process, or "new".
    place TEXT NOT NULL,
    -- The version that it began from; 0 for a new process.
    base_version INTEGER NOT NULL,
    text TEXT NOT NULL,
    kept_at INTEGER NOT NULL,
    PRIMARY KEY (user_id, place)
) STRICT, WITHOUT ROWID;

CREATE TABLE managed_table (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    name TEXT NOT NULL COLLATE NOCASE,
    description TEXT NOT NULL,
    version INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    modified_at INTEGER NOT NULL,
    is_deleted INTEGER NOT NULL DEFAULT 0,
    next_record INTEGER NOT NULL DEFAULT 1,
    next_field INTEGER NOT NULL DEFAULT 2
) STRICT;

CREATE UNIQUE INDEX managed_table_by_name ON managed_table (lower(name)) WHERE is_deleted = 0;

CREATE TABLE permission (
    process_id INTEGER REFERENCES process (id),
    table_id INTEGER REFERENCES managed_table (id),
    user_id INTEGER REFERENCES user_account (id),
    group_id INTEGER REFERENCES user_group (id),
    role TEXT NOT NULL CHECK (role IN ('reader', 'executor', 'editor', 'owner')),
    CHECK ((process_id IS NULL) <> (table_id IS NULL)),
    CHECK ((user_id IS NULL) <> (group_id IS NULL))
) STRICT;

CREATE UNIQUE INDEX permission_of_user_on_process ON permission (user_id, process_id)
    WHERE user_id IS NOT NULL AND process_id IS NOT NULL;
CREATE UNIQUE INDEX permission_of_group_on_process ON permission (group_id, process_id)
    WHERE group_id IS NOT NULL AND process_id IS NOT NULL;
CREATE UNIQUE INDEX permission_of_user_on_table ON permission (user_id, table_id)
    WHERE user_id IS NOT NULL AND table_id IS NOT NULL;
CREATE UNIQUE INDEX permission_of_group_on_table ON permission (group_id, table_id)
    WHERE group_id IS NOT NULL AND table_id IS NOT NULL;

-- `needs_person`: it ended badly or with remarks, and was neither restarted, nor seen, nor made good by a later run.
-- `problem` is the message of `problem_step`, the first that went wrong, or why it was cancelled.
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
    restarted_key TEXT,
    executor TEXT,
    worked INTEGER NOT NULL DEFAULT 0,
    beat INTEGER,
    worked_max INTEGER,
    is_held INTEGER NOT NULL DEFAULT 0,
    needs_person INTEGER NOT NULL DEFAULT 0,
    inputs_sha256 TEXT,
    problem_step INTEGER,
    problem TEXT,
    FOREIGN KEY (process_id, version) REFERENCES process_version (process_id, number),
    CHECK ((outcome IS NOT NULL) = (status = 'Finished')),
    CHECK (status <> 'Running' OR (executor IS NOT NULL AND started_at IS NOT NULL))
) STRICT;

CREATE INDEX run_by_process ON run (process_id, id);
CREATE INDEX run_waiting ON run (started_by, process_id, scheduled_at, id) WHERE status = 'Scheduled' AND is_held = 0;
CREATE INDEX run_running ON run (id) WHERE status = 'Running' AND is_held = 0;
CREATE INDEX run_held ON run (id) WHERE is_held = 1;
CREATE INDEX run_unsolved ON run (process_id, id, outcome, started_by) WHERE needs_person = 1;
CREATE INDEX run_by_status ON run (process_id, status, outcome, id, started_by) WHERE version > 0;
CREATE INDEX run_by_creation ON run (created_at);
CREATE INDEX run_by_end ON run (process_id, status, outcome, finished_at) WHERE finished_at IS NOT NULL AND version > 0;

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
    began INTEGER,
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
    is_gone INTEGER NOT NULL DEFAULT 0,
    figures TEXT NOT NULL DEFAULT '{}'
) STRICT;

CREATE INDEX step_attempt_of_step ON step_attempt (step_id);
CREATE INDEX step_attempt_not_gone ON step_attempt (run_id) WHERE is_gone = 0;

-- What an attempt has done outside, by numbers from 1: it tells the next try what not to do again.
CREATE TABLE journal_entry (
    attempt_id INTEGER NOT NULL REFERENCES step_attempt (id),
    number INTEGER NOT NULL CHECK (number >= 1),
    entry TEXT NOT NULL CHECK (length(entry) BETWEEN 1 AND 200),
    at INTEGER NOT NULL,
    PRIMARY KEY (attempt_id, number)
) STRICT, WITHOUT ROWID;

-- What a step asks for outside once its end is on disk: written in the transaction of that end. `asked` is the follow-up as
-- JSON. `is_at_work`: a process may be doing it now. A restart of its step deletes one that waits.
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

-- Runs that a try of a step starts: one, at place 0, or one for each of many rows, at the places from 1. A row is here before
-- its run starts, which makes it Started. `row_key`: the same in every try. `inputs`: the SHA-256 of all that the run was
-- given; a restart with the same keeps a run that succeeded. `given`: JSON, the inputs that the row fills in. `waits` 0: the
-- step does not wait for its end. LeftOut: it never starts, since one before it failed.
CREATE TABLE child_run (
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

CREATE UNIQUE INDEX child_run_of_key ON child_run (attempt_id, row_key);
CREATE INDEX child_run_of_step ON child_run (step_id, row_key, attempt_id) WHERE child_id IS NOT NULL;
CREATE INDEX child_run_of_run ON child_run (run_id);
CREATE INDEX child_run_of_child ON child_run (child_id) WHERE child_id IS NOT NULL;
CREATE INDEX child_run_of_state ON child_run (attempt_id, state, place);

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

-- Who has filled in a run or uploaded to it, also to the run that its inputs were copied from.
CREATE TABLE run_preparer (
    run_id INTEGER NOT NULL REFERENCES run (id),
    user_id INTEGER NOT NULL REFERENCES user_account (id),
    PRIMARY KEY (run_id, user_id)
) STRICT, WITHOUT ROWID;

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
    message TEXT NOT NULL,
    about TEXT
) STRICT;

CREATE INDEX log_of_user ON log (user_login, id);

-- What is to be told to people: what it is about, never a text, so that no link stands in here. A row waits while it is
-- neither sent nor given up. `target` NULL: the address that the user has by then. `key` is the same at every try.
CREATE TABLE outbox (
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

CREATE UNIQUE INDEX outbox_of_end ON outbox (run_id, revision, target) WHERE run_id IS NOT NULL;
CREATE INDEX outbox_waiting ON outbox (next_at, id) WHERE sent_at IS NULL AND given_up_at IS NULL;

-- Versions of managed tables: what they hold is in files, which versions hold which file is here. same_as is the version
-- whose rows this one holds too, where it has none of its own: takeBack, compact; first_record and end_record are the ids
-- that it has given to new records, from the first to before the second.
CREATE TABLE table_version (
    table_id INTEGER NOT NULL REFERENCES managed_table (id),
    number INTEGER NOT NULL,
    operation TEXT NOT NULL CHECK (operation IN ('create', 'addColumn', 'changeColumn', 'dropColumn', 'append',
        'replace', 'upsert', 'replaceWhere', 'takeBack', 'compact')),
    author TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    row_count INTEGER NOT NULL CHECK (row_count >= 0),
    size INTEGER NOT NULL CHECK (size >= 0),
    columns TEXT NOT NULL,
    run_id INTEGER REFERENCES run (id),
    step_id INTEGER REFERENCES step (id),
    same_as INTEGER,
    first_record INTEGER NOT NULL DEFAULT 0,
    end_record INTEGER NOT NULL DEFAULT 0,
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

-- What the names in a version of a process mean, since tables may be renamed; and who vouches for it.
CREATE TABLE process_version_table (
    process_id INTEGER NOT NULL,
    number INTEGER NOT NULL,
    name TEXT NOT NULL,
    table_id INTEGER NOT NULL REFERENCES managed_table (id),
    user_id INTEGER NOT NULL REFERENCES user_account (id),
    PRIMARY KEY (process_id, number, name),
    FOREIGN KEY (process_id, number) REFERENCES process_version (process_id, number)
) STRICT, WITHOUT ROWID;

-- Which version an attempt at a step reads: it is there before the work begins, and a later attempt reads it again.
CREATE TABLE table_read (
    attempt_id INTEGER NOT NULL REFERENCES step_attempt (id),
    place TEXT NOT NULL,
    table_id INTEGER NOT NULL REFERENCES managed_table (id),
    version INTEGER NOT NULL,
    -- The attempt at the run from which on it no longer counts: a restart that asked for the present version.
    undone_by INTEGER,
    PRIMARY KEY (attempt_id, place)
) STRICT, WITHOUT ROWID;

-- Connections to what lies outside. Of their secrets only what connections.key opens is here.
CREATE TABLE connection (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    name TEXT NOT NULL COLLATE NOCASE,
    kind TEXT NOT NULL CHECK (kind IN ('smtp', 'http', 'sftp', 's3', 'database', 'folder')),
    description TEXT NOT NULL DEFAULT '',
    options TEXT NOT NULL,
    private_hosts INTEGER NOT NULL DEFAULT 0,
    created_at INTEGER NOT NULL,
    modified_at INTEGER NOT NULL,
    modified_by TEXT NOT NULL,
    used_at INTEGER,
    is_removed INTEGER NOT NULL DEFAULT 0
) STRICT;

CREATE UNIQUE INDEX connection_by_name ON connection (lower(name)) WHERE is_removed = 0;

CREATE TABLE connection_secret (
    connection_id INTEGER NOT NULL REFERENCES connection (id),
    name TEXT NOT NULL,
    key_id TEXT NOT NULL,
    sealed BLOB NOT NULL,
    set_at INTEGER NOT NULL,
    set_by TEXT NOT NULL,
    PRIMARY KEY (connection_id, name)
) STRICT, WITHOUT ROWID;

CREATE TABLE connection_user (
    connection_id INTEGER NOT NULL REFERENCES connection (id),
    user_id INTEGER REFERENCES user_account (id),
    group_id INTEGER REFERENCES user_group (id),
    CHECK ((user_id IS NULL) <> (group_id IS NULL))
) STRICT;

CREATE UNIQUE INDEX connection_user_by_user ON connection_user (connection_id, user_id) WHERE user_id IS NOT NULL;
CREATE UNIQUE INDEX connection_user_by_group ON connection_user (connection_id, group_id) WHERE group_id IS NOT NULL;

-- What the names in a version of a process mean, since connections may be renamed; and who vouches for it.
CREATE TABLE process_version_connection (
    process_id INTEGER NOT NULL,
    number INTEGER NOT NULL,
    name TEXT NOT NULL,
    connection_id INTEGER NOT NULL REFERENCES connection (id),
    user_id INTEGER NOT NULL REFERENCES user_account (id),
    PRIMARY KEY (process_id, number, name),
    FOREIGN KEY (process_id, number) REFERENCES process_version (process_id, number)
) STRICT, WITHOUT ROWID;

CREATE INDEX process_version_connection_of_connection ON process_version_connection (connection_id);

-- What the names in a version of a process mean, since processes may be renamed.
CREATE TABLE process_version_process (
    process_id INTEGER NOT NULL,
    number INTEGER NOT NULL,
    name TEXT NOT NULL,
    called_id INTEGER NOT NULL REFERENCES process (id),
    PRIMARY KEY (process_id, number, name),
    FOREIGN KEY (process_id, number) REFERENCES process_version (process_id, number)
) STRICT, WITHOUT ROWID;

-- Every time that a step was given a connection; it outlives the run.
CREATE TABLE connection_use (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    connection_id INTEGER NOT NULL REFERENCES connection (id),
    run_id INTEGER NOT NULL,
    user_login TEXT NOT NULL,
    at INTEGER NOT NULL
) STRICT;

CREATE INDEX connection_use_of_connection ON connection_use (connection_id, id);

-- Uploads in chunks: a session, and what of it has arrived. A chunk's bytes are on disk before its row is here.
CREATE TABLE upload_session (
    id TEXT PRIMARY KEY,
    file_id INTEGER REFERENCES file (id),
    table_id INTEGER REFERENCES managed_table (id),
    user_id INTEGER NOT NULL REFERENCES user_account (id),
    created_at INTEGER NOT NULL,
    committed_at INTEGER,
    size INTEGER NOT NULL DEFAULT 0 CHECK (size >= 0),
    content TEXT,
    CHECK ((file_id IS NULL) <> (table_id IS NULL)),
    CHECK (content IS NULL OR committed_at IS NOT NULL)
) STRICT, WITHOUT ROWID;

CREATE INDEX upload_session_by_time ON upload_session (created_at);
CREATE INDEX upload_session_of_user ON upload_session (user_id);

CREATE TABLE upload_chunk (
    session_id TEXT NOT NULL REFERENCES upload_session (id),
    number INTEGER NOT NULL CHECK (number >= 1),
    stored_as TEXT NOT NULL,
    file_name TEXT NOT NULL,
    sha256 TEXT NOT NULL,
    size INTEGER NOT NULL,
    PRIMARY KEY (session_id, number)
) STRICT, WITHOUT ROWID;

-- Requests that carried an Idempotency-Key: what they asked and what they were answered, for a day.
CREATE TABLE repeat (
    hash TEXT PRIMARY KEY,
    request TEXT NOT NULL,
    answer BLOB,
    at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX repeat_by_time ON repeat (at);

-- The audit trail: a chain of SHA-256 over the rows of history and log, added in the transactions that add those
-- (store/audit.py).
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

-- For our own mistakes: somebody with a database shell can drop them, which is what the chain is for.
CREATE TRIGGER audit_stays BEFORE UPDATE ON audit BEGIN SELECT RAISE(ABORT, 'the trail is only added to'); END;
CREATE TRIGGER audit_is_kept BEFORE DELETE ON audit BEGIN SELECT RAISE(ABORT, 'the trail is only added to'); END;
CREATE TRIGGER log_stays BEFORE UPDATE ON log BEGIN SELECT RAISE(ABORT, 'the log is only added to'); END;
CREATE TRIGGER log_is_kept BEFORE DELETE ON log BEGIN SELECT RAISE(ABORT, 'the log is only added to'); END;
CREATE TRIGGER history_stays BEFORE UPDATE ON history BEGIN SELECT RAISE(ABORT, 'history is only added to'); END;
