-- People with passwords and profiles, OAuth in full, and permissions on managed tables too.

ALTER TABLE user_account ADD COLUMN city TEXT;
ALTER TABLE user_account ADD COLUMN country TEXT;
ALTER TABLE user_account ADD COLUMN born_on TEXT;
ALTER TABLE user_account ADD COLUMN department TEXT;
ALTER TABLE user_account ADD COLUMN phone_land TEXT;
ALTER TABLE user_account ADD COLUMN phone_mobile TEXT;
ALTER TABLE user_account ADD COLUMN timezone TEXT NOT NULL DEFAULT '(UTC) Coordinated Universal Time';
ALTER TABLE user_account ADD COLUMN signed_in_at INTEGER;
ALTER TABLE user_account ADD COLUMN password_hash TEXT;

CREATE TABLE user_link (
    hash TEXT PRIMARY KEY,
    user_id INTEGER NOT NULL REFERENCES user_account (id),
    expires_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX user_link_of_user ON user_link (user_id);

CREATE TABLE session (
    hash TEXT PRIMARY KEY,
    user_id INTEGER NOT NULL REFERENCES user_account (id),
    expires_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX session_of_user ON session (user_id);

ALTER TABLE application ADD COLUMN redirect_uris TEXT NOT NULL DEFAULT '';
ALTER TABLE application ADD COLUMN is_public INTEGER NOT NULL DEFAULT 0;

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

ALTER TABLE token ADD COLUMN grant_id INTEGER REFERENCES oauth_grant (id);
CREATE INDEX token_of_grant ON token (grant_id) WHERE grant_id IS NOT NULL;
CREATE INDEX token_of_application ON token (application_id);

CREATE TABLE managed_table (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    name TEXT NOT NULL COLLATE NOCASE,
    description TEXT NOT NULL,
    version INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    modified_at INTEGER NOT NULL,
    is_deleted INTEGER NOT NULL DEFAULT 0
) STRICT;

CREATE UNIQUE INDEX managed_table_by_name ON managed_table (name) WHERE is_deleted = 0;

CREATE TABLE permission_new (
    process_id INTEGER REFERENCES process (id),
    table_id INTEGER REFERENCES managed_table (id),
    user_id INTEGER REFERENCES user_account (id),
    group_id INTEGER REFERENCES user_group (id),
    role TEXT NOT NULL CHECK (role IN ('reader', 'executor', 'editor', 'owner')),
    CHECK ((process_id IS NULL) <> (table_id IS NULL)),
    CHECK ((user_id IS NULL) <> (group_id IS NULL))
) STRICT;

INSERT INTO permission_new (process_id, user_id, group_id, role)
SELECT process_id, user_id, group_id, role FROM permission;
DROP TABLE permission;
ALTER TABLE permission_new RENAME TO permission;

CREATE UNIQUE INDEX permission_of_user_on_process ON permission (user_id, process_id)
    WHERE user_id IS NOT NULL AND process_id IS NOT NULL;
CREATE UNIQUE INDEX permission_of_group_on_process ON permission (group_id, process_id)
    WHERE group_id IS NOT NULL AND process_id IS NOT NULL;
CREATE UNIQUE INDEX permission_of_user_on_table ON permission (user_id, table_id)
    WHERE user_id IS NOT NULL AND table_id IS NOT NULL;
CREATE UNIQUE INDEX permission_of_group_on_table ON permission (group_id, table_id)
    WHERE group_id IS NOT NULL AND table_id IS NOT NULL;

CREATE INDEX log_of_user ON log (user_login, id);

-- Mail to be sent: what it is about, never its text, so that no link stands in here.
CREATE TABLE mail (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    kind TEXT NOT NULL CHECK (kind IN ('set_password')),
    user_id INTEGER NOT NULL REFERENCES user_account (id),
    created_at INTEGER NOT NULL,
    tries INTEGER NOT NULL DEFAULT 0,
    next_at INTEGER NOT NULL
) STRICT;

CREATE INDEX mail_by_time ON mail (next_at);
