-- What a user chooses about the pages. A session tells its user where it was begun: created_at is NULL for one that an
-- earlier release began, and `browser` is '' where its request said nothing. `wrong` counts wrong passwords that were
-- given in it. `used_at` of an application is NULL until it is given a token, `about` of the log where an entry tells of
-- no one thing.
ALTER TABLE user_account ADD COLUMN numbers TEXT NOT NULL DEFAULT 'point' CHECK (numbers IN ('point', 'comma', 'space'));
ALTER TABLE user_account ADD COLUMN has_shortcuts INTEGER NOT NULL DEFAULT 1;
ALTER TABLE session ADD COLUMN created_at INTEGER;
ALTER TABLE session ADD COLUMN browser TEXT NOT NULL DEFAULT '';
ALTER TABLE session ADD COLUMN wrong INTEGER NOT NULL DEFAULT 0;
ALTER TABLE application ADD COLUMN used_at INTEGER;
ALTER TABLE log ADD COLUMN about TEXT;
